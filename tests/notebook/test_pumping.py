"""What must hold around taking messages, beside what real kernels show in test_panel.py."""

import os
import signal

import pytest

from colab_guard.notebook.pumping import Pump, _uninterrupted


def test_an_interrupt_comes_behind_the_taking_of_messages_and_not_in_its_middle():
    whole = []

    def take():
        with _uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
            whole.append("all of it")

    with pytest.raises(KeyboardInterrupt):
        take()
    assert whole == ["all of it"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_kernel_of_another_make_is_left_as_it_is():
    class Kernel:
        shell_stream = None

    with pytest.raises(AttributeError):
        Pump(Kernel(), lambda comm: True)

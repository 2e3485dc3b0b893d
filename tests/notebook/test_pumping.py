"""What must hold around taking messages, beside what real kernels show in test_panel.py."""

import os
import signal
import types

import pytest
import zmq
from tornado.ioloop import IOLoop
from zmq.eventloop.zmqstream import ZMQStream

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


def test_whoever_wakes_the_listener_never_waits_for_it():
    context = zmq.Context()
    with context.socket(zmq.PAIR) as near, context.socket(zmq.PAIR) as far:
        near.bind("inproc://test"), far.connect("inproc://test")
        stream = ZMQStream(far, IOLoop(make_current=False))
        stream.on_recv(print, copy=False)
        names = ("comm_manager", "shell_handlers", "session", "iopub_socket", "get_parent", "_topic")
        pump = Pump(types.SimpleNamespace(shell_stream=stream, **dict.fromkeys(names)), bool)
        for _ in range(100_000):
            pump.wake()
        pump.wait(0)
        pump.remove()
    context.term()


def test_a_kernel_of_another_make_is_left_as_it_is():
    class Kernel:
        shell_stream = None

    with pytest.raises(AttributeError):
        Pump(Kernel(), lambda comm: True)

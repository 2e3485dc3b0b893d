"""The test kernel itself: what it prints is heard, and its death is noticed."""

import os
import signal
import time

import pytest

from tests.support.kernel import Kernel, KernelDiedError


def test_hears_output_results_and_errors(tmp_path):
    with Kernel(cwd=tmp_path, env={"GREETING": "hello"}) as kernel:
        result = kernel.run("import os\nprint(os.environ['GREETING'], os.getcwd())\n1 + 1").check()
        assert result.text == f"hello {tmp_path}\n2\n"
        assert kernel.run("1 / 0").error.ename == "ZeroDivisionError"


def test_interrupts_and_goes_on():
    with Kernel() as kernel:
        heard = []
        execution = kernel.start("print('on my way')\nwhile True: pass", on_text=heard.append)
        while not heard:
            execution.poll(1)
        kernel.interrupt()
        while not execution.poll(1):
            pass
        assert execution.result.error.ename == "KeyboardInterrupt"
        assert kernel.run("'still here'").text == "'still here'\n"


def test_notices_a_death_long_before_the_timeout():
    with Kernel() as kernel:
        begun = time.monotonic()
        with pytest.raises(KernelDiedError):
            kernel.run(f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})", timeout=600)
        assert time.monotonic() - begun < 300


def test_is_gone_after_a_kill():
    with Kernel() as kernel:
        kernel.start("while True: pass")
        kernel.kill()
        with pytest.raises(ProcessLookupError):
            os.kill(kernel.pid, 0)


def test_an_interpreter_that_is_no_kernel_is_an_error():
    with pytest.raises(KernelDiedError):
        Kernel("/bin/true")

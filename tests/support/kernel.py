"""A real Jupyter kernel that a test may kill.

Guarantees: the process that `Kernel` started is gone when its ``with`` block ends, however it ends; a
kernel that dies while somebody waits for it is noticed within a tenth of a second (`KernelDiedError`);
two kernels never meet, for each has its own Unix sockets, its own IPython folder and no port.

    with Kernel(cwd=folder) as kernel:
        print(kernel.run("1 + 1").text)
        execution = kernel.start("while True: pass")
        while not execution.poll(0.1): ...
        kernel.kill()

Works with jupyter_client 7.4.9 up to the newest. A `Kernel` belongs to the thread that made it.
"""

import contextlib
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.connect import write_connection_file

START_SECONDS = 120.0  # a kernel on a busy machine takes a second or two; longer than this, something is wrong
LONGEST_SECONDS = 600.0  # a cell that runs longer than this hangs
ANSI = re.compile(r"\x1b\[[0-9;]*m")
OnText = Callable[[str], None]
Page = Callable[[dict[str, Any]], dict[str, Any] | None]
REAP_SECONDS = 60.0  # a SIGKILLed process is gone at once, unless it hangs in the kernel of the system


class KernelDiedError(RuntimeError):
    """The kernel's process ended while somebody waited for it; the message ends with what it last printed."""


class Error(NamedTuple):
    """An exception that a cell raised: class name, message, traceback without its colours."""

    ename: str
    evalue: str
    traceback: str


@dataclass
class Result:
    """What a cell printed, showed and asked. `text` holds stdout, stderr and text/plain results in their order;
    when a question came is not told, for it comes by a socket of its own.
    """

    text: str = ""
    asked: list[str] = field(default_factory=list)
    error: Error | None = None
    displays: list[dict[str, Any]] = field(default_factory=list)

    def check(self) -> Self:
        """Return self; raises AssertionError with the traceback if the cell raised."""
        assert self.error is None, f"{self.error.traceback}\n--- printed before:\n{self.text}"
        return self


class Kernel:
    """A kernel of *python* (default: this interpreter) in *cwd*, with *env* on top of this process's own."""

    def __init__(
        self,
        python: str | Path = sys.executable,
        cwd: str | Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="kernel-")
        folder = Path(self._folder.name)
        connection, _ = write_connection_file(str(folder / "connection.json"), transport="ipc", ip=str(folder / "ipc"))
        self._log = folder / "log.txt"
        self.page: Page | None = None  # answers what google.colab asks its page, see tests.standins.colab
        self._client = BlockingKernelClient(connection_file=connection)
        environment = {**os.environ, "IPYTHONDIR": str(folder / "ipython"), **(env or {})}
        environment["JPY_PARENT_PID"] = str(os.getpid())  # the kernel ends itself should this process vanish
        command = [str(python), "-m", "ipykernel_launcher", "-f", connection]
        try:
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    command,
                    cwd=cwd,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # its own process group: `close` ends what it forked, too
                )
        except OSError:
            self._folder.cleanup()
            raise
        try:
            self._client.load_connection_file()
            self._client.start_channels()
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The kernel's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def run(self, code: str, timeout: float = 120.0, *, hidden: bool = False, answer: str | None = None) -> Result:
        """Run a cell to its end; TimeoutError after *timeout* seconds, KernelDiedError at its death.

        Whatever the cell asks is given *answer*; without one there is nobody to ask.
        """
        execution = self.start(code, hidden=hidden, answer=answer)
        deadline = time.monotonic() + timeout
        while not execution.poll(0.1):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no end after {timeout} s: {code[:200]}\n{execution.result.text[-2000:]}")
        return execution.result

    def start(
        self, code: str, on_text: OnText | None = None, *, hidden: bool = False, answer: str | None = None
    ) -> "Execution":
        """Start a cell and return at once; *on_text* hears what it prints, during `Execution.poll`.

        *hidden* leaves no trace in In, Out and the execution count.
        """
        message = self._client.execute(
            code,
            store_history=not hidden,
            allow_stdin=answer is not None,
            stop_on_error=False,  # else an error makes the kernel drop, in silence, what comes right after it
        )
        return Execution(self, message, on_text, answer)

    def interrupt(self) -> None:
        """What the stop button does."""
        os.kill(self.pid, signal.SIGINT)

    def ask_to_end(self, *, by_signal: bool, within: float = 120.0) -> int:
        """What a server does first: a message, or SIGTERM to one that is busy; its exit status once it has gone."""
        if by_signal:
            self._process.terminate()
        else:
            self._client.shutdown()
        return self._process.wait(within)

    def kill(self) -> None:
        """SIGKILL the kernel's process and return once it is gone. What it forked is left to notice."""
        self._process.kill()
        self._process.wait(REAP_SECONDS)

    def close(self) -> None:
        """End the process and all it forked, close sockets, remove files. May be called twice."""
        with contextlib.suppress(ProcessLookupError):  # nothing left of it
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(REAP_SECONDS)
        self._client.stop_channels()
        self._client.context.destroy(linger=0)
        self._folder.cleanup()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self._client.wait_for_ready(timeout=1)
                return
            except RuntimeError as error:  # jupyter_client's answer both to slow and to dead
                self._raise_if_dead()
                if time.monotonic() > deadline:
                    raise TimeoutError(f"the kernel does not answer:\n{self._last_words()}") from error

    def _raise_if_dead(self) -> None:
        if not self.alive:
            raise KernelDiedError(f"the kernel ended with {self._process.returncode}:\n{self._last_words()}")

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace")[-4000:] if self._log.exists() else ""


class Execution:
    """A cell under way. `result` grows while it is polled."""

    def __init__(self, kernel: Kernel, message: str, on_text: OnText | None, answer: str | None) -> None:
        self._kernel, self._message, self._on_text, self._answer = kernel, message, on_text, answer
        self.result = Result()
        self.done = False
        self._begun = time.monotonic()

    def poll(self, timeout: float = 0.0) -> bool:
        """Take in what has arrived, waiting up to *timeout* seconds for something; True once the cell ended.

        Raises KernelDiedError when the kernel is dead and all it said has been taken in, and TimeoutError for a cell
        that runs longer than any should: who polls waits without a limit.
        """
        if time.monotonic() - self._begun > LONGEST_SECONDS:
            raise TimeoutError(f"a cell has run for {LONGEST_SECONDS:.0f} s: {self.result}")
        dead = False
        if self._answer is not None:
            with contextlib.suppress(queue.Empty):
                asked = self._kernel._client.get_stdin_msg(timeout=0)
                self.result.asked.append(asked["content"]["prompt"])
                self._kernel._client.input(self._answer)
        while not self.done:
            try:
                self._take(self._kernel._client.get_iopub_msg(timeout=timeout))
            except queue.Empty:
                if self._kernel.alive:
                    break
                if dead:
                    self._kernel._raise_if_dead()
                dead = True  # once more: it may have spoken between the look at the queue and the look at it
            timeout = 0.0  # waited once; from now on only what is there already
        return self.done

    def _take(self, message: dict[str, Any]) -> None:
        if message["msg_type"] == "colab_request" and self._kernel.page:
            if answer := self._kernel.page(message):
                self._kernel._client.input(answer)
            return
        if message["parent_header"].get("msg_id") != self._message:
            return
        kind, content = message["msg_type"], message["content"]
        if kind == "stream":
            self._say(content["text"])
        elif kind in ("execute_result", "display_data"):
            self.result.displays.append(content["data"])
            self._say(content["data"].get("text/plain", "") + "\n")
        elif kind == "error":
            self.result.error = Error(
                content["ename"], content["evalue"], ANSI.sub("", "\n".join(content["traceback"]))
            )
        elif kind == "status" and content["execution_state"] == "idle":
            self.done = True

    def _say(self, text: str) -> None:
        self.result.text += text
        if self._on_text:
            self._on_text(text)

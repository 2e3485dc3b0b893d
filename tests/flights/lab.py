"""A kernel that is to die, and what its flight and its machine say afterwards."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from queue import Empty
from typing import Any, Self

from jupyter_client.manager import KernelManager

from colab_guard.flight.causes import Here
from colab_guard.flight.reading import Flight, flights
from tests.standins.drive import Drive

CHECKOUT = Path(__file__).parents[2]
GROUPS = Path("/sys/fs/cgroup/memory")
WAIT_SECONDS = 90.0
AFTER, LATER = 45.0, 1200.0  # by the injected clock: when the flight is read, after its last line; on another machine
CRASH_LINES = 3  # of a thread
LATE, EARLY, EVERY = 130.0, 3600.0, 600.0  # of the last so many seconds every beat is kept, of the last hour a few
READ = """
import dataclasses, json, sys
from colab_guard.flight.here import here
from colab_guard.flight.reading import flights
print(json.dumps(dataclasses.asdict(here(flights(sys.argv[1])[0]))))
"""


@dataclass
class Recording:
    """A flight, what was known where it was read, and the truth: `cause`, and `signal` where that is the cause.
    `apart`: it was not looked at while the rules were written.
    """

    cause: str
    how: str
    flight: Flight
    here: Here
    signal: str = ""
    stand_ins: list[str] = field(default_factory=list)
    apart: bool = False

    def write(self, path: Path) -> None:
        """As one file, thinned out."""
        told = ("cause", "signal", "how", "stand_ins", "apart")
        head = {name: getattr(self, name) for name in told} | {"here": asdict(self.here)}
        lines = [head, self.flight.start, *_thinned(self.flight)]
        path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))

    @classmethod
    def read(cls, path: Path) -> Self:
        """What `write` wrote."""
        head, start, *lines = map(json.loads, path.read_text().splitlines())
        known = head["here"]
        here = Here(**{**known, "log": tuple(map(tuple, known["log"]))})
        flight = Flight(start["session"], start, lines)
        return cls(flight=flight, **{**head, "here": here})


def _thinned(flight: Flight) -> list[dict[str, Any]]:
    kept, seen = [], set[int]()
    for line in reversed(flight.lines):
        before = flight.last - line["t"]
        part = int(before // EVERY)
        if line["kind"] != "beat" or before <= LATE or (before <= EARLY and part not in seen):
            kept.append({name: _short(value) for name, value in line.items()})
            seen.add(part)
    return kept[::-1]


def _short(value: Any) -> Any:
    if isinstance(value, str) and "Current thread" in value:  # of the fault handler: the first line, and that thread
        value = re.sub(r'"/[^"]*/([^/"]+)"', r'"\1"', value)  # not where this machine has its files
        _, _, current = value.partition("Current thread")
        return "\n".join([value.partition("\n")[0], "", *f"Current thread{current}".splitlines()[:CRASH_LINES]])
    return round(value, 2) if isinstance(value, float) else value


@contextmanager
def control_group(limit_bytes: int) -> Iterator[Path]:
    """A control group that so much memory is allowed; nobody may be in it at the end."""
    folder = GROUPS / f"colab_guard-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    try:
        (folder / "memory.limit_in_bytes").write_text(str(limit_bytes))
        yield folder
    finally:
        folder.rmdir()


class Lab:
    """One session, to be recorded: a kernel with colab_guard in it, in a folder of its own. Used in one thread.

    *group_bytes* bounds it by a control group. With *drive* the store lies on that, and the kernel's disk is lost with
    its machine. *up* is how long the machine was up already, *host* what it is the host of.
    """

    def __init__(
        self, folder: Path, *, speed: float = 40.0, group_bytes: int = 0, drive: bool = False, up: float | None = None,
        host: str = "Jupyter",
    ) -> None:  # fmt: skip
        self.folder, self.stand_ins = folder, ["the clock"]
        self._ends = ExitStack()
        self.group = self._ends.enter_context(control_group(group_bytes)) if group_bytes else None
        self.drive = self._ends.enter_context(Drive(folder / "drive")) if drive else None
        self.store = folder / "store" if self.drive is None else self.drive.my_drive / "store"
        self._speed, self._up, self._host = speed, up, host
        if up is not None:
            self.stand_ins.append("the machine's uptime")
        if host != "Jupyter":
            self.stand_ins.append(f"the host ({host})")
        self.printed = ""
        environment = {
            **os.environ, "PYTHONPATH": str(CHECKOUT), "COLAB_GUARD_STORE": str(self.store),
            "IPYTHONDIR": str(folder / "ipython"),
            "COLAB_GUARD_LOCAL": str(folder / "local"), "COLAB_GUARD_NOTEBOOK": "train", "COLAB_GUARD_EVERY": "0.5s",
        }  # fmt: skip
        if self.drive is not None:
            environment["COLAB_GUARD_DRIVE"] = str(self.drive.mount)
        self._environment = environment
        self.manager = KernelManager(
            transport="ipc",
            ip=str(folder / "ipc"),
            connection_file=str(folder / "connection.json"),
            shutdown_wait_time=WAIT_SECONDS,  # then it is told by signals, and another death is recorded
        )
        self._log = self._ends.enter_context((folder / "log.txt").open("wb"))  # restart_kernel wants it again
        self.manager.start_kernel(cwd=str(folder), env=environment, stdout=self._log, stderr=self._log)
        self.pid = self.manager.provisioner.pid
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=WAIT_SECONDS)
        if self.group:
            (self.group / "cgroup.procs").write_text(str(self.pid))
        self.run(f"from tests.flights.inside import CLOCK, prepare; prepare({speed}, {up}, {host!r})", hidden=True)
        self.load()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel(now=True)
        self._ends.close()

    # -- what runs in the kernel ------------------------------------------------------------------------------

    def load(self) -> None:
        """Loads colab_guard, and waits until it records."""
        self.run("%load_ext colab_guard", hidden=True)
        place = self.folder / ("store" if self.drive is None else "local")
        deadline = time.monotonic() + WAIT_SECONDS
        while not any(path.stat().st_size for path in place.rglob("flight/*.jsonl")):
            assert time.monotonic() < deadline, "nothing is recorded"
            time.sleep(0.05)
        self.pass_time(30)

    def run(self, code: str, *, hidden: bool = False) -> bool:
        """Runs a cell to its end; whether it came to it, and not to the kernel's."""
        self.start(code, hidden=hidden)
        return self.until(lambda: self._ended)

    def start(self, code: str, *, hidden: bool = False) -> None:
        """Begins to run a cell."""
        self._message, self._ended, self.printed = self.client.execute(code, store_history=not hidden), False, ""

    def until(self, true: Callable[[], bool]) -> bool:
        """Takes in what the kernel says until something is so; False where it dies before. Raises TimeoutError."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not true():
            try:
                message = self.client.get_iopub_msg(timeout=0.1)
            except Empty:
                if not self.manager.is_alive():
                    return False
                if time.monotonic() > deadline:
                    raise TimeoutError(f"still waiting; printed: {self.printed[-2000:]}") from None
                continue
            if message["parent_header"].get("msg_id") == self._message:
                content = message["content"]
                self.printed += content.get("text", "") + "\n".join(content.get("traceback", []))
                self._ended |= content.get("execution_state") == "idle"
        return True

    def goes(self, code: str, seconds: float) -> None:
        """Begins a cell that prints, and lets it go on for so long by the injected clock."""
        self.start(code)
        assert self.until(lambda: bool(self.printed)), "it died too early"
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        """Lets so much time pass by the injected clock."""
        time.sleep(
            seconds / self._speed
        )  # nothing here waits for something to happen: the time itself is what is recorded

    def faster(self, speed: float) -> None:
        """The clock runs so fast from now on. No cell may be running."""
        self.run(f"CLOCK.run({speed})", hidden=True)
        self._speed = speed

    # -- deaths -----------------------------------------------------------------------------------------------

    def killed(self) -> Self:
        """SIGKILL, from outside."""
        os.kill(self.pid, 9)
        return self.dead()

    def dead(self) -> Self:
        """Waits until the kernel has gone."""
        deadline = time.monotonic() + WAIT_SECONDS
        while self.manager.is_alive():
            assert time.monotonic() < deadline, f"the kernel lives: {self.printed[-2000:]}"
            time.sleep(0.05)
        return self

    # -- what is left -----------------------------------------------------------------------------------------

    def recording(
        self, cause: str, how: str, signal: str = "", *, inside_group: bool = True, after: float = AFTER
    ) -> Recording:
        """The flight as a new kernel on the same machine reads it; *inside_group*: in the same control group."""
        self._set_times()
        enter = (
            (lambda: (self.group / "cgroup.procs").write_text(str(os.getpid())))
            if self.group and inside_group
            else None
        )
        told = subprocess.run(
            [sys.executable, "-c", READ, str(self.root)], capture_output=True, text=True, check=True,
            env=self._environment, preexec_fn=enter,
        ).stdout  # fmt: skip
        flight = flights(self.root)[0]
        here = json.loads(told)
        return Recording(
            cause, how, flight, Here(**{**here, "log": (), "t": round(flight.last + after, 2)}), signal, self.stand_ins
        )

    def recording_of_lost_machine(self, cause: str, how: str, after: float = LATER) -> Recording:
        """The flight as another machine reads it, from Drive: the kernel is dead, and so is its disk."""
        assert self.drive is not None
        self.stand_ins.append(
            "the machine's death: its kernel was killed, its disk is gone, and the boot id is another"
        )
        self.drive.lose_vm()
        shutil.rmtree(self.folder / "local", ignore_errors=True)
        self.drive.remount()
        flight = flights(self.store)[0]
        here = Here(round(flight.last + after, 2), boot=str(uuid.uuid4()), oom_kills={"cgroup": 0, "machine": 0})
        return Recording(cause, how, flight, here, "", self.stand_ins)

    @property
    def root(self) -> Path:
        """The folder in which the flight is, on the kernel's disk."""
        if self.drive is None:
            return self.store
        return next(path.parent for path in (self.folder / "local").rglob("flight"))

    def _set_times(self) -> None:
        """The fault handler's file is dated by the system; the death was at the flight's last line."""
        last = flights(self.root)[0]
        ends = max((line["t"] for line in last.lines if line.get("what") != "crash"), default=last.start["t"])
        for path in self.root.glob("flight/*.crash"):
            os.utime(path, (ends + 1, ends + 1))


def elsewhere(recording: Recording, *, after: float = AFTER) -> Recording:
    """The same, read from a third place, such as by `colab-guard why` on a laptop."""
    last = recording.flight.last
    here = Here(round(last + after, 2), boot=str(uuid.uuid4()), oom_kills={"machine": 0}, successor=False)
    return replace(recording, here=here, how=f"{recording.how}; read elsewhere")

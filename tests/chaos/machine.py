"""A VM with a kernel on it, in front of the stand-in for Drive: all of it but the account goes when it dies."""

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from colab_guard.store import packs
from colab_guard.store.manifest import FOLDER, Manifest, read
from tests.chaos.cell import Cell
from tests.chaos.harness import LIFE_SECONDS
from tests.standins.colab import Colab
from tests.standins.drive import Drive
from tests.support.kernel import Kernel, KernelDiedError

STORE = "MyDrive/colab_guard/notebook"
LOOK_SECONDS = 0.002
Told = Mapping[str, float | None]  # see reporter


class Vm:
    """One with *disk* for all that is on its own, new or as a kernel that crashed left it; *told* is written beside it.
    `close` ends its kernel.
    """

    def __init__(self, drive: Drive, python: str, disk: Path, environment: Mapping[str, str], told: Path) -> None:
        self._drive, self._disk, self._told = drive, disk, told
        told.touch()
        for folder in ("home", "work"):
            (disk / folder).mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            colab = stack.enter_context(Colab(drive))
            stand_in = colab.environment["PYTHONPATH"].partition(":")[0]
            own = {
                **environment, **colab.environment, "PYTHONPATH": f"{stand_in}:{environment['PYTHONPATH']}",
                "HOME": str(disk / "home"), "COLAB_GUARD_LOCAL": str(disk / "local"),
                "COLAB_GUARD_DRIVE": str(drive.mount), "COLAB_GUARD_STORE": "",
                "COLAB_GUARD_KEY": "",  # the next VM knows only what is in the account
            }  # fmt: skip
            self.kernel = stack.enter_context(Kernel(python, disk / "work", own))
            self.kernel.page = colab.page
            self._stack = stack.pop_all()

    def start(self, cell: Cell) -> None:
        """Starts the guarded cell, of which is told from now on."""
        report = f"__import__('reporter').start(get_ipython(), {name_of(cell)!r}, {str(self._told)!r})"
        self.kernel.run(report, hidden=True).check()
        self.begun = time.monotonic()
        self.execution = self.kernel.start(cell.guarded)

    @property
    def seconds(self) -> float:
        """Since the cell was started."""
        return time.monotonic() - self.begun

    def wait(self, until: Callable[[], object], seconds: float) -> bool:
        """Lets the cell run until something is so, for at most some seconds; whether it is."""
        end = time.monotonic() + seconds
        while not until():
            if time.monotonic() > end:
                return False
            if self.execution.poll(LOOK_SECONDS):
                time.sleep(LOOK_SECONDS)  # nothing comes any more
        return True

    def pass_seconds(self, seconds: float) -> None:
        """Lets the cell run for so long."""
        self.wait(lambda: False, seconds)

    def is_durable(self) -> bool:
        """Whether a user is told that the newest snapshot is; none is made where a finished cell was put back."""
        told = self.told()
        return told is not None and told["durable"] is not None and told["newest"] in (None, told["durable"])

    def finish(self) -> None:
        """Lets the cell run to its end. Raises TimeoutError, AssertionError where it was interrupted."""
        if not self.wait(lambda: self.execution.done, LIFE_SECONDS):
            raise TimeoutError(f"no end after {LIFE_SECONDS} s:\n{self.execution.result.text[-2000:]}")
        self.execution.result.check()

    def told(self) -> Told | None:
        """What a user would have been told last; None where the cell had not begun to run."""
        lines = self._told.read_bytes().rpartition(b"\n")[0].splitlines()
        return json.loads(lines[-1]) if lines else None

    def crash(self) -> None:
        """Its kernel dies, and nothing else."""
        self.kernel.kill()
        with contextlib.suppress(KernelDiedError):
            self.execution.poll()
        self.close()

    def die(self, *, mount_first: bool) -> bool:
        """All at once, as far as two processes can be killed at once; whether files were on their way to the cloud."""
        for kill in (self._drive.kill, self.kernel.kill) if mount_first else (self.kernel.kill, self._drive.kill):
            kill()
        with contextlib.suppress(KernelDiedError):
            self.execution.poll()  # its last words
        self.close()
        uploading = any(path.is_file() for path in self._drive.cache.rglob("*"))
        self._drive.lose_vm()
        shutil.rmtree(self._disk)
        return uploading

    def close(self) -> None:
        """May be called twice."""
        self._stack.close()


def name_of(cell: Cell) -> str:
    """The name under which the guarded cell's snapshots are kept."""
    return cell.guarded.split(maxsplit=2)[1]


def newest(drive: Drive, cell: Cell, disk: Path | None) -> float | None:
    """When the newest snapshot was taken of which everything is in the account; or, with the *disk* of a VM that lives,
    there, or on its way.
    """
    stores = [drive.cloud / STORE]
    if disk is not None:
        stores = [drive.my_drive.parent / STORE, *(path.parent for path in (disk / "local").rglob(FOLDER))]
    found = [
        read(path.read_bytes(), f"{FOLDER}/{path.name}") for store in stores for path in (store / FOLDER).glob("*.json")
    ]
    sizes = {path.name: path.stat().st_size for store in stores for path in (store / packs.FOLDER).glob("*")}
    whole = [one for one in found if one is not None and one.cell == name_of(cell) and _is_whole(sizes, one)]
    return max((one.created for one in whole), default=None)


def _is_whole(sizes: Mapping[str, int], snapshot: Manifest) -> bool:
    ends = {Path(packs.pack_name(blob.pack)).name: blob.offset + blob.size_bytes for blob in snapshot.blobs}
    return all(sizes.get(pack, -1) >= end for pack, end in ends.items())

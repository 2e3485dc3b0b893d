"""A notebook on Colab, with stand-ins for its package and for Drive's mount (see tests/standins): what was durable
survives the VM, and nothing is let go before it is.
"""

import os
import random
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from colab_guard.flight.reading import flights
from tests.notebook.book import BOTH, ROOM_IN_MEMORY, ROOM_ON_DISK, said
from tests.standins.colab import Colab
from tests.support.kernel import Kernel, KernelDiedError

pytestmark = BOTH
CELL = """%%checkpointed train --every 1it
import os, random, time
total = 0.0
for i in range({items}):
    total += random.random()
    if os.path.exists("wait") and i == 3:
        print("at the fourth")
        while os.path.exists("wait"):
            time.sleep(0.01)
print(i, total)
"""
ABOVE = "import random; random.seed(7)"
# What is waited for no longer than some seconds, so that nobody waits for what hangs.
PATIENT = """
import importlib
for name in (
    "notebook.extension.LOOK_SECONDS", "notebook.flight.EXIT_SECONDS", "running.signals.GRACE_SECONDS",
    "saving.writer.FINISH_SECONDS", "tiers.opening.FINISH_SECONDS",
):
    module, name = f"colab_guard.{name}".rsplit(".", 1)
    module = importlib.import_module(module)
    assert getattr(module, name) < 60
    setattr(module, name, 60.0)
del importlib, module, name"""
BRIEF = "from colab_guard.keepalive import countdown; countdown.COUNTDOWN_SECONDS = 0.5"


class Vm:
    """One VM of an account: a disk, and a kernel with colab_guard on it."""

    def __init__(self, drive: Any, python: str, disk: Path, **environment: str) -> None:
        self.drive, self.disk = drive, disk
        (disk / "home").mkdir(parents=True)
        self.colab = Colab(drive)
        self.colab.__enter__()
        environment = {
            **self.colab.environment, "COLAB_GUARD_KEY": "", "HOME": str(disk / "home"),
            "COLAB_GUARD_DRIVE": str(drive.mount), "COLAB_GUARD_LOCAL": str(disk / "local"),
            "COLAB_GUARD_LIMIT": "1000h",  # not this machine's age decides
            **environment,
        }  # fmt: skip
        self.kernel = Kernel(python, cwd=disk, env=environment)
        self.kernel.page = self.colab.page
        self.run("\n".join([PATIENT, ROOM_ON_DISK, ROOM_IN_MEMORY])).check()
        self.greeting = said(self.run("import google.colab\n%load_ext colab_guard"))
        self.run(ABOVE)

    def run(self, cell: str, **options: Any) -> Any:
        return self.kernel.run(cell, **options)

    def wait_until_durable(self) -> None:
        """Asks until the newest snapshot is said to be."""
        wait_for(
            lambda: re.search(r"· durable \d+ \w+ ago · by the files' ids ·", self.run("%guard status").check().text)
        )

    def die(self) -> None:
        """The VM is gone, with all that was not uploaded."""
        self.kernel.kill()
        self.end()
        self.drive.lose_vm()
        shutil.rmtree(self.disk)

    def end(self) -> None:
        self.kernel.close()
        self.colab.__exit__(None, None, None)


@pytest.fixture
def new_vm(python: str, tmp_path: Path) -> Iterator[Callable[..., Vm]]:
    made: list[Vm] = []

    def make(drive: Any, **environment: str) -> Vm:
        made.append(Vm(drive, python, tmp_path / f"vm-{len(made)}", **environment))
        return made[-1]

    yield make
    for vm in made:
        vm.end()


def expected(items: int) -> str:
    source = random.Random(7)
    total = 0.0
    for _ in range(items):
        total += source.random()
    return f"{items - 1} {total}"


def test_a_new_vm_goes_on_from_what_was_durable(new_drive, new_vm):
    drive = new_drive()
    vm = new_vm(drive)
    (vm.disk / "wait").touch()
    execution = vm.kernel.start(CELL.format(items=9))
    wait_for(lambda: execution.poll() or len(snapshots(drive)) > 1)
    vm.die()
    drive.remount()
    later = new_vm(drive)
    assert "was in the middle of train" in " ".join(later.greeting)
    result = later.run(CELL.format(items=9)).check()
    assert "came from" in result.text
    assert "train resumed" in result.text
    assert expected(9) in result.text


def test_saved_and_durable_are_two_figures(new_drive, new_vm):
    drive = new_drive(paused=True)
    vm = new_vm(drive)
    vm.run(CELL.format(items=3)).check()
    assert re.search(r"saved \d+ \w+ ago", text := vm.run("%guard status").check().text)
    assert "not durable yet, uploading" in text
    drive.resume_uploads()
    vm.wait_until_durable()


def test_the_runtime_is_not_released_before_all_is_durable(new_drive, new_vm):
    drive = new_drive(paused=True)
    vm = new_vm(drive)
    vm.run(CELL.format(items=3)).check()
    waiting = vm.kernel.start("%guard release")
    wait_for(lambda: waiting.poll() or "waiting for 1" in waiting.result.text)
    vm.kernel.interrupt()
    wait_for(waiting.poll)
    assert (waiting.result.error.ename, vm.colab.unassigned) == ("KeyboardInterrupt", 0)
    drive.resume_uploads()
    vm.wait_until_durable()
    assert vm.run("%guard release").check()
    assert vm.colab.unassigned == 1
    assert "released" in whats(drive.cloud / "MyDrive/colab_guard/notebook")


def test_a_cell_that_is_done_and_durable_releases_the_runtime_and_its_results_do_not(new_drive, new_vm):
    cell = CELL.format(items=3).replace("1it", "1it --release-when-done")
    drive = new_drive()
    vm = new_vm(drive)
    failed = vm.run(cell.replace("print(i, total)", "0 / 0"))
    assert (failed.error.ename, vm.colab.unassigned) == ("ZeroDivisionError", 0)
    vm.run(BRIEF)
    vm.run(cell.replace("train", "other")).check()
    wait_for(lambda: vm.colab.unassigned)
    assert vm.colab.unassigned == 1
    vm.die()
    drive.remount()
    later = new_vm(drive)
    assert "results were put back" in later.run(cell.replace("train", "other")).check().text
    assert later.colab.unassigned == 0


def test_what_lies_on_this_machine_alone_is_lost_only_by_force(new_drive, new_vm, tmp_path):
    vm = new_vm(new_drive())
    vm.run(CELL.format(items=3).replace("1it", f"1it --store {tmp_path}/here")).check()
    refused = vm.run("%guard release").error
    assert "on this machine's disk only" in refused.evalue
    assert vm.colab.unassigned == 0
    vm.run("%guard release --force").check()
    assert vm.colab.unassigned == 1


def test_what_was_taken_before_drive_was_mounted_is_moved_up(new_drive, new_vm):
    drive = new_drive()
    drive.lose_vm()
    vm = new_vm(drive)
    assert "mount Drive" in vm.run("%guard status").check().text
    vm.run(CELL.format(items=3)).check()
    assert not drive.mounted
    assert "mounted" in vm.run("%guard mount").check().text
    vm.wait_until_durable()
    drive.wait_uploaded()
    vm.die()
    drive.remount()
    result = new_vm(drive).run(CELL.format(items=3)).check()
    assert "train finished earlier" in result.text


def test_what_was_taken_before_drive_was_mounted_outlives_the_vm_though_drive_has_another_key(new_drive, new_vm):
    drive = new_drive()
    first = new_vm(drive)
    first.run(CELL.format(items=3).replace("train", "first")).check()
    first.wait_until_durable()
    first.die()
    vm = new_vm(drive)
    vm.run(CELL.format(items=3)).check()
    assert "mounted" in vm.run("%guard mount").check().text
    vm.wait_until_durable()
    vm.die()
    drive.remount()
    assert "train finished earlier" in new_vm(drive).run(CELL.format(items=3)).check().text


def test_drive_is_not_mounted_over_files(new_drive, new_vm):
    drive = new_drive()
    drive.lose_vm()
    vm = new_vm(drive)
    (drive.mount / "MyDrive").mkdir(parents=True)
    error = vm.run("%guard mount").error
    assert (error.ename, "MyDrive" in error.evalue) == ("UsageError", True)


def test_a_mount_that_dies_interrupts_no_cell_and_loses_no_snapshot(new_drive, new_vm):
    drive = new_drive()
    vm = new_vm(drive)
    (vm.disk / "wait").touch()
    execution = vm.kernel.start(CELL.format(items=9))
    wait_for(lambda: execution.poll() or snapshots(drive))
    drive.kill()
    (vm.disk / "wait").unlink()
    wait_for(execution.poll)
    assert expected(9) in execution.result.check().text
    status = vm.run("%guard status").check().text
    assert "mount" in status
    drive.remount()
    assert "mounted" in vm.run("%guard mount").check().text
    vm.wait_until_durable()
    drive.wait_uploaded()
    vm.die()
    drive.remount()
    assert "train finished earlier" in new_vm(drive).run(CELL.format(items=9)).check().text


def test_before_a_runtime_that_is_asked_to_end_does_its_last_state_is_uploaded(new_drive, new_vm):
    drive = new_drive()
    vm = new_vm(drive)
    (vm.disk / "wait").touch()
    execution = vm.kernel.start(CELL.format(items=9).replace("1it", "1h"))
    wait_for(lambda: execution.poll() or "at the fourth" in execution.result.text)
    os.kill(vm.kernel.pid, signal.SIGTERM)
    with pytest.raises(KernelDiedError):
        wait_for(execution.poll)
    vm.die()
    drive.remount()
    result = new_vm(drive).run(CELL.format(items=9)).check()
    assert "train resumed at line 8" in result.text
    assert expected(9) in result.text


def test_how_a_vm_ended_is_known_on_drive_when_it_is_gone(new_drive, new_vm):
    drive = new_drive()
    vm = new_vm(drive)
    vm.run(CELL.format(items=3)).check()
    vm.kernel.ask_to_end(by_signal=False)
    drive.wait_uploaded()
    vm.die()
    (flight,) = flights(drive.cloud / "MyDrive/colab_guard/notebook")
    assert flight.start["host"] == "colab"
    assert {beat["store"] for beat in flight.beats} <= {"ok"}
    told = whats(drive.cloud / "MyDrive/colab_guard/notebook")
    end = told.index("shutdown")
    assert told[end - 2 : end] == ["cell-began", "cell-ended"]


def whats(store: Path) -> list[str]:
    """The events of the newest flight of a store."""
    return [event["what"] for event in flights(store)[0].events]


def snapshots(drive: Any) -> list[str]:
    folder = drive.cloud / "MyDrive/colab_guard/notebook/snapshots"
    return os.listdir(folder) if folder.exists() else []


def wait_for(what: Callable[[], Any]) -> None:
    end = time.monotonic() + 120
    while not what():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.02)

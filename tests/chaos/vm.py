"""VMs that die, and mounts that do, under a cell whose snapshots go to a Drive (tests/standins): what was reported
durable must be there, and the end must be that of a run that was left alone.

A VM is a kernel, a disk with its home and the folder of the local tier, and the Drive's mount. When it dies all that is
gone, with what was not uploaded; the next one has nothing but the account. The instant of a death is uniformly random
in what is left of the cell and a little more; or, where it is aimed at an upload, follows within it. What was reported
is what `%guard status` would have said: `reporter` writes it down at every change, beside the VM.

What this can't show is named in the stand-in: uploads there come one after another, in the order of the writing.
"""

import contextlib
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.cell import Cell
from tests.chaos.harness import (
    LEAST_REMAINING_SECONDS,
    SAID,
    Bench,
    begin,
    differing,
    digests_at_end,
    environment,
    usual_seconds,
    wanted_end,
)
from tests.chaos.machine import STORE, Vm, newest
from tests.chaos.report import Outcome
from tests.standins.drive import Drive
from tests.support.kernel import KernelDiedError

CELLS = {"random_walk": 10_000, "torch_ema": 60_000, "backbone": 1_100_000}  # bytes that a snapshot uploads, about
UPLOAD_SECONDS = 0.02, 3.0  # for a snapshot; those are taken every 0.2 s, so that most are superseded on a slow line
DELAY_SECONDS = 1.5  # at most, before an upload begins
AIM_SECONDS = 3.0  # how long an upload is waited for
AFTER_END = 1.25  # deaths also come when the cell has ended, and its last snapshot is on its way
SETTLE_SECONDS = 90.0
LOSSES = ("killed", "unmounted", "errno 107", "errno 5", "errno 103")
LOSS_SECONDS = 2.5  # at most, until the mount is back
CRASH_CHANCE = 0.2  # that only the kernel dies: the next one finds the disk, and on Drive what was being written
DEATH_IN_LOSS_CHANCE = 0.2
FINISHED_LIFE_CHANCE = 0.25
FAILED = "no snapshot could be taken"
VERIFY = "print(__import__('colab_guard').store.repository.Repository.open({place!r}).verify().problems)"


@dataclass(frozen=True)
class Death:
    """Of one VM: in which life, how long after its cell began, whether something was on its way to the cloud then, and
    how old the state was that had been reported durable; None for none.
    """

    life: int
    seconds: float
    uploading: bool
    durable_age_seconds: float | None


@dataclass
class VmReport:
    """Of one run. `losses`: how the mount was lost, for how many seconds; `folder` is kept after a problem."""

    cell: str
    seed: int
    deaths: list[Death] = field(default_factory=list)
    losses: list[tuple[str, float]] = field(default_factory=list)
    first_lines: list[str] = field(default_factory=list)
    crashes: int = 0  # of kernels alone
    resumes: int = 0
    problems: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    settle_seconds: list[float] = field(default_factory=list)
    settings: str = ""
    folder: str = ""


def vm_run(cell: Cell, bench: Bench, aims: tuple[bool, ...], losses: int, seed: int) -> VmReport:
    """Runs *cell* on one VM after the other, of which each but the last dies (*aims*: whether in an upload); on the
    first the mount is lost *losses* times in the middle of the cell. Compares the end with the reference.
    """
    report = VmReport(cell.name, seed, folder=tempfile.mkdtemp(dir=bench.folder, prefix=f"vm-{cell.name}-{seed}-"))
    run = _Run(cell, bench, report)
    try:
        with run.drive:
            run.go(aims, losses)
    except (AssertionError, KernelDiedError, TimeoutError, OSError, ValueError) as error:
        report.problems.append(f"life {len(report.first_lines) or 1}: {error}")
    if not report.problems and not report.lost:
        shutil.rmtree(report.folder)
        report.folder = ""
    return report


class _Run:
    """The lives of one run."""

    def __init__(self, cell: Cell, bench: Bench, report: VmReport) -> None:
        self.cell, self.bench, self.report = cell, bench, report
        self.folder = Path(report.folder)
        self.random = random.Random(report.seed)
        delay = self.random.choice((0.0, self.random.uniform(0, 0.2), self.random.uniform(0, DELAY_SECONDS)))
        shortest, longest = UPLOAD_SECONDS
        at_once = self.random.random() < 0.2
        self.upload_seconds = 0.0 if at_once else shortest * (longest / shortest) ** self.random.random()
        speed = CELLS[cell.name] / self.upload_seconds if self.upload_seconds else None
        pace = f"at {speed:,.0f} bytes/s" if speed else "at once"
        report.settings = f"uploads begin after {delay:.2f} s, and are done {pace}"
        self.drive = Drive(self.folder / "drive", delay_seconds=delay, bytes_per_second=speed)
        self.origin: tuple[int, Path] | None = None  # hash seed and start of the life that began afresh
        self.reported: float | None = None  # when the newest snapshot was taken that was called durable
        self.disk: Path | None = None  # of the VM that lives
        self.lives: list[tuple[float, float]] = []  # when their cells began, and the seconds of work done before

    def go(self, aims: tuple[bool, ...], losses: int) -> None:
        end = self.live(lambda vm: self.lose(vm, losses)) if losses else None
        for aimed in () if end else aims:
            self.live(lambda vm, aimed=aimed: self.die(vm, aimed))
            if "finished" in self.report.first_lines[-1]:
                break
        end = end or self.live()
        assert end is not None
        wanted = wanted_end(self.cell, self.bench, self.origin)
        self.compare(end, wanted, "")
        if losses or self.random.random() < FINISHED_LIFE_CHANCE:
            again = self.live()
            assert again is not None
            assert "finished" in self.report.first_lines[-1], self.report.first_lines[-1]
            self.compare(again, wanted, "put back on a new VM: ")

    def live(self, script: Callable[[Vm], bool] | None = None) -> Outcome | None:
        """One life; None if it died by the *script*, which is called once its cell runs, and says so."""
        life = len(self.report.first_lines) + 1
        hash_seed, start = self.random.randrange(1, 2**32), self.folder / f"start-{life}.pickle"
        there, reported = newest(self.drive, self.cell, self.disk), self.reported
        own = environment(self.bench, self.folder, hash_seed)
        if self.disk is None:
            self.disk = self.folder / f"vm-{life}"
            self.drive.remount()
        told = self.folder / f"told-{life}.jsonl"
        with contextlib.closing(Vm(self.drive, self.bench.python, self.disk, own, told)) as vm:
            vm.kernel.run("import google.colab\n%load_ext colab_guard").check()
            for code in self.cell.above:
                vm.kernel.run(code).check()
            begin(vm.kernel, None if self.cell.seeded else start, write=True)
            self.lives.append((time.time(), self.worked(there)))
            vm.start(self.cell)
            try:
                died = script is not None and script(vm)
                if not died:
                    vm.finish()
            finally:
                self.listen(life, vm, there, reported)
            if (told := vm.told()) is not None and told["resumed"] is None:
                self.origin = hash_seed, start
            return None if died else self.settle(vm)

    def die(self, vm: Vm, aimed: bool) -> bool:
        """The VM, or sometimes only its kernel, dies at an instant of the cell, or soon after its end; or, aimed, while
        something is uploaded.
        """
        left = max(LEAST_REMAINING_SECONDS, usual_seconds(self.bench, self.cell) - self.lives[-1][1])
        vm.pass_seconds(self.random.uniform(0, 0.8 if aimed else AFTER_END) * left)
        if aimed:
            before = self.drive.operations()
            slow = self.upload_seconds > 0
            vm.wait(lambda: self.drive.waiting() if slow else self.drive.operations() != before, AIM_SECONDS)
            vm.pass_seconds(self.random.choice((0.0, 0.01, self.upload_seconds / 2)) * self.random.random())
        if self.random.random() < CRASH_CHANCE:
            vm.crash()
            self.hear(vm)
            self.report.crashes += 1
        else:
            self.end_of(vm)
        return True

    def end_of(self, vm: Vm, *, planned: bool = False) -> None:
        """The VM dies now."""
        seconds = vm.seconds
        self.disk, uploading = None, vm.die(mount_first=self.random.random() < 0.5)
        self.hear(vm)
        age = None if self.reported is None else time.time() - self.reported
        if not planned:
            self.report.deaths.append(Death(len(self.lives), seconds, uploading, age))

    def hear(self, vm: Vm) -> None:
        """Notes what was called durable."""
        durable = (vm.told() or {}).get("durable")
        self.reported = max((one for one in (self.reported, durable) if one is not None), default=None)

    def lose(self, vm: Vm, times: int) -> bool:
        """The mount goes in the middle of the cell, and comes back; or, sometimes, the VM dies before it does."""
        vm.wait(lambda: vm.execution.done or (vm.told() or {}).get("newest"), AIM_SECONDS)
        left = max(LEAST_REMAINING_SECONDS, usual_seconds(self.bench, self.cell) - vm.seconds)
        for number in range(1, times + 1):
            vm.pass_seconds(self.random.uniform(0, left / times))
            if vm.execution.done:
                break
            how, seconds = self.random.choice(LOSSES), self.random.uniform(0, LOSS_SECONDS)
            if how == "unmounted":
                self.drive.flush_and_unmount()
            elif how == "killed":
                self.drive.kill()
            else:
                self.drive.fail(int(how.split()[1]))
            vm.pass_seconds(seconds)
            self.report.losses.append((how, seconds))
            if number == times and self.random.random() < DEATH_IN_LOSS_CHANCE:
                self.end_of(vm)
                return True
            if how.startswith("errno"):
                self.drive.heal()
            else:
                self.drive.remount()
        return False

    def settle(self, vm: Vm) -> Outcome:
        """What the cell ended with; then the VM dies, as soon as everything is called durable."""
        outcome = Outcome(digests_at_end(vm.kernel, self.cell, self.folder), vm.seconds)
        begun = time.monotonic()
        if not vm.wait(vm.is_durable, SETTLE_SECONDS):
            status = vm.kernel.run("%guard status").text
            self.report.problems.append(f"not durable after {SETTLE_SECONDS} s: {vm.told()}\n{status}")
        self.report.settle_seconds.append(time.monotonic() - begun)
        answer = vm.kernel.run(VERIFY.format(place=str(self.drive.mount / STORE)), hidden=True).check().text
        if answer.strip() != "()":
            self.report.problems.append(f"verify: {answer}")
        self.end_of(vm, planned=True)
        return outcome

    def listen(self, life: int, vm: Vm, there: float | None, reported: float | None) -> None:
        """Notes what was said, and whether the cell went on from where it had to."""
        text = vm.execution.result.text
        (self.folder / f"life-{life}.txt").write_text(text)
        said = SAID.search(text)
        self.report.first_lines.append(said.group() if said else "")
        if FAILED in text:
            self.report.problems.append(f"life {life}: {text[text.index(FAILED) :][:500]}")
        if (told := vm.told()) is None:  # it did not get so far
            return
        resumed = told["resumed"]
        self.report.resumes += resumed is not None
        if reported is not None and (resumed is None or resumed < reported):
            self.report.lost.append(f"life {life} went on from {resumed}, and {reported} was called durable")
        if resumed != there:
            self.report.problems.append(f"life {life} went on from {resumed}, and {there} was the newest there")

    def worked(self, there: float | None) -> float:
        """The seconds of work that a snapshot holds."""
        for begun, before in reversed(self.lives):
            if there is not None and there >= begun:
                return before + there - begun
        return 0.0

    def compare(self, end: Outcome, wanted: Outcome, when: str) -> None:
        self.report.problems += [f"{when}{name} differs" for name in differing(end, wanted)]

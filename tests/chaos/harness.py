"""One run of one cell: lives of real kernels, each but the last killed, and a reference to compare with.

The reference runs the same cells in a kernel where colab_guard is never loaded. A seeded cell has one
reference; any other gets one for each run, which starts from the state that the guarded cell had when it
last started from its beginning (`start.py`).

A kill comes at a uniformly random instant of what is left of the guarded cell, or, when it is to fall into
the writing of a snapshot, within 5 ms after a new file shows up in the repository.
"""

import contextlib
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.chaos.cell import Cell
from tests.chaos.report import Kill, Outcome, Report
from tests.chaos.store_view import StoreView
from tests.support.kernel import Execution, Kernel, KernelDiedError

HERE = Path(__file__).parent
TYPICAL_SECONDS = 1.0  # what the quickest cells take; no more, until this one's reference has been timed
LEAST_REMAINING_SECONDS = 0.3  # a kill is drawn from at least this span, lest it always come at once
LIFE_SECONDS = 120.0  # a guarded cell that takes longer hangs
WRITE_DELAY_SECONDS = 0.005  # how long after a new file a kill may come: about what a small snapshot takes
FINISHED_LIFE_CHANCE = 0.25  # how often "Run all" is chosen once more after the cell has finished
SAID = re.compile(r"colab_guard: \S+ (started|resumed|finished)\b.*")  # a progress bar may stand before it
VERIFY = """
import sys
from pathlib import Path
from colab_guard.store.repository import Repository
for config in Path(sys.argv[1]).rglob("config.json"):
    for problem in Repository.open(config.parent).verify().problems:
        print(problem)
"""


@dataclass(frozen=True)
class Bench:
    """What all runs share: the interpreter of the kernels, the folder for everything, the interval."""

    python: str
    folder: Path
    every: str = "0.2s"


def reference(cell: Cell, bench: Bench, hash_seed: int, start: Path | None = None) -> Outcome:
    """Run *cell* unguarded, from the dumped *start* or seeded."""
    with (
        tempfile.TemporaryDirectory(dir=bench.folder, prefix=f"plain-{cell.name}-") as folder,
        _kernel(bench, Path(folder), hash_seed) as kernel,
    ):
        for code in cell.above:
            kernel.run(code).check()
        begin(kernel, start)
        begun = time.monotonic()
        kernel.run(cell.plain).check()
        seconds = time.monotonic() - begun
        _duration(bench, cell).write_text(str(seconds))
        return Outcome(digests_at_end(kernel, cell, Path(folder)), seconds)


def seeded_reference(cell: Cell, bench: Bench, hash_seed: int) -> Outcome:
    """The reference of a seeded cell: run once for each *bench* (and hash seed, where that counts)."""
    kept = bench.folder / f"reference-{cell.name}-{hash_seed if cell.hashed else 0}.json"
    if not kept.exists():
        outcome = reference(cell, bench, hash_seed)
        written = kept.with_suffix(f".{os.getpid()}")  # another process may look for it meanwhile
        written.write_text(json.dumps([outcome.digests, outcome.seconds]))
        written.replace(kept)
    return Outcome(*json.loads(kept.read_text()))


def wanted_end(cell: Cell, bench: Bench, origin: tuple[int, Path] | None) -> Outcome:
    """The reference of a run, of which the life that began afresh had this hash seed and start."""
    assert origin is not None
    hash_seed, start = origin
    return seeded_reference(cell, bench, hash_seed) if cell.seeded else reference(cell, bench, hash_seed, start)


def killed_run(cell: Cell, bench: Bench, into_write: tuple[bool, ...], seed: int) -> Report:
    """Run *cell* guarded, killing it len(*into_write*) times, and compare its end with the reference."""
    report = Report(cell.name, seed, folder=tempfile.mkdtemp(dir=bench.folder, prefix=f"{cell.name}-{seed}-"))
    try:
        _Run(cell, bench, report).go(into_write)
    except (AssertionError, KernelDiedError, TimeoutError) as error:
        report.problems.append(f"life {len(report.first_lines) or 1}: {error}")
    if report.problems:
        story = {"text": cell.guarded, "into_write": into_write, **asdict(report)}  # beside store, starts and outputs
        (Path(report.folder) / "report.json").write_text(json.dumps(story, indent=1))
    else:
        shutil.rmtree(report.folder)
        report.folder = ""
    return report


class _Run:
    """The lives of one killed run."""

    def __init__(self, cell: Cell, bench: Bench, report: Report) -> None:
        self.cell, self.bench, self.report = cell, bench, report
        self.folder = Path(report.folder)
        self.store = StoreView(self.folder / "store")
        self.random = random.Random(report.seed)
        self.done_seconds = 0.0  # work of earlier lives that is safe in a snapshot
        self.origin: tuple[int, Path] | None = None  # hash seed and start of the life that began afresh

    def go(self, into_write: tuple[bool, ...]) -> None:
        end = None
        for life, into in enumerate(into_write, 1):
            end = self.live(life, into)
            self.verify()
            if end:  # it finished before it could be killed
                break
        end = end or self.live(len(into_write) + 1, None)
        assert end is not None
        wanted = wanted_end(self.cell, self.bench, self.origin)
        self.compare(end, wanted, "")
        if self.random.random() < FINISHED_LIFE_CHANCE:
            again = self.live(len(self.report.first_lines) + 1, None)
            assert again is not None
            self.compare(again, wanted, "restored after its end: ")
        self.verify()

    def live(self, life: int, into_write: bool | None) -> Outcome | None:
        """One life; None if it was killed. *into_write* None means that it is to reach the end."""
        # A set that is gone through again after a resume has the new process's order (docs/exactness.md), so a cell
        # that depends on it lives with one seed. That the order under way is kept, tests/notebook holds.
        same = self.origin[0] if self.cell.hashed and self.origin else None
        hash_seed = same or self.random.randrange(1, 2**32)
        self.report.hash_seeds.append(hash_seed)
        start = self.folder / f"start-{life}.pickle"
        with _kernel(self.bench, self.folder, hash_seed) as kernel:
            kernel.run("%load_ext colab_guard").check()
            for code in self.cell.above:
                kernel.run(code).check()
            begin(kernel, None if self.cell.seeded else start, write=True)
            if not self.store.manifests():
                self.origin = (hash_seed, start)
            resumable = bool(self.store.manifests())
            begun = time.monotonic()
            execution = kernel.start(self.cell.guarded)
            if into_write is None:
                kill = self.watch(kernel, execution, LIFE_SECONDS, False, life)
            else:
                kill = self.watch(kernel, execution, self.draw_seconds(into_write), into_write, life)
            self.listen(life, execution, resumable)
            if kill:
                self.report.heard(execution.result.text)
                self.report.kills.append(kill)
                self.done_seconds += kill.seconds - kill.lost_seconds
                return None
            execution.result.check()
            return Outcome(digests_at_end(kernel, self.cell, self.folder), time.monotonic() - begun)

    def draw_seconds(self, into_write: bool) -> float:
        span = max(LEAST_REMAINING_SECONDS, usual_seconds(self.bench, self.cell) - self.done_seconds)
        return self.random.uniform(0, 0.7 if into_write else 1.0) * span  # leave time for a snapshot to come

    def watch(self, kernel: Kernel, execution: Execution, seconds: float, into_write: bool, life: int) -> Kill | None:
        """Let the cell run and kill it after *seconds*, or at the next write after them; None if it ended."""
        begun = time.monotonic()
        torn = self.store.torn()
        known: set[str] | None = None
        delay = self.random.choice((0.0, self.random.uniform(0, WRITE_DELAY_SECONDS)))
        heard = 0.0
        while True:
            elapsed = time.monotonic() - begun
            if elapsed - heard > 0.01:
                heard = elapsed
                if execution.poll():
                    return None
            if elapsed > LIFE_SECONDS:
                raise TimeoutError(f"no end after {LIFE_SECONDS} s:\n{execution.result.text[-2000:]}")
            if elapsed < seconds:
                time.sleep(min(0.005, seconds - elapsed))
                continue
            if into_write:
                names = self.store.names()
                if known is None or not names - known:
                    known = names if known is None else known | names
                    time.sleep(0.0001)
                    continue
                time.sleep(delay)
            elapsed = time.monotonic() - begun
            kernel.kill()
            age = self.store.newest_age_seconds()
            lost = elapsed if age is None else min(age, elapsed)
            return Kill(life, into_write, elapsed, bool(self.store.torn() - torn), lost)

    def listen(self, life: int, execution: Execution, resumable: bool) -> None:
        """Note the first line colab_guard printed, and whether it says what had to happen."""
        with contextlib.suppress(KernelDiedError):
            execution.poll()  # a killed kernel's last words
        (self.folder / f"life-{life}.txt").write_text(execution.result.text)
        said = SAID.search(execution.result.text)
        line = said.group() if said else ""
        self.report.first_lines.append(line)
        resumed = "resumed" in line or "finished" in line
        self.report.resumes += resumed
        if (line or execution.done) and resumed != resumable:
            there = "there was a snapshot" if resumable else "there was no snapshot"
            self.report.problems.append(f"life {life}: {there}, but it says: {line!r}")

    def verify(self) -> None:
        """Every manifest that is listed must read back whole."""
        command = [self.bench.python, "-c", VERIFY, str(self.folder / "store")]
        own = environment(self.bench, self.folder, 0)
        answer = subprocess.run(command, env=own, capture_output=True, text=True, timeout=LIFE_SECONDS)
        if answer.returncode or answer.stdout.strip():
            self.report.problems.append(f"verify: {answer.stdout}{answer.stderr}")

    def compare(self, end: Outcome, wanted: Outcome, when: str) -> None:
        for name in differing(end, wanted):
            self.report.differs(f"{when}{name}")


def differing(end: Outcome, wanted: Outcome) -> list[str]:
    """What is not the same in both."""
    names = []
    for name in sorted(wanted.digests | end.digests):
        both = (wanted.digests.get(name), end.digests.get(name))
        library = name.endswith(" state)") and None in both  # imported by one of the two only
        if both[0] != both[1] and not library:
            names.append(name)
    return names


def _duration(bench: Bench, cell: Cell) -> Path:
    """Where is kept how many seconds the plain cell took."""
    return bench.folder / f"seconds-{cell.name}"


def usual_seconds(bench: Bench, cell: Cell) -> float:
    """How long the plain cell took, as far as it ever ran."""
    timed = _duration(bench, cell)
    return float(timed.read_text() or TYPICAL_SECONDS) if timed.exists() else TYPICAL_SECONDS


def _kernel(bench: Bench, folder: Path, hash_seed: int) -> Kernel:
    work = folder / "work"
    work.mkdir(exist_ok=True)
    return Kernel(bench.python, work, environment(bench, folder, hash_seed))


def environment(bench: Bench, folder: Path, hash_seed: int) -> dict[str, str]:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {
        **os.environ,
        **threads,  # cheap, and sums differ with the number of threads
        "PYTHONPATH": os.pathsep.join([str(HERE), *_checkout()]),
        "PYTHONHASHSEED": str(hash_seed),
        "HOME": str(folder),  # keys and caches of this run only
        "COLAB_GUARD_STORE": str(folder / "store"),
        "COLAB_GUARD_EVERY": bench.every,
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def _checkout() -> list[str]:
    """Where colab_guard is imported from here, unless it is installed and the kernels find it anyway."""
    import colab_guard

    folder = Path(colab_guard.__file__).parents[1]
    return [] if "site-packages" in folder.parts else [str(folder)]


def begin(kernel: Kernel, start: Path | None, write: bool = False) -> None:
    """The hidden cell right before the guarded one: seed, or dump or load the start."""
    if start is None:
        code = "__import__('start').seed()"
    elif write:
        ip = "get_ipython()"
        code = f"__import__('start').dump({ip}.user_ns, {ip}.user_ns_hidden, {str(start)!r})"
    else:
        code = f"__import__('start').load(get_ipython().user_ns, {str(start)!r})"
    kernel.run(code, hidden=True).check()


def digests_at_end(kernel: Kernel, cell: Cell, folder: Path) -> dict[str, str]:
    """Run the cells after the guarded one, then take digests of variables and files."""
    for code in cell.after:
        kernel.run(code).check()
    path = folder / "digests.json"
    code = f"__import__('compare').write_digests(get_ipython().user_ns, {cell.results!r}, {str(path)!r})"
    kernel.run(code, hidden=True).check()
    digests: dict[str, str] = json.loads(path.read_text())
    for name in cell.files:
        digests[f"file {name}"] = hashlib.sha256((folder / "work" / name).read_bytes()).hexdigest()
    return digests


def available(cell: Cell, python: str = sys.executable) -> bool:
    """Whether *python* has every module that *cell* needs."""
    code = "import importlib.util, sys; sys.exit(not all(map(importlib.util.find_spec, sys.argv[1:])))"
    return subprocess.run([python, "-c", code, *cell.needs], check=False).returncode == 0

"""Random programs by the thousand, killed in process at each of their safe points.

hypothesis makes the programs in portions of `PORTION`, each with a seed of its own, drawn from the first; where
a portion has a program that ends differently after a death, it is made as small as it can be.
"""

import multiprocessing
import random
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field

import hypothesis
from hypothesis import HealthCheck, Phase

from tests.cell.definitions import render
from tests.cell.programs import Tree, trees
from tests.cell.proof import every, prove

PORTION = 50
ENOUGH = 8  # differences, after which no more is looked for
JOBS = 2


@dataclass
class Portion:
    """What came of some programs. ``smallest`` and ``difference`` are empty exactly if all ended as they should."""

    seed: int
    programs: int = 0
    deaths: int = 0
    smallest: str = ""
    difference: str = ""

    def story(self) -> str:
        """What differed, and the program."""
        return "\n".join([f"\nseed {self.seed}: {self.difference}\n", *_indented(self.smallest)])


@dataclass
class Search:
    """All portions, and what they add up to."""

    portions: list[Portion] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def programs(self) -> int:
        """How many programs were run."""
        return sum(portion.programs for portion in self.portions)

    @property
    def found(self) -> dict[str, Portion]:
        """The smallest programs that end differently."""
        return {portion.smallest: portion for portion in self.portions if portion.difference}

    def summary(self) -> str:
        """The line that counts."""
        deaths = sum(portion.deaths for portion in self.portions)
        count = f"{self.programs} programs, {deaths} deaths, {len(self.found)} differences"
        return f"{count} ({self.seconds:.0f} s)"


def search(programs: int, seed: int, seconds: float | None = None) -> Search:
    """Run so many *programs* on two processes, or as many as *seconds* allow, until `ENOUGH` differ.

    Those are printed as they are found.
    """
    result, begun = Search(), time.monotonic()
    chance = random.Random(seed)
    running: dict[Future[Portion], int] = {}
    with ProcessPoolExecutor(JOBS, mp_context=multiprocessing.get_context("spawn")) as pool:
        while True:
            late = seconds is not None and time.monotonic() - begun > seconds
            left = programs - result.programs - sum(running.values())
            if left > 0 and not late and len(result.found) < ENOUGH and len(running) < JOBS:
                size = min(PORTION, left)
                running[pool.submit(run_portion, size, chance.randrange(2**31))] = size
                continue
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                del running[future]
                result.portions.append(future.result())
                if result.portions[-1].difference:
                    print(result.portions[-1].story(), flush=True)
    result.seconds = time.monotonic() - begun
    return result


def run_portion(programs: int, seed: int) -> Portion:
    """Run *programs* of a seed, each killed at each of its safe points, up to the first that ends differently."""
    portion = Portion(seed)
    shrinking = False

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=programs,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(trees())
    def run(tree: Tree) -> None:
        nonlocal shrinking
        program = render(tree)
        portion.programs += not shrinking
        try:
            deaths = prove(program, every) + prove(program, _first, stride=1 + len(program.source) % 3)
        except Exception as error:
            shrinking = True
            portion.smallest, portion.difference = str(program), f"{type(error).__name__}: {error}"
            raise
        portion.deaths += deaths * (not shrinking)

    try:
        run()
    except Exception as error:  # noqa: BLE001 - whatever a program did to the engine is what is looked for
        portion.difference = portion.difference or f"{type(error).__name__}: {error}"
    return portion


def _first(points: int) -> Iterator[int]:
    yield from range(1, min(points, 1) + 1)


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in text.splitlines()]

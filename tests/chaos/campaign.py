"""Many killed runs over all cells, two at a time, and the table of what came of them.

Every run has a seed of its own, drawn from the campaign's: kill instants repeat in law, not to the
microsecond, for a kernel's speed is not ours to repeat; a report therefore lists them as they fell.
"""

import itertools
import multiprocessing
import random
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.chaos.cell import Cell
from tests.chaos.harness import Bench, killed_run
from tests.chaos.report import Report

KILLS_A_RUN = 4  # at most; the first round over the cells has one each, so that a short budget meets all
JOBS = 2
ENOUGH = 10


class Plan(NamedTuple):
    """A run to be made: for each kill whether it is to fall into the writing of a snapshot."""

    cell: Cell
    into_write: tuple[bool, ...]
    seed: int


class Row(NamedTuple):
    """The runs of one cell, added up; ``lost_seconds`` is the most work that one kill cost, ``named`` the runs that
    ended otherwise after they had said why they might.
    """

    cell: str
    runs: int
    kills: int
    aimed: int
    hit: int
    resumes: int
    lost_seconds: float
    named: int
    differences: int


@dataclass
class Campaign:
    """All reports, and what they add up to."""

    reports: list[Report] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """SIGKILLs that reached a kernel in the middle of a guarded cell."""
        return sum(len(report.kills) for report in self.reports)

    @property
    def write_hits(self) -> int:
        """Those of them that left a snapshot half written."""
        return sum(kill.hit_write for report in self.reports for kill in report.kills)

    @property
    def differences(self) -> int:
        """Runs with a problem of any kind: another end, a snapshot that does not verify, a resume that was none."""
        return sum(bool(report.problems) for report in self.reports)

    @property
    def named(self) -> int:
        """Runs that ended otherwise, as was said before the kernel died."""
        return sum(bool(report.expected) for report in self.reports)

    def rows(self) -> list[Row]:
        """What came of each cell, by name."""
        by_name = itertools.groupby(sorted(self.reports, key=lambda report: report.cell), lambda report: report.cell)
        return [_row(name, list(runs)) for name, runs in by_name]

    def table(self) -> str:
        """A row a cell, then what went wrong, then the line that counts."""
        head = f"{'cell':22}{'runs':>5}{'kills':>6}{'aimed at writes':>17}{'hit':>5}{'resumes':>9}"
        rows = [f"{head}{'lost s, worst':>15}{'named':>7}{'differences':>13}"]
        for row in self.rows():
            start = f"{row.cell:22}{row.runs:5}{row.kills:6}{row.aimed:17}{row.hit:5}{row.resumes:9}"
            rows.append(f"{start}{row.lost_seconds:15.2f}{row.named:7}{row.differences:13}")
        rows += [_story(report) for report in self.reports if report.problems or report.expected]
        hits = f"{self.write_hits} inside the writing of a snapshot"
        rows.append(f"{self.kills} kills, {hits}, {self.named} named beforehand, {self.differences} differences")
        return "\n".join(rows)


def run_campaign(
    cells: list[Cell], bench: Bench, seed: int, kills: int | None = None, seconds: float | None = None
) -> Campaign:
    """Go round the cells until *kills* were made or *seconds* are over.

    With *seconds* alone it goes on, for at most ENOUGH times as long, until a kill has reached every cell.
    """
    campaign = Campaign()
    plans = _plans(cells, seed)
    begun = time.monotonic()
    running: dict[Future[Report], Plan] = {}

    def next_plan() -> Plan | None:
        under_way = campaign.kills + sum(len(plan.into_write) for plan in running.values())
        if kills is not None and under_way >= kills:
            return None
        spent = time.monotonic() - begun
        if seconds is None or spent < seconds:
            return next(plans)
        met = {report.cell for report in campaign.reports if report.kills or report.problems}
        met |= {plan.cell.name for plan in running.values()}
        if kills is not None or spent > ENOUGH * seconds or met >= {cell.name for cell in cells}:
            return None
        return next(plan for plan in plans if plan.cell.name not in met)

    with ProcessPoolExecutor(JOBS, mp_context=multiprocessing.get_context("spawn")) as pool:
        while True:
            while len(running) < JOBS and (plan := next_plan()):
                running[pool.submit(killed_run, plan.cell, bench, plan.into_write, plan.seed)] = plan
            if not running:
                return campaign
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                del running[future]
                campaign.reports.append(future.result())


def _plans(cells: list[Cell], seed: int) -> Iterator[Plan]:
    """Runs without end: round after round over all cells, every third kill aimed at a write."""
    chance = random.Random(seed)
    thirds = itertools.cycle((False, True, False))
    for number in itertools.count():
        for cell in chance.sample(cells, len(cells)):
            kills = chance.randint(1, KILLS_A_RUN) if number else 1
            yield Plan(cell, tuple(itertools.islice(thirds, kills)), chance.randrange(2**31))


def _row(name: str, runs: list[Report]) -> Row:
    kills = [kill for run in runs for kill in run.kills]
    return Row(
        name,
        len(runs),
        len(kills),
        aimed=sum(kill.into_write for kill in kills),
        hit=sum(kill.hit_write for kill in kills),
        resumes=sum(run.resumes for run in runs),
        lost_seconds=max((kill.lost_seconds for kill in kills), default=0.0),
        named=sum(bool(run.expected) for run in runs),
        differences=sum(bool(run.problems) for run in runs),
    )


def _story(report: Report) -> str:
    """What happened to a run, life by life."""
    kept = f", kept in {report.folder}" if report.folder else ""
    lines = [f"\n{report.cell}, seed {report.seed}{kept}"]
    for kill in report.kills:
        kind = "aimed at a write" if kill.into_write else "at random"
        hit = ", a snapshot half written" if kill.hit_write else ""
        lost = f"{kill.lost_seconds:.2f} s lost"
        lines.append(f"  life {kill.life} killed after {kill.seconds:.4f} s ({lost}), {kind}{hit}")
    lines += [f"  life {life} began: {line}" for life, line in enumerate(report.first_lines, 1)]
    lines += [f"  named beforehand ({', '.join(report.causes)}): {what}" for what in report.expected]
    lines += [f"  PROBLEM {problem}" for problem in report.problems]
    return "\n".join(lines)

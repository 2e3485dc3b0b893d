"""Many runs in which VMs die and mounts are lost, a few at a time, and the table of what came of them."""

import itertools
import multiprocessing
import random
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.chaos.campaign import ENOUGH
from tests.chaos.cell import all_cells
from tests.chaos.harness import Bench, available
from tests.chaos.vm import CELLS, VmReport, vm_run

DEATHS_A_RUN = 4  # at most, one VM after the other
LOSSES_A_RUN = 3
JOBS = 3  # most of the time a run waits
HEAD = "| cell | runs | VM deaths | of them in an upload | mount losses | crashes | resumes | lost | otherwise wrong |"


class Plan(NamedTuple):
    """A run to be made, see `vm_run`."""

    cell: str
    aims: tuple[bool, ...]
    losses: int
    seed: int


@dataclass
class VmCampaign:
    """All reports, and what they add up to."""

    reports: list[VmReport] = field(default_factory=list)

    @property
    def deaths(self) -> int:
        """VMs that died while their cell ran or its end was on its way."""
        return sum(len(report.deaths) for report in self.reports)

    @property
    def losses(self) -> int:
        """Mounts that were lost in the middle of a cell."""
        return sum(len(report.losses) for report in self.reports)

    @property
    def failures(self) -> int:
        """Runs in which what was called durable was lost, or anything else was not as it has to be."""
        return sum(bool(report.lost or report.problems) for report in self.reports)

    def table(self) -> str:
        """Markdown: a row a cell and the sums, then what went wrong in full."""
        names = sorted({report.cell for report in self.reports})
        rows = [_row(name, [one for one in self.reports if one.cell == name]) for name in names]
        lines = [HEAD, f"|---|{8 * '---:|'}", *rows, _row("**all**", self.reports), ""]
        settled = [seconds for report in self.reports if report.losses for seconds in report.settle_seconds]
        if settled:
            slowest = f"{max(settled):.1f} s after their end at the latest"
            lines.append(f"In the runs whose mount was lost everything was durable again {slowest}.")
        return "\n".join([*lines, *(_story(one) for one in self.reports if one.lost or one.problems)])


def run_vms(
    bench: Bench, seed: int, deaths: int | None = None, losses: int | None = None, seconds: float | None = None
) -> VmCampaign:
    """Runs until so many VMs have died, so many mounts were lost, or the *seconds* are over, but not before one of each
    kind, in at most ENOUGH times as long; both kinds by turns where both are wanted.
    """
    known = [cell for cell in all_cells() if cell.name in CELLS and available(cell, bench.python)]
    cells = {cell.name: cell for cell in known}
    campaign, plans = VmCampaign(), _plans(list(cells), seed, deaths != 0, losses != 0)
    running: dict[Future[VmReport], Plan] = {}
    begun = time.monotonic()

    def next_plan() -> Plan | None:
        spent = time.monotonic() - begun
        met = (campaign.deaths or deaths == 0) and (campaign.losses or losses == 0)
        if seconds is not None and spent > (seconds if met else ENOUGH * seconds):
            return None
        left = {
            "deaths": deaths is None or campaign.deaths + sum(len(plan.aims) for plan in running.values()) < deaths,
            "losses": losses is None or campaign.losses + sum(plan.losses for plan in running.values()) < losses,
        }
        if not any(left.values()):
            return None
        return next(plan for plan in plans if left["losses" if plan.losses else "deaths"])

    with ProcessPoolExecutor(JOBS, mp_context=multiprocessing.get_context("spawn")) as pool:
        while True:
            while len(running) < JOBS and (plan := next_plan()):
                running[pool.submit(vm_run, cells[plan.cell], bench, *plan[1:])] = plan
            if not running:
                return campaign
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                del running[future]
                campaign.reports.append(report := future.result())
                if report.lost or report.problems:  # at once, for the whole takes its time
                    print(_story(report), file=sys.stderr, flush=True)


def _plans(cells: list[str], seed: int, deaths: bool, losses: bool) -> Iterator[Plan]:
    """Without end, every third death aimed at an upload; a run has deaths or losses."""
    chance = random.Random(seed)
    thirds = itertools.cycle((False, True, False))
    for number in itertools.count():
        cell = cells[number % len(cells)]
        if deaths:
            aims = tuple(itertools.islice(thirds, chance.randint(1, DEATHS_A_RUN)))
            yield Plan(cell, aims, 0, chance.randrange(2**31))
        if losses:
            yield Plan(cell, (), chance.randint(1, LOSSES_A_RUN), chance.randrange(2**31))


def _row(name: str, runs: list[VmReport]) -> str:
    deaths = [death for run in runs for death in run.deaths]
    figures = (
        len(runs),
        len(deaths),
        sum(death.uploading for death in deaths),
        sum(len(run.losses) for run in runs),
        sum(run.crashes for run in runs),
        sum(run.resumes for run in runs),
        sum(len(run.lost) for run in runs),
        sum(bool(run.problems) for run in runs),
    )
    return f"| {name} | {' | '.join(map(str, figures))} |"


def _story(report: VmReport) -> str:
    lines = [f"\n{report.cell}, seed {report.seed}, kept in {report.folder}: {report.settings}"]
    lines += [f"  life {death.life} died after {death.seconds:.3f} s" for death in report.deaths]
    lines += [f"  the mount was lost, {how}, for {seconds:.2f} s" for how, seconds in report.losses]
    lines += [f"  life {life} began: {line}" for life, line in enumerate(report.first_lines, 1)]
    lines += [f"  LOST {text}" for text in report.lost]
    lines += [f"  PROBLEM {text}" for text in report.problems]
    return "\n".join(lines)

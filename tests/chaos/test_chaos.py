"""However often and whenever a kernel is killed, the guarded cell ends with the bits of a run never killed."""

import os
import sys
from typing import NamedTuple

import pytest

from tests.chaos.campaign import run_campaign
from tests.chaos.cell import all_cells
from tests.chaos.harness import Bench, available

SECONDS = float(os.environ.get("CHAOS_SECONDS", "150"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))


class Stack(NamedTuple):
    """A kernel's interpreter, its share of the time, and which of the cells that it can run it meets, from the end:
    the torch cells among them, where there is torch. `make chaos` meets all.
    """

    python: str
    share: float
    which: slice
    without: frozenset[str] = frozenset()


STACKS = {
    "newest": Stack(os.environ.get("CHAOS_PYTHON", sys.executable), 0.4, slice(None, None, -4)),
    "Colab's pins": Stack(os.environ.get("COLAB_PINS_PYTHON", ""), 0.2, slice(-2, None, -8)),
    # IPython 7.34 does not know `x = !command` on Python 3.12 and later, guarded or not.
    "Colab's pins, Python 3.13": Stack(
        os.environ.get("COLAB_PINS_PYTHON313", ""), 0.2, slice(-3, None, -8), frozenset({"shell_lines"})
    ),
}


@pytest.mark.parametrize("name", STACKS)
def test_killed_runs_end_with_the_same_bits(name, tmp_path, record_property):
    stack = STACKS[name]
    if not stack.python:
        pytest.skip(f"no interpreter for {name}: `make test` makes it where it finds Python 3.11 and 3.13")
    quick = [cell for cell in all_cells() if cell.name not in stack.without and not cell.slow]
    cells = [cell for cell in quick if available(cell, stack.python)]
    cells = cells[stack.which]
    campaign = run_campaign(cells, Bench(stack.python, tmp_path), SEED, seconds=SECONDS * stack.share)
    print(f"\n{name}\n{campaign.table()}")
    record_property("kills", campaign.kills)
    if campaign.differences:
        pytest.fail(campaign.table(), pytrace=False)
    killed = {report.cell for report in campaign.reports if report.kills}
    assert killed == {cell.name for cell in cells}, "some cells always finished before their kill"

"""However often and whenever a kernel is killed, the guarded cell ends with the bits of a run never killed."""

import os
import sys

import pytest

from tests.chaos.campaign import run_campaign
from tests.chaos.cell import all_cells
from tests.chaos.harness import Bench, available

SECONDS = float(os.environ.get("CHAOS_SECONDS", "170"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
PYTHON = os.environ.get("CHAOS_PYTHON", sys.executable)


def test_killed_runs_end_with_the_same_bits(tmp_path, record_property):
    cells = [cell for cell in all_cells() if available(cell, PYTHON)]
    campaign = run_campaign(cells, Bench(PYTHON, tmp_path), SEED, seconds=SECONDS)
    print(f"\n{campaign.table()}")
    record_property("kills", campaign.kills)
    if campaign.differences:
        pytest.fail(campaign.table(), pytrace=False)
    assert {report.cell for report in campaign.reports} == {cell.name for cell in cells}
    assert campaign.kills >= len(cells) / 2, "most cells finished before their kill: the instants are drawn wrong"

"""What was called durable survives the VM, at whatever instant it dies, and a mount that is lost interrupts nothing."""

import os
import sys
from types import SimpleNamespace

import pytest

from tests.chaos.cell import all_cells
from tests.chaos.harness import Bench
from tests.chaos.report import Outcome
from tests.chaos.vm import CELLS, VmReport, _Run
from tests.chaos.vm_campaign import VmCampaign, run_vms

SECONDS = float(os.environ.get("CHAOS_VM_SECONDS", "60"))  # then runs under way come to their end
SEED = int(os.environ.get("CHAOS_SEED", "1"))
STARTED = "colab_guard: walk started, snapshots every 0.2 s.\n"
RESUMED = "colab_guard: walk resumed at line 2.\n"


def test_vms_that_die_go_on_from_what_was_durable_and_lost_mounts_interrupt_nothing(
    new_drive, tmp_path, record_property
):
    new_drive().close()  # skips where nothing can be mounted
    campaign = run_vms(Bench(sys.executable, tmp_path), SEED, seconds=SECONDS)
    print(f"\n{campaign.table()}")
    record_property("deaths", campaign.deaths)
    record_property("losses", campaign.losses)
    if campaign.failures:
        pytest.fail(campaign.table(), pytrace=False)
    assert campaign.deaths
    assert campaign.losses


@pytest.mark.parametrize(
    ("resumed", "there", "reported", "text", "lost", "problems"),
    [
        (2.0, 2.0, 2.0, RESUMED, 0, 0),
        (3.0, 3.0, 2.0, RESUMED, 0, 0),
        (None, None, None, STARTED, 0, 0),
        (1.0, 1.0, 2.0, RESUMED, 1, 0),  # the account has less than was promised
        (None, None, 2.0, STARTED, 1, 0),
        (2.0, 3.0, 2.0, RESUMED, 0, 1),  # it has more than was found
        (None, 3.0, None, STARTED, 0, 1),
        (2.0, 2.0, 2.0, "colab_guard: no snapshot could be taken: why.\n" + RESUMED, 0, 1),
    ],
)
def test_what_is_lost_is_seen(resumed, there, reported, text, lost, problems, tmp_path):
    run = a_run(tmp_path)
    report = run.report
    told = {"resumed": resumed, "newest": None, "durable": None}
    vm = SimpleNamespace(told=lambda: told, execution=SimpleNamespace(result=SimpleNamespace(text=text)))
    run.listen(1, vm, there, reported)
    assert (len(report.lost), len(report.problems)) == (lost, problems)
    assert VmCampaign([report]).failures == bool(lost or problems)


def test_another_end_is_seen(tmp_path):
    run = a_run(tmp_path)
    run.compare(Outcome({"a": "1"}, 0), Outcome({"a": "2"}, 0), "")
    assert run.report.problems == ["a differs"]


def a_run(folder):
    """One whose Drive is never mounted."""
    cell = next(cell for cell in all_cells() if cell.name == "random_walk")
    run = _Run(cell, Bench(sys.executable, folder), VmReport(cell.name, 1, folder=str(folder)))
    run.drive.close()
    return run


def test_the_cells_are_there():
    assert {cell.name for cell in all_cells()} >= CELLS.keys()

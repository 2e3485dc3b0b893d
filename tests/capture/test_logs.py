"""What a cell logs is there once, however often the kernel died: TensorBoard's files are read back by TensorBoard."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from colab_guard.capture.causes import at_snapshot
from colab_guard.capture.take import take
from colab_guard.resume.loading import Load
from tests.support.dying import Held, lives, plain
from tests.support.wandb_stand_in import installed

MAIN = {"__name__": "__main__"}


def held(**variables: Any) -> Held:
    """A snapshot."""
    return Held(take({**MAIN, **variables}, variables, {}, frozenset()))


def loaded(snapshot: Held) -> dict[str, Any]:
    """What comes out of it."""
    load = Load(snapshot, dict(MAIN), frozenset())
    values = load.variables(snapshot.names)
    load.put_in_place()
    return values


def log(writer: Any, *steps: int) -> None:
    for step in steps:
        writer.add_scalar("loss", step, step)
        writer.add_scalar("by epoch", step, step // 3)
        writer.add_scalars("both", {"up": step, "down": -step}, step)
        if step > 3:  # a file that is begun late
            writer.add_scalars("late", {"a": step}, step)


def logged(folder: Path, tag: str = "loss") -> list[tuple[int, float]]:
    """The steps and values that TensorBoard shows; in the order of steps, for the lives here have one process id and
    begin in one second, which leaves the order of their files open.
    """
    events = EventAccumulator(str(folder))
    events.Reload()
    return sorted((event.step, event.value) for event in events.Scalars(tag))


def assert_each_once(folder: Path, count: int) -> None:
    assert logged(folder) == [(step, step) for step in range(count)]
    assert logged(folder, "by epoch") == [(step // 3, step) for step in range(count)]
    assert logged(folder / "late_a", "late") == [(step, step) for step in range(4, count)]
    assert logged(folder / "both_down", "both") == [(step, -step) for step in range(count)]


def test_each_step_is_there_once_after_deaths(tmp_path: Path) -> None:
    trainer = SimpleNamespace(writer=SummaryWriter(tmp_path / "run"))
    log(trainer.writer, 0, 1, 2, 3)
    first = held(trainer=trainer)
    log(trainer.writer, 4, 5)
    trainer.writer.flush()  # on disk, and not in the snapshot: as where the kernel died later
    second_life = loaded(first)["trainer"].writer
    log(second_life, 4, 5, 6)
    second_life.flush()  # and died before a snapshot of its own
    third_life = loaded(first)["trainer"].writer
    log(third_life, 4, 5)
    third = held(writer=third_life)
    log(third_life, 6, 7)
    third_life.flush()
    fourth_life = loaded(third)["writer"]
    log(fourth_life, 6, 7, 8)
    fourth_life.close()
    assert_each_once(tmp_path / "run", 9)
    assert fourth_life.log_dir == tmp_path / "run"


def test_what_the_writer_still_holds_back_in_this_kernel_is_not_written_behind_the_cut(tmp_path: Path) -> None:
    writer = SummaryWriter(tmp_path / "run", max_queue=1000)
    log(writer, 0, 1)
    snapshot = held(writer=writer)
    log(writer, 2, 3)
    again = loaded(snapshot)["writer"]
    assert writer.file_writer is None
    log(again, 2)
    again.close()
    assert logged(tmp_path / "run") == [(0, 0), (1, 1), (2, 2)]


def test_files_of_others_in_the_same_folder_are_left_alone(tmp_path: Path) -> None:
    other, writer = SummaryWriter(tmp_path / "run"), SummaryWriter(tmp_path / "run")
    log(writer, 0)
    snapshot = held(writer=writer)
    other.add_scalar("of another", 1, 7)
    other.flush()
    later = SummaryWriter(tmp_path / "run")
    later.add_scalar("of another", 2, 8)
    later.close()
    loaded(snapshot)["writer"].close()
    other.add_scalar("of another", 3, 9)
    other.close()
    assert logged(tmp_path / "run", "of another") == [(7, 1), (8, 2), (9, 3)]


def test_a_closed_writer_stays_closed_and_keeps_its_files(tmp_path: Path) -> None:
    writer = SummaryWriter(tmp_path / "run")
    log(writer, 0)
    snapshot = held(writer=writer)
    second_life = loaded(snapshot)["writer"]
    log(second_life, 1)
    second_life.close()
    files = sorted(tmp_path.rglob("*tfevents*"))
    assert loaded(held(writer=second_life))["writer"].file_writer is None
    assert sorted(tmp_path.rglob("*tfevents*")) == files
    assert logged(tmp_path / "run") == [(0, 0), (1, 1)]


def test_a_log_that_is_gone_is_begun_again(tmp_path: Path) -> None:
    writer = SummaryWriter(tmp_path / "run")
    log(writer, 0)
    snapshot = held(writer=writer)
    writer.close()
    for path in tmp_path.rglob("*tfevents*"):
        path.unlink()
    again = loaded(snapshot)["writer"]
    again.file_writer.add_summary  # noqa: B018 - what recipes for add_hparams() use
    again.add_scalar("loss", 1, 1)
    again.close()
    assert logged(tmp_path / "run") == [(1, 1)]


CELL = """
import tempfile
from torch.utils.tensorboard import SummaryWriter
folder = tempfile.mkdtemp()
with SummaryWriter(folder) as writer:
    for step in range(3):
        writer.add_scalar("loss", step, step)
writer = None
"""


def test_in_a_with_block_it_is_left_at_its_end_only() -> None:
    for point, end in lives(CELL):
        assert logged(Path(end["folder"])) == [(0, 0), (1, 1), (2, 2)], point


def test_its_thread_is_no_cause(tmp_path: Path) -> None:
    before = at_snapshot([])  # of the tests before
    with SummaryWriter(tmp_path):
        assert at_snapshot([]) == before


# -- wandb: a stand-in ------------------------------------------------------------------------------------


@pytest.fixture
def wandb() -> Iterator[ModuleType]:
    with installed() as module:
        yield module


BEGINNINGS = {
    "in wandb's own module": "wandb.init(project='p', config={'lr': 1})\nfor i in range(4):\n    wandb.log({'i': i})",
    "in a variable": "run = wandb.init(project='p')\nfor i in range(4):\n    run.log({'i': i})\nrun = 0",
    "in a function": """
def train():
    run = wandb.init(project='p')
    for i in range(4):
        run.log({'i': i})
train()""",
    "in with": "with wandb.init(project='p') as run:\n    for i in range(4):\n        run.log({'i': i})\nrun = 0",
}


@pytest.mark.parametrize("cell", BEGINNINGS.values(), ids=BEGINNINGS)
def test_a_run_of_wandb_is_resumed(wandb: Any, cell: str) -> None:
    above = "import wandb\nwandb.new_process()"
    plain(cell, above)
    count = 0
    wandb.begun.clear()
    wandb.logged.clear()
    for point, _ in lives(cell, above):
        resumed = [facts for facts in wandb.begun if "resume" in facts]
        assert all(facts["resume"] == "allow" and facts["id"] == "run1" for facts in resumed), point
        assert wandb.logged == [("run1", i, {"i": i}) for i in range(4)], point
        count += len(resumed)
        wandb.begun.clear()
        wandb.logged.clear()
    assert count > 8


def test_a_run_begun_in_a_cell_above_gives_way_to_the_one_that_was_under_way(wandb: Any) -> None:
    run = wandb.init(project="p", config={"lr": 0.5})
    run.log({"a": 1})
    snapshot = held(run=run, config=wandb.config)
    wandb.new_process()
    wandb.init(project="p")
    values = loaded(snapshot)
    assert values["run"] is wandb.run
    assert (wandb.run.id, wandb.run.step) == (run.id, 1)
    assert values["config"] is wandb.run.config
    assert values["config"].lr == 0.5
    assert loaded(snapshot)["run"] is wandb.run, "in the same kernel it is there already"


def test_a_run_that_is_over_is_not_begun_again(wandb: Any) -> None:
    run = wandb.init(project="p", config={"lr": 0.5})
    wandb.finish()
    snapshot = held(run=run, config=run.config)
    assert loaded(snapshot)["config"].lr == 0.5
    assert len(wandb.begun) == 1

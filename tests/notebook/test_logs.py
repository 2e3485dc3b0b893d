"""Where a kernel is killed, TensorBoard shows each step once."""

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.notebook.book import said

CELL = """%%checkpointed tb --every 3it
from torch.utils.tensorboard import SummaryWriter
writer = SummaryWriter("runs/one")
for step in range(9):
    writer.add_scalar("loss", step, step)
    writer.flush()
    die(step == 7)
writer.close()"""


def test_a_killed_kernel_leaves_each_step_once(new_book):
    book = new_book()
    book.dies_in(CELL)
    result = book.run(CELL).check()
    assert said(result)[0].startswith("tb resumed at line 4 ")
    assert len(said(result)) == 1, "the writer's thread is no cause"
    events = EventAccumulator(str(book.folder / "runs/one"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(n, n) for n in range(9)]

"""Before the runtime's limit, where the user gave one, a snapshot is taken, whatever the interval is."""

import pytest

from tests.notebook.book import BOTH, said

pytestmark = BOTH
CELL = """%%checkpointed limited-{name} --every {every}
import os, time
open("{name} runs", "w").close()
while len(os.listdir(f"{{HERE}}/store/snapshots")) <= {before}:
    time.sleep(0.01)"""
# The clock stands still until the cell has begun: it has two seconds until a snapshot is due, then none.
CLOCK = """
import colab_guard.guards.lifetime as lifetime, colab_guard.running.run as run
run.BEGIN_SECONDS = 60  # what is due while another snapshot is written is left out
lifetime.age_seconds = lambda: 3.0 * os.path.exists("{name} runs")"""


@pytest.mark.parametrize("every", ["1h", "100000it"])
def test_a_last_snapshot_is_taken_before_the_limit(book, every):
    book.run("%guard config limit=").check()
    book.run("%%checkpointed warm --every 1h\nfor i in range(2): pass").check()  # the store is there
    before = book.value("len(os.listdir(f'{HERE}/store/snapshots'))")
    book.run(CLOCK.format(name=every)).check()
    book.run("%guard config limit=302s").check()
    result = book.run(CELL.format(name=every, every=every, before=before + 1)).check()
    assert any("is near" in line for line in said(result))
    book.run("%guard config limit=").check()


# A stand-in for a slow disk: nothing is stored before the file is there.
HELD = """
import colab_guard.running.limit as last
from colab_guard.saving.saver import Saver
from colab_guard.store.folder import Folder
skip, write_new, last.AGAIN_SECONDS, run.BEGIN_SECONDS = Saver._skip, Folder.write_new, 0.05, 0.1
def told(self, otherwise):
    skip(self, otherwise)
    print("left out", flush=True)
def held(self, name, chunks):
    any(time.sleep(0.01) for _ in iter(lambda: os.path.exists("release"), True))
    write_new(self, name, chunks)
Saver._skip, Folder.write_new = told, held"""


def test_where_another_is_being_written_the_last_one_is_taken_behind_it(book):
    book.run("%guard config limit=").check()
    book.run("%%checkpointed warm --every 1h\nfor i in range(2): pass").check()
    before = book.value("len(os.listdir(f'{HERE}/store/snapshots'))")
    book.run(CLOCK.format(name="held") + HELD).check()
    book.run("%guard config limit=302s").check()
    execution = book.kernel.start(CELL.format(name="held", every="1h", before=before + 1))
    while "left out" not in execution.result.text:
        assert not execution.poll(0.05), execution.result
    assert "is near" not in execution.result.text, "what it says would not be so"
    (book.folder / "release").touch()
    while not execution.poll(0.1):
        pass
    assert "is near" in execution.result.check().text
    book.run("%guard config limit=\nSaver._skip, Folder.write_new = skip, write_new").check()

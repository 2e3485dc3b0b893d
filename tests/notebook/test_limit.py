"""Before the runtime's limit, where the user gave one, a snapshot is taken, whatever the interval is."""

import pytest

from tests.notebook.book import BOTH, said

pytestmark = BOTH
CELL = """%%checkpointed limited-{name} --every {every}
import os, time
for i in range(3000):
    time.sleep(0.01)
    if len(os.listdir(f"{{HERE}}/store/snapshots")) > {before}:
        break
print(i)"""


@pytest.mark.parametrize("every", ["1h", "100000it"])
def test_a_last_snapshot_is_taken_before_the_limit(book, every):
    book.run("%guard config limit=").check()
    book.run("%%checkpointed warm --every 1h\nfor i in range(2): pass").check()  # the store is there
    before = book.value("len(os.listdir(f'{HERE}/store/snapshots'))")
    age = book.value("__import__('time').monotonic() - __import__('colab_guard.running.limit', fromlist=['x'])._begun")
    book.run(f"%guard config limit={age + 300 + 2:.3f}s").check()
    result = book.run(CELL.format(name=every, every=every, before=before + 1)).check()
    assert int(result.text.split()[-1]) < 2999, "it was taken"
    assert any("is near" in line for line in said(result))
    book.run("%guard config limit=").check()

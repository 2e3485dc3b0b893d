"""`%guard` tells what is there, in words that make sense."""

import re

from tests.notebook.book import BOTH, printed

pytestmark = BOTH


def test_before_any_cell(new_book):
    book = new_book()
    status = book.run("%guard").check().text
    assert str(book.store) in status
    assert "survives the kernel" in status
    assert "none guarded yet" in status
    assert book.run("%guard status").check().text == status
    assert f"no snapshots in {book.store} yet" in book.run("%guard history").check().text
    assert book.run("%guard verify").check().text == "there are no snapshots to read back yet\n"


def test_after_cells_that_ended_and_cells_that_did_not(book):
    book.run("%%checkpointed ended --every 1it\nfor i in range(3): pass").check()
    assert book.run("%%checkpointed broken --every 2it\na = 1\nfor i in range(6): 1 / (i - 5)").error
    status = book.run("%guard status").check().text
    assert re.search(r"^ended +saved \d+ s ago · [\d.]+ kB · the cell waited \S+ s · finished$", status, re.M)
    assert re.search(
        r"^broken +saved \d+ s ago at line 3 · [\d.]+ kB · the cell waited \S+ s · every 2 iterations$", status, re.M
    )
    history = book.run("%guard history").check().text.splitlines()
    assert history[0].split() == ["no.", "taken", "cell", "where", "holds", "new", "bytes"]
    assert re.fullmatch(r"\d+ +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +broken +line 3 +[\d.]+ kB +.*", history[1])
    assert any(re.search(r" ended +end +", line) for line in history)
    numbers = [int(line.split()[0]) for line in history[1:]]
    assert numbers == sorted(numbers, reverse=True)
    assert re.fullmatch(r"\d+ snapshots read back, [\d.]+ kB: every byte is what was written\n",
                        book.run("%guard verify").check().text)  # fmt: skip


def test_an_unknown_word_is_a_clear_error_that_lists_the_known_ones(book):
    kind, message = book.refusal("%guard nonsense")
    assert kind == "UsageError"
    for part in ("%guard nonsense", "%guard status", "%guard history", "%guard verify"):
        assert part in message


def test_a_checklist_before_a_long_run(book):
    text = book.run("%guard checklist").check().text
    names = [line[8:].split()[0] for line in text.splitlines() if not line.startswith(" ")][:-1]
    assert names == ["GPU", "memory", "disk", "Drive", "store", "inputs", "time", "keep-alive"]


def test_looking_changes_nothing(book):
    book.run("%%checkpointed looked\nfor i in range(3): pass").check()
    before = sorted(book.store.rglob("*"))
    for view in ("status", "history", "verify", "checklist"):
        assert printed(book.run(f"%guard {view}").check())
    assert sorted(book.store.rglob("*")) == before

"""Options that make no sense are refused by a clear error, and nothing is run."""

import pytest

from tests.notebook.book import BOTH, said

pytestmark = BOTH


@pytest.mark.parametrize("name", ["a/b", "..", ".x", "x" * 100, "ünï", "a:b", "'a b'", "a..b"])
def test_a_name_that_is_no_name(book, name):
    kind, message = book.refusal(f"%%checkpointed {name}\nprint('RUNS')")
    assert kind == "UsageError"
    assert "can't be a name" in message
    assert "such as train" in message


@pytest.mark.parametrize("every", ["0", "0s", "5", "5 minutes", "-5s", "60 s", "1.5it", "s", "nan"])
def test_an_interval_that_is_none(book, every):
    kind, message = book.refusal(f"%%checkpointed every --every {every}\nprint('RUNS')")
    assert kind == "UsageError"
    assert "--every" in message


@pytest.mark.parametrize(("every", "say"), [("5 minutes", "5m"), ("1.5hours", "1.5h")])
def test_an_interval_in_words_is_told_how_to_be_written(book, every, say):
    kind, message = book.refusal(f"%%checkpointed --every {every}\nprint('RUNS')")
    assert (kind, message) == ("UsageError", f"--every {every} is no interval: say --every {say}.")


@pytest.mark.parametrize("magic", ["%%time", "%%capture out"])
def test_another_magic_stands_above(book, magic):
    kind, message = book.refusal(f"%%checkpointed below\n\n{magic}\nprint('RUNS')")
    assert (kind, message.partition(".")[0]) == (
        "UsageError",
        f"Line 3: {magic.split()[0]} stands below %%checkpointed",
    )
    result = book.run(f"{magic}\n%%checkpointed above --fresh\nran = {magic!r}").check()
    assert book.value("ran") == magic
    assert ("above started afresh" in result.text) == (magic == "%%time")


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("x --nope", "--nope"),
        ("-x", "-x"),
        ("a b", "unrecognized arguments: b"),
        ("x --every", "--every"),
        ("x --keep 0", "keep is 0"),
        ("x --keep few", "--keep few is no number"),
        ("x --keep-best loss", "such as val_loss:min"),
        ("x --keep-best loss:min", "'x' has no such variable"),
        ("x --budget 10", "such as 10GB or 500MB"),
        ("'x", "No closing quotation"),
    ],
)
def test_an_option_that_is_none(book, line, part):
    kind, message = book.refusal(f"%%checkpointed {line}\nprint('RUNS')")
    assert kind == "UsageError"
    assert part in message


@pytest.mark.parametrize(
    ("every", "shown"),
    [("60s", "60 s"), ("1it", "iteration"), ("1000it", "1,000 iterations"), ("500ms", "0.5 s"), ("1.5m", "90 s")],
)
def test_intervals_are_understood(book, every, shown):
    [line] = said(book.run(f"%%checkpointed understood --every {every}\nfor i in range(3): pass").check())
    assert f"snapshots every {shown} to" in line


def test_all_options_together(book):
    line = f"%%checkpointed all.of-them_1 --every 100it --store '{book.folder}/a place' --fresh"
    [told] = said(book.run(f"{line}\nfor i in range(3): pass").check())
    assert told.startswith(f"all.of-them_1 started afresh, snapshots every 100 iterations to {book.folder}/a place.")
    assert "Take --fresh out again" in told
    assert list((book.folder / "a place/snapshots").iterdir())


def test_a_bad_interval_in_the_environment_is_refused_too(book):
    book.run("os.environ['COLAB_GUARD_EVERY'] = '5'").check()
    try:
        kind, message = book.refusal("%%checkpointed environment\nprint('RUNS')")
    finally:
        book.run("os.environ['COLAB_GUARD_EVERY'] = '0.1s'").check()
    assert (kind, "5 is no interval" in message) == ("UsageError", True)


def test_two_cells_of_one_name_are_refused(book):
    book.run("%%checkpointed twins\nfor i in range(3): pass\nprint(i)").check()
    kind, message = book.refusal("%%checkpointed twins\nimport os\nq = 'quite another'\nos.getcwd()")
    assert kind == "UsageError"
    assert "Two cells are called 'twins'" in message
    assert book.value("'q' in globals()") is False


def test_the_newest_and_the_best_are_kept(book):
    cell = "for n, loss in enumerate([5, 4, 1, 3, 6, 7]): pass"
    book.run(f"%%checkpointed kept --keep 2 --keep-best loss:min --every 1it\n{cell}").check()
    kept = "[m.body['best']['value'] for m in cg_repository.snapshots('kept')]"
    book.run(
        f"from colab_guard.store.repository import Repository\ncg_repository = Repository.open({str(book.store)!r})"
    )
    assert "[7.0, 7.0, 1.0]" in book.run(f"print({kept})").check().text
    told = said(book.run(f"%%checkpointed tight --budget 1kB --every 1it\n{cell}").check())
    assert sum("alone needs more than --budget 1.0 kB allows" in line for line in told) == 1

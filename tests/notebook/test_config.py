"""`%guard config` shows what is in force and where it comes from, and sets it for this session."""

import pytest

from tests.notebook.book import BOTH, said

pytestmark = BOTH


@pytest.fixture(autouse=True)
def taken_back(book):
    yield
    book.run("%guard config notebook= store= every= keep= limit=").check()


def rows(book, words: str = "") -> dict[str, str]:
    lines = book.run(f"%guard config {words}").check().text.splitlines()
    return {line.split()[0]: " ".join(line.split()[1:]) for line in lines}


def test_it_shows_each_setting_and_where_it_comes_from(book):
    shown = rows(book)
    assert shown["setting"] == "value from"
    assert shown["keep"] == "3 built in"
    assert shown["limit"] == "none built in"
    assert shown["every"] == "0.1s the environment variable COLAB_GUARD_EVERY"
    assert shown["store"].startswith(f"{book.store} the environment variable COLAB_GUARD_STORE; survives")
    assert shown["notebook"] == "notebook nothing tells it"


def test_a_cell_is_guarded_as_it_says_unless_its_own_line_says_otherwise(book):
    place = book.folder / "elsewhere"
    shown = rows(book, f"every=5m keep=2 limit=12h store='{place}'")
    assert shown["every"] == "5m %guard config"
    assert shown["limit"] == "12h %guard config"
    [line] = said(book.run("%%checkpointed configured\nfor i in range(3): pass").check())
    assert line == f"configured started, snapshots every 5 min to {place}."
    [line] = said(book.run("%%checkpointed own --every 7it\nfor i in range(3): pass").check())
    assert "every 7 iterations" in line
    assert f"store    {place}" in book.run("%guard status").check().text
    assert rows(book, "store= every=")["every"] == "0.1s the environment variable COLAB_GUARD_EVERY"
    assert f"store    {book.store}" in book.run("%guard status").check().text


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("every=5", "every=5 is no interval"),
        ("keep=2 keep=3", "give each once"),
        ("keep", "as NAME=VALUE"),
        ("kep=3", "There is no setting kep"),
        ("keep=9 limit=soon", "limit=soon is no duration"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_changed(book, words, part):
    kind, message = book.refusal(f"%guard config {words}")
    assert (kind, part in message) == ("UsageError", True)
    assert rows(book)["keep"] == "3 built in"

"""A repository is searched, byte by byte, for what a cell's variables, code, functions and output held."""

from pathlib import Path

import pytest

from tests.notebook.book import BOTH, Book, printed, said
from tests.support.tokens import NAMED, drawn, hugging_face

NAMES = "ABOVE", "CODE", "FUNCTION", "OUTPUT", "LOCAL", "OWN", "WAY"
TOKENS = {name: hugging_face(seed) for seed, name in enumerate(NAMES, 10)}
PASSWORD = drawn("abcdefgh0123456789", 30, 3)
ALL = [*TOKENS.values(), NAMED, PASSWORD]

# The next session's values are others.
CELLS_ABOVE = """
HF_TOKEN = open(f"{{HERE}}/token").read()
password = open(f"{{HERE}}/password").read()
cfg = {{"lr": 0.1, "wandb": {{"api_key": password}}, "again": HF_TOKEN}}
def login(token="{FUNCTION}"):
    return token
def work(local, count):
    for step in range(count):
        inside, way = login(), "{WAY}"
        seen.append((step, local, inside))
        die(step == 2)
"""
CELL = """%%checkpointed {name} --every 1it
import hashlib
def own():
    return "{OWN}"
client = hashlib.sha256(b"{CODE}")
print("with {OUTPUT}", HF_TOKEN, password)  # {OUTPUT}
seen = []
made = [own(), 1]
other = dict(key="{NAMED}", secret="{NAMED}")
work("{LOCAL}", 5)
print(len(seen), seen[-1][2] == login(), own() == "{OWN}", cfg["again"] == HF_TOKEN)
print(HF_TOKEN, password, cfg["wandb"]["api_key"] == password, seen[0][2] == login())
"""


def cells(**changed: str) -> tuple[str, str]:
    tokens = {**TOKENS, "NAMED": NAMED, **changed}
    return CELLS_ABOVE.format(**tokens), CELL.format(name="train", **tokens)


def leaks(store: Path) -> list[str]:
    files = [path for path in store.rglob("*") if path.is_file()]
    assert any(path.suffix == ".pack" for path in files)
    assert any(b'"train"' in path.read_bytes() for path in files)
    return [token for token in ALL for path in files if token.encode() in path.read_bytes()]


@BOTH
def test_no_secret_is_written_and_the_next_session_uses_its_own(new_book):
    book: Book = new_book()
    (book.folder / "token").write_text(TOKENS["ABOVE"])
    (book.folder / "password").write_text(PASSWORD)
    above, cell = cells()
    book.run(above).check()
    book.dies_in(cell)
    assert leaks(book.store) == []
    (book.folder / "token").write_text(hugging_face(50))
    (book.folder / "password").write_text("short")
    book.run(above).check()
    result = book.run(cell).check()
    assert said(result)[0].startswith("train resumed at line 7 of work()")
    assert printed(result) == ["5 True True True", f"{hugging_face(50)} short True True"]
    assert [token for token in ALL if token in result.text] == []
    assert leaks(book.store) == []


@pytest.fixture
def dead(new_book) -> Book:
    """The cell has died in the middle of a function; the cells above have not run again yet."""
    book: Book = new_book()
    (book.folder / "token").write_text(TOKENS["ABOVE"])
    (book.folder / "password").write_text(PASSWORD)
    above, cell = cells()
    book.run(above).check()
    book.dies_in(cell)
    return book


def test_another_token_in_the_code_is_no_edit(dead: Book) -> None:
    above, cell = cells(
        CODE="hf_" + drawn("abcdefXYZ", 36), OWN=hugging_face(70), FUNCTION=hugging_face(71), WAY=hugging_face(72),
        NAMED=drawn("abcdefghi0123456789", 25),
    )  # fmt: skip
    dead.run(above).check()
    result = dead.run(cell).check()
    assert printed(result)[0] == "5 True True True"


def test_code_that_lacks_its_secret_is_never_run(dead: Book) -> None:
    above, cell = cells()
    kind, message = dead.refusal(cell)
    assert kind == "EditedCell"
    assert "work() was under way, and this session does not define it" in message
    dead.run(above).check()
    assert printed(dead.run(cell).check())[0] == "5 True True True"


def test_it_is_said_once_which_secrets_are_not_stored(new_book):
    book: Book = new_book()
    cell = "%%checkpointed said --every 1it\nfor i in range(4):\n    token"
    book.run(f"token = {TOKENS['ABOVE']!r}").check()
    result = book.run(cell).check()
    assert [line for line in said(result) if "not stored" in line] == [
        "not stored in snapshots: the secret in token (a Hugging Face token)."
    ]

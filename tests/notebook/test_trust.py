"""A snapshot that somebody else signed, nobody signed, or that was altered runs none of its code unasked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colab_guard.core.keys import Keyring
from colab_guard.store.sealed import seal
from tests.notebook.book import BOTH, Book, printed, said

THEIRS = "5a" * 32
TRAP = """
class Trap:
    def __reduce__(self): return os.mkdir, (f"{HERE}/sprung",)
"""
CELL = """%%checkpointed trap --every 1it {}
trap = Trap()
for i in range(8): die(i == 4)
i"""
USERDATA = f"""
import sys, types
for name in ("google", "google.colab", "google.colab.userdata"):
    sys.modules.setdefault(name, types.ModuleType(name))
sys.modules["google.colab.userdata"].get = lambda name: {THEIRS!r} if name == "COLAB_GUARD_KEY" else 1 / 0
%reload_ext colab_guard
"""

Fields = dict[str, Any]


@pytest.fixture
def trapped(new_book: Callable[..., Book], tmp_path: Path) -> Book:
    """A notebook of mine, with a store in which somebody else's snapshots lie, whose pickles make a folder."""
    with new_book(COLAB_GUARD_KEY=THEIRS) as theirs:
        theirs.run(TRAP).check()
        theirs.dies_in(CELL.format(""))
    return new_book()


def each_manifest(store: Path, change: Callable[[Fields], object]) -> None:
    """As somebody would change it who lacks the key: the digest is right again."""
    for file in store.glob("snapshots/*.json"):
        fields = json.loads(file.read_bytes())
        change(fields)
        del fields["digest"]
        file.write_bytes(seal(fields))


def refusal(book: Book, options: str = "") -> str:
    """The error's class and message; nothing of the snapshot was run."""
    kind, message = book.refusal(CELL.format(options))
    assert not (book.folder / "sprung").exists()
    for part in (str(book.store), "nothing of it was loaded", "--trust", "--fresh"):
        assert part in message
    return f"{kind}: {message}"


def resumes(book: Book) -> None:
    trusted = book.run(CELL.format("--trust")).check()
    assert printed(trusted) == ["7"]
    first, second, *_ = said(trusted)
    assert first.startswith("--trust: a snapshot is used whoever wrote it. Take it out again")
    assert second.startswith("trap resumed at line 3 ")
    assert (book.folder / "sprung").exists(), "or this trap would show nothing"


@BOTH
def test_three_refusals_and_what_trust_changes(trapped):
    mine = Keyring().found()[0].id
    assert refusal(trapped).startswith("ForeignSnapshot: ")
    assert f"({mine} " in refusal(trapped)
    assert "foreign" in trapped.run("%guard history").check().text
    assert "which is not yours" in trapped.run("%guard verify").check().text
    assert f"key      {mine}, the environment variable" in trapped.run("%guard status").check().text
    each_manifest(trapped.store, lambda fields: fields.update(key=mine))
    assert refusal(trapped).startswith("AlteredSnapshot: ")
    assert refusal(trapped, "--trust").startswith("AlteredSnapshot: ")
    assert "altered" in trapped.run("%guard history").check().text
    each_manifest(trapped.store, lambda fields: (fields.pop("signature"), fields.pop("key")))
    assert refusal(trapped).startswith("UnsignedSnapshot: ")
    assert "unsigned" in trapped.run("%guard history").check().text
    resumes(trapped)


def test_a_foreign_snapshot_with_trust_and_the_next_life_needs_none(trapped):
    resumes(trapped)
    (trapped.folder / "sprung").rmdir()
    trapped.restart()
    [told] = said(trapped.run(CELL.format("")).check())
    assert "finished" in told, "mine now, and signed so"


def test_trust_loads_nothing_from_bytes_that_are_not_those_written(trapped):
    for pack in trapped.store.glob("packs/*.pack"):
        if data := bytearray(pack.read_bytes()):
            data[len(data) // 2] ^= 1
            pack.write_bytes(data)
    kind, message = trapped.refusal(CELL.format("--trust"))
    assert (kind, "their digest differs" in message) == ("CorruptSnapshot", True)
    assert not (trapped.folder / "sprung").exists()


def test_the_key_of_colabs_secrets_is_used(trapped):
    """A stand-in for google.colab, which can't be installed; that the real one answers so is not shown here."""
    trapped.run(USERDATA).check()
    resumed = trapped.run(CELL.format("")).check()
    assert said(resumed)[0].startswith("trap resumed at line 3 ")
    assert "the Colab secret COLAB_GUARD_KEY" in trapped.run("%guard").check().text


def test_a_damaged_key_at_home_is_told_and_nothing_is_run(new_book, tmp_path):
    book = new_book(COLAB_GUARD_KEY="", HOME=str(tmp_path))
    book.dies_in("%%checkpointed homely --every 1it\nfor i in range(8): die(i == 4)\ni")
    [key] = tmp_path.glob(".config/colab_guard/keys/*")
    text = key.read_text()
    key.write_text("")
    kind, message = book.refusal("%%checkpointed homely --every 1it\nfor i in range(8): die(i == 4)\ni")
    assert (kind, str(key) in message) == ("KeyUnusable", True)
    key.write_text(text)
    assert (
        "resumed" in said(book.run("%%checkpointed homely --every 1it\nfor i in range(8): die(i == 4)\ni").check())[0]
    )


def test_where_no_key_can_be_kept_that_is_told_at_the_start_and_trust_resumes(new_book, tmp_path):
    (tmp_path / "file").touch()
    book = new_book(COLAB_GUARD_KEY="", HOME=str(tmp_path / "file/home"))
    book.run(TRAP).check()
    started = book.run(CELL.format("").replace("die(", "stop("))
    assert "dies with this kernel: after that only --trust" in said(started)[0]
    book.restart()
    assert refusal(book).startswith("ForeignSnapshot: ")
    resumes(book)

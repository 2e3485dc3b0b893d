"""A notebook's snapshots are its own and are found again, in real kernels.

The list of sessions comes from a stand-in for the server of a Colab VM (tests/support/sessions_server.py).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.notebook.book import BOTH, PATIENT, said
from tests.standins.colab import Colab
from tests.support.kernel import Kernel
from tests.support.notebook_page import page_of
from tests.support.sessions_server import SessionsServer

CELL = "%%checkpointed train\nfor i in range(3): pass"
OWN, OTHER = "1AbCdEfGhIjKlMnOpQrStUvWxYz012345", "1ZyXwVuTsRqPoNmLkJiHgFeDcBa543210"


@pytest.fixture
def server() -> Iterator[SessionsServer]:
    with SessionsServer() as server:
        yield server


def first_line(book) -> str:
    return said(book.run(CELL).check())[0]


def test_on_colab_notebooks_of_one_name_do_not_mix_and_a_renamed_one_goes_on(new_book, server, monkeypatch):
    # The server is a thread of this process, which may have to wait for its turn.
    wait = "__import__('colab_guard.core.server', fromlist=['']).listed.__defaults__ = (60.0,)"
    monkeypatch.setattr("tests.notebook.book.PATIENT", f"{PATIENT}\n{wait}")
    environment = {**server.environment, "COLAB_GUARD_STORE": ""}
    server.lists("train.ipynb", OWN)
    book = new_book(**environment)
    [folder] = [word for word in book.greeting.split() if "/.colab_guard/" in word]
    assert first_line(book).startswith(f"train started, snapshots every 0.1 s to {folder}.")
    book.run("import colab_guard as cg; kept = 5; cg.save('mine')").check()
    book.close()
    server.lists("train.ipynb", OTHER)
    assert first_line(new_book(**environment)).startswith("train started")
    server.lists("a new name.ipynb", OWN)
    book = new_book(**environment)
    assert folder in book.greeting
    assert "train finished earlier" in first_line(book)
    assert "mine" in book.run("%guard history").check().text, "cg.save and the magics keep their snapshots in one place"
    assert len(list((book.folder / ".colab_guard").iterdir())) == 2


@BOTH
def test_in_jupyter_the_folder_has_the_notebooks_name(new_book, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    environment = {"COLAB_GUARD_STORE": "", "JPY_SESSION_NAME": str(tmp_path / "a" / "train.ipynb")}
    book = new_book(**environment)
    assert len(book.greeting.splitlines()) == 1
    assert first_line(book).startswith("train started")
    book.close()
    environment["JPY_SESSION_NAME"] = str(tmp_path / "b" / "train.ipynb")
    book = new_book(**environment)
    assert first_line(book).startswith("train started")
    names = [path.name for path in (tmp_path / ".colab_guard").iterdir()]
    assert len(names) == 2
    assert all(name.startswith("train-") for name in names)
    book.close()
    environment["JPY_SESSION_NAME"] = str(tmp_path / "a" / "train.ipynb")
    assert "train finished earlier" in first_line(new_book(**environment))


def test_on_colab_with_nobody_to_tell_it_says_so_and_how_to_name_it(new_book, server):
    server.silent = True
    book = new_book(**server.environment, COLAB_GUARD_STORE="")
    _, warning = book.greeting.splitlines()
    assert warning == (
        "colab_guard: this notebook's name can't be told: name it with `%guard config notebook=…`, or its snapshots "
        "may mix with those of others."
    )
    text = book.run("%guard config notebook=mine").check().text
    assert "can't be told" not in text
    assert f"{book.folder}/.colab_guard/mine-" in text
    assert f"{book.folder}/.colab_guard/mine-" in first_line(book)
    assert f"{book.folder}/.colab_guard/mine-" in book.run("%reload_ext colab_guard").check().text


@BOTH
def test_where_the_server_does_not_tell_the_page_is_asked_and_not_waited_for_long(python, tmp_path, server):
    """google.colab is a stand-in that speaks its protocol with the page (tests/standins/colab.py)."""
    local = {"COLAB_GUARD_LOCAL": str(tmp_path / ".colab_guard")}
    with Colab() as colab, Kernel(python, tmp_path, {**server.environment, **colab.environment, **local}) as kernel:
        kernel.page = page_of(colab, "by the page.ipynb")
        kernel.run("import google.colab, colab_guard.notebook.identity as own; own.PAGE_SECONDS = 60").check()
        greeting = kernel.run("%load_ext colab_guard").check().text
        assert f"{tmp_path}/.colab_guard/by_the_page (" in greeting
        assert "is known by its name, by the page, and not by its file's id: name it with" in greeting
        colab.attached = False
        greeting = kernel.run("own.PAGE_SECONDS = 2\n%reload_ext colab_guard").check().text
        assert "this notebook's name can't be told" in greeting

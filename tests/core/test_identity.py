"""A notebook's folder is its own, and is found again: by its file's id on Colab, elsewhere by its path."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from colab_guard.core import config, identity, places
from colab_guard.core.server import WAIT_SECONDS, Listed, has_notebook, listed
from tests.support.sessions_server import SessionsServer, session

OWN, OTHER = "1AbCdEfGhIjKlMnOpQrStUvWxYz012345", "1ZyXwVuTsRqPoNmLkJiHgFeDcBa543210"
VARIABLES = ("COLAB_JUPYTER_IP", "KMP_TARGET_PORT", "COLAB_JUPYTER_TOKEN", "COLAB_RELEASE_TAG", "JPY_SESSION_NAME")


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in a process that began just now, off Colab, in an empty folder."""
    monkeypatch.setattr(identity, "_found", [])
    monkeypatch.setattr(config, "_chosen", {})
    for name in (*VARIABLES, "COLAB_GUARD_NOTEBOOK", "COLAB_GUARD_STORE", "VSCODE_PID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLAB_GUARD_LOCAL", str(tmp_path / ".colab_guard"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SessionsServer]:
    for ask in (listed, has_notebook):
        waits(monkeypatch, 60.0, ask)  # the server is a thread of this process, which may have to wait for its turn
    with SessionsServer() as server:
        for name, text in server.environment.items():
            monkeypatch.setenv(name, text)
        yield server


def waits(monkeypatch: pytest.MonkeyPatch, seconds: float, ask: Callable[..., object] = listed) -> None:
    """For the server, so long."""
    monkeypatch.setattr(ask, "__defaults__", (seconds,))


def place(notebook: identity.Identity) -> Path:
    return Path(places.default_place(notebook.folder, notebook.key).store)


def again(monkeypatch: pytest.MonkeyPatch) -> identity.Identity:
    """The identity that the next kernel finds."""
    monkeypatch.setattr(identity, "_found", [])
    return identity.identity({})


def test_two_notebooks_of_one_name_have_two_folders(server, monkeypatch):
    server.lists("train.ipynb", OWN)
    own = again(monkeypatch)
    server.lists("train.ipynb", OTHER)
    other = again(monkeypatch)
    assert (own.name, other.name) == ("train", "train")
    assert own.folder != other.folder
    assert all(one.folder == f"train-{one.key}" and OWN not in one.folder for one in (own, other))


def test_a_renamed_notebook_finds_the_folder_it_had(server, monkeypatch):
    server.lists("train.ipynb", OWN)
    had = place(again(monkeypatch))
    had.mkdir(parents=True)
    server.lists("train%20harder.ipynb", OWN)
    renamed = again(monkeypatch)
    assert renamed.name == "train harder"
    assert place(renamed) == had
    server.lists("train.ipynb", OTHER)
    assert place(again(monkeypatch)) != had


def test_its_loops_are_stored_under_what_a_new_name_does_not_change(server, monkeypatch):
    server.lists("train.ipynb", OWN)
    label = again(monkeypatch).label
    server.lists("other.ipynb", OWN)
    assert again(monkeypatch).label == label


def test_one_that_is_renamed_while_it_runs_stays_where_it_is(server):
    server.lists("train.ipynb", OWN)
    before = identity.identity({})
    server.lists("renamed.ipynb", OWN)
    assert identity.identity({}) is before


def test_of_several_sessions_it_is_that_of_this_kernel(server, monkeypatch):
    server.sessions = [session("a.ipynb", OTHER, "1-2"), session("b.ipynb", OWN, "3-4")]
    monkeypatch.setattr(sys, "argv", ["launcher.py", "-f", "/runtime/kernel-3-4.json"])
    assert listed() == Listed("b", OWN)
    monkeypatch.setattr(sys, "argv", ["launcher.py", "-f", "/runtime/connection.json"])
    assert listed() is None


def test_the_server_is_given_its_token_where_it_has_one(server, monkeypatch):
    monkeypatch.setenv("COLAB_JUPYTER_TOKEN", "open")
    server.lists("a.ipynb", OWN)
    assert listed() is not None
    assert server.asked[0]["Authorization"] == "token open"


@pytest.mark.parametrize(
    "sessions",
    [[], {}, None, "no", 5, [None], [{}], [{"path": "a-1", "name": None}], [{"kernel": 3, "path": "fileId="}]],
)
def test_a_server_that_answers_otherwise_leaves_it_unknown(server, monkeypatch, sessions):
    server.sessions = sessions
    found = again(monkeypatch)
    assert (found.name, found.id, found.folder) == ("notebook", None, "notebook")


def test_one_that_does_not_answer_is_not_waited_for(server, monkeypatch):
    """Without its time limit this would never end."""
    server.silent = True
    waits(monkeypatch, WAIT_SECONDS)
    assert identity.identity({}).id is None
    deadline = time.monotonic() + 60.0
    while not server.asked:  # its thread may come to it only now
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_no_server_and_no_answer_is_asked_for_again(server, monkeypatch):
    server.silent = True
    waits(monkeypatch, WAIT_SECONDS)
    assert identity.identity({}).id is None
    server.silent = False
    waits(monkeypatch, 60.0)
    server.lists("a.ipynb", OWN)
    assert identity.identity({}).id == OWN


def test_only_where_the_server_does_not_tell_the_page_is_asked(server):
    asked: list[str] = []

    def page() -> str:
        asked.append("asked")
        return "from the page"

    server.sessions = []
    found = identity.identity({}, page)
    assert (found.name, found.id, found.folder) == ("from the page", None, "from_the_page")
    server.lists("a.ipynb", OWN)
    assert identity.identity({}, page).id == OWN
    assert asked == ["asked"]


def test_vs_code_tells_the_path_before_anybody_else(server):
    server.lists("another.ipynb", OTHER)
    found = identity.identity({"__vsc_ipynb_file__": "/home/user/train.ipynb"})
    assert (found.name, found.id) == ("train", "/home/user/train.ipynb")
    assert not server.asked


def test_off_colab_two_of_one_name_in_two_folders_differ(monkeypatch, tmp_path):
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "a" / "train.ipynb"))
    first = again(monkeypatch)
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "b" / "train.ipynb"))
    second = again(monkeypatch)
    assert first.name == second.name == "train"
    assert place(first) != place(second)


def test_a_notebook_moved_with_its_store_finds_it(monkeypatch, tmp_path):
    folders = []
    for where in ("before", "after"):
        (tmp_path / where).mkdir()
        monkeypatch.chdir(tmp_path / where)
        monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / where / "train.ipynb"))
        folders.append(again(monkeypatch).folder)
    assert folders[0] == folders[1]


@pytest.mark.parametrize("told", ["", "train", "/content/train.py"])
def test_what_is_no_notebook_tells_nothing(monkeypatch, told):
    monkeypatch.setenv("JPY_SESSION_NAME", told)
    assert again(monkeypatch).folder == "notebook"


@pytest.mark.parametrize("name", ["..", ".", "a/b", "ünï çode", "x" * 300, "é" * 300, "-rf"])
def test_any_name_makes_one_folder(server, monkeypatch, tmp_path, name):
    server.lists(f"{name}.ipynb", OWN)
    folder = place(again(monkeypatch))
    assert folder.parent == tmp_path / ".colab_guard"
    folder.mkdir(parents=True)


def test_what_the_user_says_goes_before_all(server):
    server.lists("train.ipynb", OWN)
    config.configure({"notebook": "mine"})
    found = identity.identity({})
    assert (found.name, found.id, server.asked) == ("mine", "mine", [])


def test_a_kernel_of_no_notebook_is_told_from_one_of_a_page(server, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["launcher.py", "-f", "/runtime/kernel-3-4.json"])
    server.sessions = [session("train.ipynb", OWN, kernel="3-4"), session("other.ipynb", OTHER)]
    assert has_notebook() is True
    server.sessions = [session("other.ipynb", OTHER)]
    assert has_notebook() is False
    server.sessions = []
    assert has_notebook() is False
    server.sessions = {"no": "list"}
    assert has_notebook() is None
    monkeypatch.setattr(sys, "argv", ["launcher.py", "-f", "/runtime/connection.json"])
    server.sessions = []
    assert has_notebook() is None, "this kernel's id is not known"

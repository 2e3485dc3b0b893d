"""Where the user authorised it, durable is what Drive's API says is there, byte for byte; where it does not answer, or
nobody authorised it, the file's id alone tells, as ever. The API is a stand-in (tests/standins/drive_api.py).
"""

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from colab_guard.session import Session
from colab_guard.store.folder import Folder
from colab_guard.store.repository import Repository
from colab_guard.store.retention import Retention
from colab_guard.tiers import opening
from colab_guard.tiers.drive import Drive
from colab_guard.tiers.drive_api import REST_SECONDS, DriveApi
from colab_guard.tiers.drive_arrivals import BY_API, BY_ID, PATIENCE_SECONDS
from colab_guard.tiers.tiered import Tiered
from colab_guard.tiers.uploader import Uploader
from colab_guard.tiers.uploads import Uploads
from colab_guard.views import status_text
from tests.standins.drive_api import TOKEN, DriveApiServer
from tests.standins.drive_files import ID

STORE = "colab_guard/notebook"


class Vm:
    """A VM on which Drive is mounted, and the API can be asked; ``settle`` does what the thread would."""

    def __init__(self, account: Any, disk: Path, base: str, token: Callable[[], str | None] = lambda: TOKEN) -> None:
        self.account, self.now = account, 0.0
        self.api = DriveApi(token, base, seconds=0.3 if base.endswith("#short") else 30.0, clock=lambda: self.now)
        self.drive = Drive(account.my_drive / STORE, self.api)
        self.uploads = Uploads(Folder(disk), self.drive, disk.name)
        self.repository = Repository(Tiered(self.uploads, lambda: None))

    def commit(self, size_bytes: int = 10_000) -> Any:
        return self.repository.commit("train", {}, [random.randbytes(size_bytes)])

    def settle(self) -> None:
        for _ in range(50):
            if self.uploads.step() != 0:
                self.account.wait_uploaded()
                if self.uploads.step() != 0:
                    return
        raise AssertionError("it comes to no rest")

    @property
    def durable(self) -> Any:
        return self.uploads.state("train").durable

    @property
    def how(self) -> str:
        return self.uploads.state("train").how


@pytest.fixture
def account(new_drive: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    drive = new_drive()
    monkeypatch.setenv("COLAB_GUARD_DRIVE", str(drive.mount))
    return drive


@pytest.fixture
def server(account: Any) -> Iterator[DriveApiServer]:
    with DriveApiServer(account) as server:
        yield server


def test_what_the_api_confirms_is_durable_by_the_api(account, server, tmp_path):
    vm = Vm(account, tmp_path / "a", server.base)
    snapshot = vm.commit()
    vm.settle()
    assert (vm.durable, vm.how) == (snapshot, BY_API)
    assert vm.drive.notes() == ""


def test_nothing_that_drive_has_no_id_for_is_asked_about(account, server, tmp_path):
    account.pause_uploads()
    vm = Vm(account, tmp_path / "a", server.base)
    vm.commit()
    for _ in range(10):
        vm.uploads.step()
    assert vm.durable is None
    assert [path for path in server.asked if "/files/" in path] == []


@pytest.mark.parametrize("wrong", ["spoiled", "trashed"])
@pytest.mark.parametrize("end", [".pack", ".json"])
def test_what_is_there_otherwise_is_not_durable_and_uploaded_anew(account, server, tmp_path, wrong, end):
    vm = Vm(account, tmp_path / "a", server.base)
    snapshot = vm.commit()
    setattr(server, wrong, end)
    vm.settle()
    vm.now += PATIENCE_SECONDS - 1
    vm.settle()
    assert (vm.durable, vm.uploads.news()) == (None, []), "it may be that the upload is not over"
    before = {path: os.getxattr(path, ID) for path in account.cloud.rglob(f"*{end}")}
    vm.now += 1
    setattr(server, wrong, "")
    vm.api._asks_from = vm.now + 1  # what was contradicted is not believed for want of an answer
    vm.settle()
    [said] = vm.uploads.news()
    assert "Drive's API" in said
    assert "uploaded anew" in said
    vm.now += 2
    vm.settle()
    assert vm.durable == snapshot
    after = {path: os.getxattr(path, ID) for path in account.cloud.rglob(f"*{end}")}
    assert after.keys() == before.keys()
    assert after != before
    account.lose_vm()
    account.remount()
    assert Vm(account, tmp_path / "b", server.base).repository.newest("train") == (snapshot, [])


def test_an_answer_that_contradicts_for_a_moment_costs_nothing(account, server, tmp_path):
    vm = Vm(account, tmp_path / "a", server.base)
    snapshot = vm.commit()
    server.spoiled = ".pack"
    vm.settle()
    assert vm.durable is None
    server.spoiled = ""
    account.reset_operations()
    vm.settle()
    assert (vm.durable, vm.how, vm.uploads.news()) == (snapshot, BY_API, [])
    assert not {kind for kind, _ in account.operations()} & {"create", "unlink"}


def test_what_is_there_otherwise_and_superseded_leaves_nothing_behind(account, server, tmp_path):
    vm = Vm(account, tmp_path / "a", server.base)
    vm.commit()
    server.spoiled = ".pack"
    vm.settle()
    vm.now += PATIENCE_SECONDS
    vm.commit()
    vm.repository.prune("train", Retention(1))
    vm.settle()
    assert len(list(account.cloud.rglob("*.pack"))) == 1
    assert len(list(account.cloud.rglob("snapshots/*.json"))) == 1


@pytest.mark.parametrize("fault", [401, 403, 404, 500, 302])
def test_an_api_that_fails_leaves_the_id_to_tell_and_is_named_once(account, server, tmp_path, fault):
    server.fault = fault
    vm = Vm(account, tmp_path / "a", server.base)
    snapshot = vm.commit()
    vm.settle()
    assert (vm.durable, vm.how) == (snapshot, BY_ID)
    assert vm.drive.notes().count(str(fault)) == 1
    assert vm.uploads.news() == []
    assert len(server.asked) == 1, "and it is left alone for a while"
    server.fault = None
    vm.now += REST_SECONDS
    snapshot = vm.commit()
    vm.settle()
    assert vm.durable == snapshot
    assert vm.drive.notes() == ""


def test_an_api_that_hangs_or_is_gone_holds_nothing_up(account, server, tmp_path):
    server.fault = "hang"
    vm = Vm(account, tmp_path / "a", f"{server.base}#short")
    snapshot = vm.commit()
    vm.settle()
    assert (vm.durable, vm.how) == (snapshot, BY_ID)
    assert "no answer within 0.3 s" in vm.drive.notes()
    server.close()
    vm = Vm(account, tmp_path / "b", server.base)
    snapshot = vm.commit()
    vm.settle()
    assert (vm.durable, vm.how) == (snapshot, BY_ID)
    assert "refused" in vm.drive.notes()


def test_a_name_that_is_looked_up_for_ever_holds_nothing_up(account, server, tmp_path):
    released = threading.Event()
    vm = Vm(account, tmp_path / "a", f"{server.base}#short", lambda: released.wait() and None)
    snapshot = vm.commit()
    vm.settle()
    released.set()
    assert (vm.durable, vm.how) == (snapshot, BY_ID)


def test_an_api_that_can_be_asked_no_more_leaves_the_id_to_tell(account, server, tmp_path, monkeypatch):
    """On Python 3.12 a process that ends can start no thread, and its last uploads are still to be confirmed."""

    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    vm = Vm(account, tmp_path / "a", server.base)
    snapshot = vm.commit()
    monkeypatch.setattr("colab_guard.tiers.drive_api.threading.Thread.start", refuse)
    vm.settle()
    assert (vm.durable, vm.how) == (snapshot, BY_ID)


def test_where_nobody_authorised_it_nothing_is_asked_and_nothing_is_said(account, server, tmp_path):
    vm = Vm(account, tmp_path / "a", server.base, lambda: None)
    snapshot = vm.commit()
    vm.settle()
    assert (vm.durable, vm.how, vm.drive.notes(), server.asked) == (snapshot, BY_ID, "", [])


def test_what_an_earlier_session_wrote_is_never_deleted_for_what_the_api_says(account, server, tmp_path):
    """Its copy on Drive may be the only one."""
    vm = Vm(account, tmp_path / "a", server.base)
    snapshot = vm.commit()
    vm.settle()
    server.trashed = ".pack"
    later = Vm(account, tmp_path / "b", server.base)
    later.settle()
    later.now += PATIENCE_SECONDS
    later.settle()
    assert later.durable is None
    assert later.uploads.state("train").copied == snapshot
    assert later.repository.newest("train") == (snapshot, [])
    server.trashed = ""
    assert Vm(account, tmp_path / "c", server.base).repository.newest("train") == (snapshot, [])


def test_what_an_earlier_session_wrote_is_confirmed_by_its_size(account, server, tmp_path):
    vm = Vm(account, tmp_path / "a", server.base)
    snapshot = vm.commit()
    vm.settle()
    later = Vm(account, tmp_path / "b", server.base)
    later.settle()
    assert (later.durable, later.how) == (snapshot, BY_API)


def test_a_file_whose_newest_version_waits_is_not_durable_although_it_has_an_id(account, server, tmp_path):
    vm = Vm(account, tmp_path / "a", server.base, lambda: None)
    vm.commit()
    vm.settle()
    name = "packs/changed.pack"
    vm.drive.write_new(name, [b"1"])
    account.wait_uploaded()
    assert vm.drive.confirmed(name) is True
    account.pause_uploads()
    (account.my_drive / STORE / name).write_bytes(b"22")
    assert vm.drive.confirmed(name) is False


def test_free_space_is_the_accounts_where_that_is_told(account, server, tmp_path):
    vm = Vm(account, tmp_path / "a", server.base)
    assert vm.drive.free_bytes() == 1_000_000_000 - 1000
    server.quota = {"limit": "1000", "usage": "5000"}
    assert vm.drive.free_bytes() == 0
    snapshot = vm.commit()
    vm.settle()
    assert "only 0 B are free" in " ".join(vm.uploads.news())
    server.quota = {"usage": "5000"}  # an account without a limit
    assert vm.drive.free_bytes() == _free(account)
    vm.uploads.step()
    vm.settle()
    assert vm.durable == snapshot
    server.fault = 500
    assert vm.drive.free_bytes() == _free(account)


def _free(account: Any) -> int:
    found = os.statvfs(account.my_drive)
    return found.f_bavail * found.f_frsize


def test_what_lies_in_the_trash_is_named_once_it_is_worth_a_word(account, server, tmp_path, monkeypatch):
    vm = Vm(account, tmp_path / "a", server.base)
    vm.drive.write_new("snapshots/small.json", [b"1" * 1000])
    vm.drive.delete("snapshots/small.json")
    assert vm.drive.notes() == ""
    vm.drive.write_new("snapshots/large.json", [b"1" * 2_000_000])
    vm.drive.delete("snapshots/large.json")
    assert vm.drive.notes() == "2.0 MB in its trash"
    server.fault = 403
    vm.drive.free_bytes()
    tiers = opening.Tier(Tiered(vm.uploads, lambda: None), vm.uploads, Uploader(vm.uploads))
    monkeypatch.setitem(opening._tiers, vm.drive.place, tiers)
    line = status_text(Session({}, print, Path(vm.drive.place), "on Drive")).splitlines()[0]
    assert line.endswith("(on Drive) · 2.0 MB in its trash · Drive's API: it answered 403 Forbidden")
    assert account.trash_bytes == 2_001_000


def test_retention_forgets_what_was_deleted(account, server, tmp_path):
    vm = Vm(account, tmp_path / "a", server.base)
    for _ in range(6):
        vm.commit()
        vm.repository.prune("train", Retention(2))
        vm.settle()
    arrivals = vm.drive._arrivals
    assert len(arrivals._by_api) <= 1 + 2 * 3
    assert (len(arrivals._written), arrivals._doubted) == (1, {})


# -- the user's authorisation, with google-auth itself, and a stand-in for the VM's metadata server ---------

ASK = """
import logging, os, sys
from colab_guard.tiers.drive_user import User
before = set(sys.modules)
assert User().token() is None and set(sys.modules) == before, "nothing is imported to find out"
logging.basicConfig()
import google.auth
for ephemeral in "01":
    os.environ["USE_AUTH_EPHEM"] = ephemeral
    print(User().token())
"""


def tokens(server: DriveApiServer, home: Path) -> list[str]:
    """Those that a process of its own is given, off Colab and on it. What it logs would fail the test."""
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "HOME": str(home),
        "GCE_METADATA_HOST": server.host, "GCE_METADATA_IP": server.host, "GCE_METADATA_DETECT_RETRIES": "1",
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_a_token_is_the_users_on_colab_only(tmp_path):
    with DriveApiServer() as server:
        assert tokens(server, tmp_path) == ["None", TOKEN]


def test_the_account_of_a_machine_is_nobodys_authorisation(tmp_path):
    with DriveApiServer() as server:
        server.email = "1234-compute@developer.gserviceaccount.com"
        assert tokens(server, tmp_path) == ["None", "None"]


def test_without_a_metadata_server_nobody_authorised_anything_and_nothing_is_logged(tmp_path):
    with DriveApiServer() as server:
        server.close()
        assert tokens(server, tmp_path) == ["None", "None"]


def test_a_users_token_from_a_file_is_theirs_too(tmp_path):
    """As without `USE_AUTH_EPHEM`."""
    folder = tmp_path / ".config" / "gcloud"
    folder.mkdir(parents=True)
    with DriveApiServer() as server:
        told = {"type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c"}
        told |= {"token": TOKEN, "expiry": "2999-01-01T00:00:00Z"}
        (folder / "application_default_credentials.json").write_text(json.dumps(told))
        assert tokens(server, tmp_path) == [TOKEN, TOKEN]

"""On Drive's mount (a real FUSE stand-in, see tests/standins): what was durable survives the VM, nothing is written
where Drive should be and is not, and a mount that dies costs nothing but time.
"""

import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from colab_guard.core.errors import StoreUnavailable
from colab_guard.core.keys import Keyring
from colab_guard.store.folder import Folder
from colab_guard.store.repository import Repository
from colab_guard.store.retention import Retention
from colab_guard.tiers import drive_logs, opening
from colab_guard.tiers.drive import Drive
from colab_guard.tiers.tiered import Tiered
from colab_guard.tiers.uploads import Uploads

STORE = "colab_guard/notebook"


class Vm:
    """A VM on which Drive is mounted; ``settle`` does what the thread would."""

    def __init__(self, account: Any, disk: Path) -> None:
        self.uploads = Uploads(Folder(disk), Drive(account.my_drive / STORE), disk.name)
        self.repository = Repository(Tiered(self.uploads, lambda: None))

    def settle(self) -> float | None:
        for _ in range(50):
            if (wait := self.uploads.step()) != 0:
                return wait
        raise AssertionError("it comes to no rest")

    def commit(self, size_bytes: int = 10_000) -> Any:
        found = self.repository.commit("train", {}, [random.randbytes(size_bytes)])
        self.repository.prune("train", Retention(2))
        return found


@pytest.fixture
def account(new_drive: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    drive = new_drive(paused=True)
    monkeypatch.setenv("COLAB_GUARD_DRIVE", str(drive.mount))
    return drive


def test_durable_is_what_drive_has_an_id_for(account, tmp_path):
    vm = Vm(account, tmp_path / "a")
    snapshot = vm.commit()
    vm.settle()
    assert vm.uploads.state("train").durable is None
    account.resume_uploads()
    account.wait_uploaded()
    vm.settle()
    assert vm.uploads.state("train").durable == snapshot


def test_what_was_durable_survives_the_vm_and_is_gone_on_with(account, tmp_path):
    vm = Vm(account, tmp_path / "a")
    for _ in range(4):
        sure = vm.commit()
        vm.settle()
        account.resume_uploads()
        account.wait_uploaded()
        vm.settle()
        account.pause_uploads()
    lost = vm.commit()
    vm.settle()
    account.lose_vm()
    account.remount()
    later = Vm(account, tmp_path / "b")
    found, problems = later.repository.newest("train")
    assert (found, problems) == (sure, [])
    assert lost.seq == sure.seq + 1
    assert later.repository.verify().problems == ()


def test_nothing_is_written_below_a_mount_point_without_its_mount(account, tmp_path):
    vm = Vm(account, tmp_path / "a")
    vm.commit()
    account.close()
    os.makedirs(account.my_drive / STORE / "packs")  # as code does that takes no look
    vm.settle()
    assert [name for _, _, names in os.walk(account.mount) for name in names] == []
    assert "not connected" in vm.uploads.state("train").words(0) or "mount" in vm.uploads.state("train").words(0)
    with pytest.raises(StoreUnavailable, match="not mounted"):
        opening.backend_of(account.my_drive / STORE, Keyring())


def test_a_mount_that_is_killed_costs_time_and_no_snapshot(account, tmp_path):
    vm = Vm(account, tmp_path / "a")
    for _ in range(3):
        vm.commit()
        vm.settle()
    account.kill()
    newest = vm.commit()
    vm.settle()
    assert "snapshots no longer reach" in " ".join(vm.uploads.news())
    assert vm.repository.newest("train")[0] == newest, "reads come from the disk"
    account.remount()
    account.resume_uploads()
    vm.settle()
    account.wait_uploaded()
    vm.settle()
    assert vm.uploads.state("train").durable == newest
    assert "again" in " ".join(vm.uploads.news())


@pytest.mark.parametrize("code", [107, 5, 28])
def test_what_drive_answers_is_said_with_what_to_do(account, tmp_path, code):
    vm = Vm(account, tmp_path / "a")
    vm.commit()
    account.fail(code)
    vm.commit()
    vm.settle()
    [said] = vm.uploads.news()
    assert said.count(".") >= 2
    assert os.strerror(code) in said
    account.heal()
    account.resume_uploads()
    vm.settle()
    account.wait_uploaded()
    vm.settle()
    assert vm.uploads.state("train").is_complete


def test_a_steady_state_makes_two_files_cuts_one_deletes_two_and_lists_none(account, tmp_path):
    account.resume_uploads()
    vm = Vm(account, tmp_path / "a")

    def some(count: int) -> None:
        for _ in range(count):
            vm.commit()
            vm.settle()
            account.wait_uploaded()
            vm.settle()

    some(5)
    account.reset_operations()
    some(6)
    total = Counter[str]()
    for (kind, _), count in account.operations().items():
        total[kind] += count
    assert {kind: total[kind] / 6 for kind in ("create", "truncate", "unlink", "rename", "mkdir", "readdir")} == {
        "create": 2, "truncate": 1, "unlink": 2, "rename": 0, "mkdir": 0, "readdir": 0,
    }  # fmt: skip


def test_deleted_packs_leave_nothing_in_the_trash(account, tmp_path):
    account.resume_uploads()
    vm = Vm(account, tmp_path / "a")
    for _ in range(8):
        vm.commit(100_000)
        vm.settle()
        account.wait_uploaded()
        vm.settle()
    assert account.trash_bytes < 20_000, "manifests only"


def test_an_upload_that_was_cut_off_by_the_end_of_the_kernel_is_done_anew(account, tmp_path):
    vm = Vm(account, tmp_path / "a")
    snapshot = vm.commit(50_000)
    vm.settle()
    [pack] = os.listdir(account.my_drive / STORE / "packs")
    os.truncate(account.my_drive / STORE / "packs" / pack, 10)
    os.unlink(account.my_drive / STORE / snapshot.name)
    again = Vm(account, tmp_path / "a")
    account.resume_uploads()
    again.settle()
    account.wait_uploaded()
    again.settle()
    assert again.uploads.state("train").durable == snapshot
    account.lose_vm()
    account.remount()
    assert Vm(account, tmp_path / "b").repository.newest("train") == (snapshot, [])


def test_the_newest_reason_in_the_logs_is_named(tmp_path):
    log = tmp_path / "drive_fs.txt"
    log.write_text("E QueryManager timed out\nE The user has exceeded their Drive storage quota\n")
    assert "storage is full" in drive_logs.reason(tmp_path)
    log.write_text("nothing\n")
    assert drive_logs.reason(tmp_path) == ""
    assert drive_logs.reason(tmp_path / "missing") == ""


def test_a_key_that_was_looked_for_while_nothing_was_mounted_is_looked_for_again(account, tmp_path, monkeypatch):
    monkeypatch.delenv("COLAB_GUARD_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLAB_RELEASE_TAG", "x")  # what is at home dies with the VM
    store = account.my_drive / STORE
    store.mkdir(parents=True)
    on_drive = Keyring().signing(store)
    assert str(account.mount) in on_drive.where
    (tmp_path / "home/.config/colab_guard/keys").mkdir(parents=True)
    Path(tmp_path / "home/.config/colab_guard/keys/signing-home.key").write_text("ab" * 32)
    os.chmod(tmp_path / "home/.config/colab_guard/keys/signing-home.key", 0o600)
    state = opening._key_state(Keyring(), store)
    account.flush_and_unmount()
    assert state() == (False, ""), "nobody can tell now"
    account.remount()
    assert state() == (False, ""), "the key at home is copied, and on its way"
    account.upload(99)
    assert state() == (True, "")

"""Folders that are made, and those that are not."""

import errno
from pathlib import Path

import pytest

from colab_guard.capture.process import process_state, set_process_state
from colab_guard.core import keys
from colab_guard.core.errors import RestoreError
from colab_guard.core.folders import make_folder
from colab_guard.core.keys import Keyring


@pytest.fixture
def drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty folder that Drive would be mounted at."""
    mount = tmp_path / "drive"
    mount.mkdir()
    monkeypatch.setenv("COLAB_GUARD_DRIVE", str(mount))
    return mount


def test_a_folder_is_made_with_those_around_it_and_one_that_is_there_stays(tmp_path: Path) -> None:
    for _ in range(2):
        make_folder(tmp_path / "a/b", 0o700)
        assert (tmp_path / "a/b").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="directory"):
        make_folder(tmp_path / "file/below")


@pytest.mark.parametrize("below", ["", "MyDrive", "MyDrive/a", "Shareddrives/team/a/b"])
def test_nothing_is_made_where_drive_is_to_be_mounted(drive: Path, below: str) -> None:
    drive.rmdir() if not below else None
    with pytest.raises(OSError, match="not connected") as raised:
        make_folder(drive / below)
    assert raised.value.errno == errno.ENOTCONN
    assert not drive.exists() or list(drive.iterdir()) == []


def test_on_drive_that_is_there_folders_are_made(drive: Path) -> None:
    """Its topmost folders are put there: that a mount brings them the FUSE stand-in shows elsewhere."""
    (drive / "MyDrive").mkdir()
    make_folder(drive / "MyDrive/a/b")
    assert (drive / "MyDrive/a/b").is_dir()


def test_a_mount_that_goes_while_the_key_is_made_leaves_nothing_in_its_place(
    drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLAB_GUARD_KEY", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(keys, "drive_mount", lambda: drive)  # by the mount table, right before it went
    signing = Keyring().signing(tmp_path / "store")
    assert signing.where.startswith(str(tmp_path / "home"))
    assert list(drive.iterdir()) == []


def test_a_working_folder_on_drive_that_is_not_mounted_is_named(drive: Path) -> None:
    state = {**process_state(), "directory": str(drive / "MyDrive/project")}
    with pytest.raises(RestoreError, match=r"taken in the folder .*MyDrive/project.*%guard mount"):
        set_process_state(state)
    assert list(drive.iterdir()) == []

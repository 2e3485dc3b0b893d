"""Drive is tried in a folder of our own, which is gone afterwards; what its attributes do is told as it is.

A plain folder with attributes made up by the test stands in for the mount here: what DriveFS does is not shown.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from colab_guard.selfchecks import drive
from colab_guard.selfchecks.report import run
from tests.selfchecks.test_report import lines_of

DRIVE_FACTS = [fact.key for fact in drive.FACTS]
LOCAL, UPLOADED = {drive.ID: "local-1234", drive.UNCOMMITTED: "1"}, {drive.ID: "1AbC", drive.UNCOMMITTED: "0"}


@pytest.fixture
def mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in the mount's place, with a file of the user's that must stay as it is."""
    (tmp_path / "MyDrive").mkdir()
    diary = tmp_path / "MyDrive" / "my diary"
    diary.write_text("dear")
    monkeypatch.setattr(drive, "mount_point", lambda: tmp_path)
    monkeypatch.setattr(drive, "LOGS", tmp_path / "logs")
    yield tmp_path
    assert [path.name for path in (tmp_path / "MyDrive").iterdir()] == ["my diary"], "nothing of ours is left"
    assert diary.read_text() == "dear"


def told(wait_seconds: float = 60) -> dict[str, tuple[str, str]]:
    said: list[str] = []
    run(wait_seconds, said.append)
    text = "\n".join(said)
    assert "diary" not in text
    return {key: found for key, found in lines_of(text).items() if key in DRIVE_FACTS}


def attributes_change(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Files count as uploaded from the look number ``after`` on."""
    looks: dict[str, int] = {}

    def attributes(path: Path) -> dict[str, str]:
        name = path.name.removesuffix(".tmp")
        looks[name] = looks.get(name, 0) + 1
        return LOCAL if looks[name] <= after else UPLOADED

    monkeypatch.setattr(drive, "attributes", attributes)
    monkeypatch.setattr(drive, "POLL_SECONDS", 0.0)


def test_what_we_assume_of_uploads_is_confirmed_where_it_is_so(mount, monkeypatch):
    attributes_change(monkeypatch, after=5)
    (mount / "logs").mkdir()
    for name in ("drive_fs.txt", "timeouts.txt"):
        (mount / "logs" / name).touch()
    lines = told()
    verdicts = {key: verdict for key, (verdict, _) in lines.items()}
    assert verdicts.pop("mount-type") == "Different", "it is elsewhere"
    assert verdicts == dict.fromkeys([key for key in DRIVE_FACTS if key != "mount-type"], "Confirmed")
    assert "'1' before, '0' after" in lines["xattr-uncommitted"][1]
    assert "1AbC" not in str(lines)


def test_an_upload_that_does_not_end_is_not_waited_for_longer(mount, monkeypatch):
    attributes_change(monkeypatch, after=10**9)
    lines = told(wait_seconds=0)
    for key in ("xattr-uploaded", "xattr-uncommitted", "upload-speed"):
        assert lines[key][0] == "Could not be checked"
    assert "--wait" in lines["xattr-uploaded"][1]


def test_attributes_that_are_not_there_are_told(mount, monkeypatch):
    monkeypatch.setattr(drive, "attributes", lambda path: {"user.other": ""})
    lines = told()
    assert lines["xattr-new"][1].endswith("Different: it has none; its attributes: user.other.")
    for key in ("xattr-uploaded", "xattr-uncommitted", "upload-speed"):
        assert "Could not be checked: a file has no user.drive.id" in lines[key][1]


def test_what_is_deleted_was_cut_to_nothing_before(mount, monkeypatch):
    sizes: list[int] = []
    unlink = Path.unlink
    monkeypatch.setattr(Path, "unlink", lambda path: (sizes.append(path.stat().st_size), unlink(path)))
    told(wait_seconds=0)
    assert sizes == [0, 0, 0], "small, large, and the target of a rename"


def test_a_rename_that_is_not_atomic_is_seen(mount, monkeypatch):
    missed = threading.Event()
    read_bytes = Path.read_bytes

    def reading(path: Path) -> bytes:
        try:
            return read_bytes(path)
        except FileNotFoundError:
            missed.set()
            raise

    def in_two_steps(source: Path, target: Path) -> None:
        missed.clear()
        os.unlink(target)
        missed.wait(60)
        os.rename(source, target)

    monkeypatch.setattr(Path, "read_bytes", reading)
    monkeypatch.setattr(os, "replace", in_two_steps)
    monkeypatch.setattr(drive, "ROUNDS", 1)
    verdict, line = told(wait_seconds=0)["replace"]
    assert (verdict, "No such file" in line) == ("Different", True)


def test_a_mount_that_cannot_be_written_is_told_for_each(mount, monkeypatch):
    def gone(path: Path) -> None:
        raise OSError(107, "Transport endpoint is not connected", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", gone)
        lines = told()
    for key in ("xattr-new", "rename", "xattr-uploaded", "xattr-uncommitted", "upload-speed"):
        assert "Could not be checked: OSError 107, Transport endpoint is not connected." in lines[key][1]


def test_what_could_not_be_deleted_is_named(mount, monkeypatch):
    said: list[str] = []

    def gone(*_: object) -> None:
        raise OSError(107, "Transport endpoint is not connected")

    with monkeypatch.context() as patch:
        patch.setattr(os, "truncate", gone)
        run(0, said.append)
    [line] = [line for line in said if "delete it on Drive" in line]
    [left] = (mount / "MyDrive").glob("colab_guard-selfcheck-*")
    assert f"The folder {left.name} could not be deleted (OSError 107" in line
    for path in left.iterdir():
        path.unlink()
    left.rmdir()


def test_an_interrupt_while_it_is_written_leaves_nothing(mount, monkeypatch):
    def interrupted(count: int) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "urandom", interrupted)
    assert list(told()) == ["mount-type", "drive-logs"], "what was known before"


def test_on_a_mount_that_uploads_later(new_drive, monkeypatch):
    """A real FUSE file system, of Drive's type: a stand-in (tests/standins/drive.py says what it can't show)."""
    mounted = new_drive(delay_seconds=0.3, bytes_per_second=20_000_000, paused=True)
    monkeypatch.setattr(drive, "mount_point", lambda: mounted.mount)
    monkeypatch.setattr(drive, "POLL_SECONDS", 0.05)
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if line.startswith("- rename"):  # what is so before the upload was looked at
            mounted.resume_uploads()
        elif line.startswith("- upload-speed"):  # what comes then is deleted before it is uploaded, as on Drive itself
            mounted.pause_uploads()

    run(60, say)
    verdicts = {key: verdict for key, (verdict, _) in lines_of("\n".join(said)).items()}
    seen = ("xattr-new", "rename", "xattr-uploaded", "xattr-uncommitted", "upload-speed", "replace")
    assert {key: verdicts[key] for key in seen} == dict.fromkeys(seen, "Confirmed")
    assert list(mounted.my_drive.iterdir()) == []
    assert mounted.trash_bytes == 0, "nothing of it takes space in the trash"


def test_on_a_mount_that_dies_meanwhile(new_drive, monkeypatch):
    mounted = new_drive(paused=True)
    monkeypatch.setattr(drive, "mount_point", lambda: mounted.mount)
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if line.startswith("- rename"):
            mounted.kill()

    run(60, say)
    lines = lines_of("\n".join(said))
    for key in ("xattr-uploaded", "xattr-uncommitted", "upload-speed"):
        assert "Could not be checked: OSError 107," in lines[key][1]
    assert [line for line in said if "could not be deleted (OSError 107," in line]

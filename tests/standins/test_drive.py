"""The stand-in for Drive's mount behaves as its docstring says, through real system calls."""

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.standins.drive import CHECKOUT, Drive
from tests.standins.fixtures import NewDrive


def attributes(path: Path) -> tuple[bool, str]:
    """Whether the id is a local one, and what is said of being committed."""
    assert os.listxattr(path) == ["user.drive.id", "user.drive.uncommitted"]
    name = os.getxattr(path, "user.drive.id").decode()
    return name.startswith("local-"), os.getxattr(path, "user.drive.uncommitted").decode()


def refusal(call: Callable[..., object], *arguments: object) -> int | None:
    """The errno of what a call raises."""
    try:
        call(*arguments)
    except OSError as error:
        return error.errno
    return None


def calls(drive: Drive, *kinds: str) -> dict[tuple[str, str], int]:
    """The counted operations of some kinds."""
    return {(kind, path): count for (kind, path), count in drive.operations().items() if kind in kinds}


def test_the_mount_table_calls_it_a_drive(drive: Drive) -> None:
    assert drive.mounted
    assert {".shortcut-targets-by-id", "MyDrive"} == set(os.listdir(drive.mount))
    assert f"\ndrive {drive.mount} fuse.drive " in Path("/proc/self/mounts").read_text()


def test_files_are_files(drive: Drive) -> None:
    folder = drive.my_drive / "a folder"
    folder.mkdir()
    path = folder / "file"
    content = os.urandom(3_000_001)
    path.write_bytes(content)
    assert path.read_bytes() == content
    with path.open("r+b") as file:
        file.seek(1000)
        file.write(b"changed")
    with path.open("ab") as file:
        file.write(b"more")
        os.fsync(file.fileno())
    os.truncate(path, path.stat().st_size - 1)
    assert path.read_bytes() == content[:1000] + b"changed" + content[1007:] + b"mor"
    path.chmod(0o644)
    os.utime(path, ns=(1, 2))
    assert (path.stat().st_mode & 0o777, folder.stat().st_mode & 0o777, path.stat().st_mtime_ns) == (0o600, 0o700, 2)
    assert refusal(folder.rmdir) == errno.ENOTEMPTY
    folder.rename(drive.my_drive / "other")
    assert (drive.my_drive / "other" / "file").stat().st_size == 3_000_004
    (drive.my_drive / "other" / "file").unlink()
    (drive.my_drive / "other").rmdir()
    assert os.listdir(drive.my_drive) == os.listdir(drive.cloud / "MyDrive") == []


def test_what_drive_does_not_have_is_refused(drive: Drive) -> None:
    path = drive.my_drive / "file"
    path.write_bytes(b"x")
    assert refusal(os.link, path, drive.my_drive / "hard") in (errno.ENOSYS, errno.EPERM)
    assert refusal(os.symlink, path, drive.my_drive / "soft") == errno.ENOTSUP
    assert refusal(os.setxattr, path, "user.mine", b"x") == errno.ENOTSUP
    assert refusal((drive.mount / "beside").write_bytes, b"x") == errno.ENOTSUP
    assert refusal((drive.my_drive / "missing" / "x").write_bytes, b"x") == errno.ENOENT
    assert refusal(path.open, "x") == errno.EEXIST


def test_a_file_is_uploaded_a_while_after_it_was_closed_at_the_lines_speed(new_drive: NewDrive) -> None:
    drive = new_drive(by_hand=True, delay_seconds=3, bytes_per_second=1000)
    first, second = drive.my_drive / "first", drive.my_drive / "second"
    with first.open("wb") as file:
        file.write(bytes(10_000))
        second.write_bytes(bytes(2_000))  # closed before the other
    assert (attributes(first), attributes(second)) == ((True, "1"), (True, "1"))
    drive.advance(4.9)
    assert drive.waiting() == ["MyDrive/second", "MyDrive/first"]
    drive.advance(0.1)
    assert (attributes(first), attributes(second)) == ((True, "1"), (False, "0"))
    assert os.listdir(drive.cloud / "MyDrive") == ["second"]
    drive.advance(10)
    assert attributes(first) == (False, "0")
    assert (drive.cloud / "MyDrive" / "first").read_bytes() == bytes(10_000)


def test_uploads_go_by_the_real_clock_too(new_drive: NewDrive) -> None:
    drive = new_drive(delay_seconds=0.05, bytes_per_second=100_000)
    path = drive.my_drive / "file"
    path.write_bytes(bytes(5_000))
    drive.wait_uploaded()
    assert attributes(path) == (False, "0")
    drive.pause_uploads()
    path.write_bytes(b"x")
    with pytest.raises(TimeoutError, match="MyDrive/file"):
        drive.wait_uploaded(timeout_seconds=0)
    drive.resume_uploads()
    drive.wait_uploaded()
    assert (drive.cloud / "MyDrive" / "file").read_bytes() == b"x"


def test_a_changed_file_keeps_its_id_and_is_uploaded_again(new_drive: NewDrive) -> None:
    """So the id of a file that is not new says nothing about its bytes."""
    drive = new_drive(paused=True)
    path = drive.my_drive / "file"
    path.write_bytes(b"first")
    assert drive.upload() == ["MyDrive/file"]
    name = os.getxattr(path, "user.drive.id")
    with path.open("ab") as file:
        file.write(b" second")
    assert (attributes(path), os.getxattr(path, "user.drive.id")) == ((False, "1"), name)
    assert (drive.cloud / "MyDrive" / "file").read_bytes() == b"first"
    assert drive.upload(5) == ["MyDrive/file"]
    assert (attributes(path), os.getxattr(path, "user.drive.id")) == ((False, "0"), name)
    assert (drive.cloud / "MyDrive" / "file").read_bytes() == b"first second"


def test_who_writes_on_after_an_upload_changes_nothing_in_the_cloud_until_the_next(new_drive: NewDrive) -> None:
    drive = new_drive(paused=True)
    path = drive.my_drive / "file"
    with path.open("wb", buffering=0) as file:
        file.write(b"first")
        os.close(os.dup(file.fileno()))  # closes it once for the file system
        assert drive.upload() == ["MyDrive/file"]
        file.write(b" second")
        assert (drive.waiting(), (drive.cloud / "MyDrive" / "file").read_bytes()) == ([], b"first")
    assert (drive.waiting(), path.read_bytes()) == (["MyDrive/file"], b"first second")


def test_a_file_that_is_being_changed_waits_until_it_is_closed(new_drive: NewDrive) -> None:
    drive = new_drive(paused=True)
    path = drive.my_drive / "file"
    path.write_bytes(b"first")
    with path.open("ab", buffering=0) as file:
        assert drive.waiting() == ["MyDrive/file"]  # opened, and still as it was
        file.write(b" second")
        assert (drive.waiting(), drive.upload()) == ([], [])
    drive.upload()
    assert (drive.cloud / "MyDrive" / "file").read_bytes() == b"first second"


def test_a_new_vm_has_what_was_uploaded_and_nothing_else(new_drive: NewDrive) -> None:
    drive = new_drive(paused=True)
    for name in ("kept", "changed", "lost"):
        (drive.my_drive / name).write_bytes(b"first")
        drive.upload(0 if name == "lost" else 1)
    (drive.my_drive / "changed").write_bytes(b"second")
    name = os.getxattr(drive.my_drive / "kept", "user.drive.id")
    drive.lose_vm()
    assert (drive.mounted, list(drive.mount.iterdir())) == (False, [])
    drive.remount()
    assert {path.name: path.read_bytes() for path in drive.my_drive.iterdir()} == {
        "kept": b"first",
        "changed": b"first",
    }
    assert os.getxattr(drive.my_drive / "kept", "user.drive.id") == name


def test_a_dead_mount_answers_107_and_its_cache_is_uploaded_after_a_remount(new_drive: NewDrive) -> None:
    drive = new_drive(paused=True)
    for name in "ba":
        (drive.my_drive / name).write_bytes(name.encode())
    file = (drive.my_drive / "open").open("wb", buffering=0)
    file.write(b"half")
    drive.kill()
    assert refusal(file.write, b"more") == refusal(file.close) == errno.ENOTCONN
    assert refusal(os.listdir, drive.my_drive) == refusal(os.stat, drive.mount) == errno.ENOTCONN
    assert drive.mounted
    drive.remount()
    assert drive.waiting() == ["MyDrive/b", "MyDrive/a", "MyDrive/open"]
    assert attributes(drive.my_drive / "a") == (True, "1")
    assert len({os.getxattr(drive.my_drive / name, "user.drive.id") for name in ("a", "b", "open")}) == 3
    drive.flush_and_unmount()
    assert (sorted(os.listdir(drive.cloud / "MyDrive")), drive.mounted) == (["a", "b", "open"], False)


def test_who_waits_for_a_call_when_the_mount_dies_is_answered(drive: Drive) -> None:
    drive.slow(60, "MyDrive/slow")
    answers: list[int | None] = []
    thread = threading.Thread(target=lambda: answers.append(refusal(os.stat, drive.my_drive / "slow")))
    thread.start()
    while ("getattr", "MyDrive/slow") not in drive.operations():
        pass
    drive.kill()
    thread.join(60)
    assert answers in ([errno.ENOTCONN], [errno.ECONNABORTED])


@pytest.mark.parametrize("number", [errno.ENOTCONN, errno.EIO, errno.ENOSPC])
def test_calls_fail_on_demand(drive: Drive, number: int) -> None:
    path = drive.my_drive / "file"
    file = path.open("wb", buffering=0)
    drive.fail(number)
    for call in (lambda: file.write(b"x"), lambda: os.listdir(drive.mount), path.unlink, path.read_bytes, file.close):
        assert refusal(call) == number
    drive.heal()
    assert path.read_bytes() == b""


def test_only_some_calls_fail(drive: Drive) -> None:
    drive.fail(errno.EIO, "*/packs/*", kinds=["write"], reason="userRateLimitExceeded", times=2)
    (drive.my_drive / "packs").mkdir()
    (drive.my_drive / "file").write_bytes(b"x")
    answers = [refusal((drive.my_drive / "packs" / "p").write_bytes, b"x") for _ in range(3)]
    assert answers == [errno.EIO, errno.EIO, None]
    assert drive.log.read_text().count("MyDrive/packs/p: userRateLimitExceeded") == 2
    drive.fail(errno.EIO, reason="deadlineExceeded: QueryManager timed out")
    refusal(os.listdir, drive.mount)
    assert "QueryManager timed out" in drive.log.with_name("timeouts.txt").read_text()


def test_over_the_quota_writes_fail_and_the_log_says_why(new_drive: NewDrive) -> None:
    drive = new_drive(quota_bytes=100_000)
    path = drive.my_drive / "file"
    path.write_bytes(bytes(90_000))
    free = os.statvfs(drive.my_drive)
    assert 0 <= 10_000 - free.f_bavail * free.f_frsize < 4096
    assert refusal((drive.my_drive / "more").write_bytes, bytes(20_000)) == errno.EIO
    assert "QUOTA_EXCEEDED" in drive.log.read_text()
    assert "exceeded their Drive storage quota" in drive.log.read_text()
    assert drive.used_bytes == 90_000
    os.truncate(path, 50_000)
    (drive.my_drive / "more").write_bytes(bytes(20_000))
    assert drive.used_bytes == 70_000


def test_the_trash_counts_what_was_deleted_with_its_bytes(new_drive: NewDrive) -> None:
    drive = new_drive(quota_bytes=100_000)
    for name in ("whole", "cut", "replaced", "new"):
        (drive.my_drive / name).write_bytes(bytes(10_000))
    drive.pause_uploads()
    os.truncate(drive.my_drive / "cut", 0)
    (drive.my_drive / "cut").unlink()
    drive.resume_uploads()
    assert (drive.trash_bytes, drive.used_bytes) == (0, 30_000)
    (drive.my_drive / "whole").unlink()
    os.replace(drive.my_drive / "new", drive.my_drive / "replaced")
    assert (drive.trash_bytes, drive.used_bytes) == (20_000, 30_000)
    drive.pause_uploads()
    (drive.my_drive / "local").write_bytes(bytes(10_000))
    (drive.my_drive / "local").unlink()  # the cloud never had it
    assert drive.trash_bytes == 20_000
    drive.kill()
    drive.remount()
    assert (drive.trash_bytes, drive.used_bytes) == (20_000, 30_000)
    drive.empty_trash()
    assert drive.used_bytes == 10_000


def test_a_rename_keeps_a_files_place_in_the_queue_and_what_is_open(new_drive: NewDrive) -> None:
    drive = new_drive(paused=True)
    (drive.my_drive / "folder").mkdir()
    with (drive.my_drive / "folder" / "a").open("wb", buffering=0) as file:
        (drive.my_drive / "folder" / "b").write_bytes(b"b")
        (drive.my_drive / "folder").rename(drive.my_drive / "other")
        file.write(b"a")
    assert drive.waiting() == ["MyDrive/other/b", "MyDrive/other/a"]
    drive.upload(2)
    (drive.my_drive / "other" / "a").rename(drive.my_drive / "c")
    assert (drive.cloud / "MyDrive" / "c").read_bytes() == b"a"  # what is there is renamed there at once


def test_a_deleted_file_can_be_read_and_written_while_it_is_open(drive: Drive) -> None:
    path = drive.my_drive / "file"
    with path.open("w+b", buffering=0) as file:
        file.write(b"x" * 10)
        path.unlink()
        file.write(b"y")
        assert os.pread(file.fileno(), 20, 0) == b"x" * 10 + b"y"
        assert os.listdir(drive.my_drive) == []
    assert drive.waiting() == []


def test_operations_are_counted(drive: Drive) -> None:
    drive.reset_operations()
    path = drive.my_drive / "file"
    path.write_bytes(os.urandom(5_000_000))
    os.getxattr(path, "user.drive.id")
    path.rename(drive.my_drive / "other")
    (drive.my_drive / "other").write_bytes(b"")
    (drive.my_drive / "other").unlink()
    counted = calls(drive, "create", "getxattr", "rename", "truncate", "unlink", "readdir", "flush")
    first, second = "MyDrive/file", "MyDrive/other"
    assert counted == {
        ("create", first): 1,
        ("flush", first): 1,
        ("getxattr", first): 1,
        ("rename", first): 1,
        ("truncate", second): 1,
        ("flush", second): 1,
        ("unlink", second): 1,
    }
    assert 1 <= drive.operations()["write", first] <= 40  # never page by page
    os.listdir(drive.my_drive)
    assert calls(drive, "readdir") == {("readdir", "MyDrive"): 1}
    drive.reset_operations()
    assert drive.operations() == {}


def test_many_threads_at_once(drive: Drive) -> None:
    def work(number: int) -> None:
        path = drive.my_drive / f"{number}"
        for round_ in range(10):
            path.write_bytes(bytes([number, round_]) * 50_000)
            assert path.read_bytes() == bytes([number, round_]) * 50_000
            os.replace(path, path.with_suffix(".done"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drive.wait_uploaded()
    done = {path.name: path.read_bytes() for path in (drive.cloud / "MyDrive").iterdir()}
    assert done == {f"{number}.done": bytes([number, 9]) * 50_000 for number in range(8)}


def test_a_mount_point_that_holds_files_is_refused(tmp_path: Path) -> None:
    """As by google.colab.drive: what was written there while nothing was mounted breaks the next mount."""
    drive = Drive(tmp_path)
    drive.mount.mkdir()
    (drive.mount / "written while unmounted").touch()
    with pytest.raises(ValueError, match="must not already contain files"), drive:
        pass


def test_it_ends_with_the_process_that_started_it(new_drive: NewDrive, tmp_path: Path) -> None:
    new_drive()  # or skips
    program = (
        "import os, pathlib, sys; from tests.standins.drive import Drive\n"
        "drive = Drive(pathlib.Path(sys.argv[1])); drive.remount()\n"
        "(drive.my_drive / 'file').write_bytes(b'x'); print(drive._process.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "theirs")]
    told = subprocess.run(command, cwd=CHECKOUT, capture_output=True, check=False)
    process = Path(f"/proc/{int(told.stdout)}/stat")
    with suppress(FileNotFoundError, ProcessLookupError):
        while process.read_text().rsplit(")")[-1].split()[0] != "Z":
            pass
    with closing(Drive(tmp_path / "theirs")) as theirs:
        assert not theirs.mounted

"""A stand-in for Google Drive's mount: a real FUSE file system, of type `fuse.drive`, in a process of its own.

    with Drive(folder, delay_seconds=3, bytes_per_second=20_000) as drive:
        (drive.my_drive / "a").write_bytes(b"…")  # on the VM's disk; its xattr user.drive.id is local-1
        drive.wait_uploaded()  # now it is in drive.cloud / "MyDrive"
        drive.lose_vm()  # and what was not is lost
        drive.remount()

It behaves as users and Google's sources say that Drive's mount does on Colab: files are written to the VM's disk, and
uploaded later, whole, one after another, in the order in which they were closed; the xattrs `user.drive.id` (`local-…`
until a new file is uploaded; a changed one keeps its id) and `user.drive.uncommitted` (1, then 0); modes that are
always 0600 and 0700; no links (Colab answers errno 95 to symbolic and 38 to hard ones, for which a newer system's
answer is 1), no xattrs of one's own, nothing beside MyDrive; a quota, over which writes fail with errno 5 and a line in
`drive_fs.txt`; a trash that counts.

What it can't show: how the real one behaves where nobody has said so. Not known are the order and number of uploads
that run at once, and how deletions and renames stand to them: here they are in the cloud at once, before older uploads,
which is the worst for who deletes early. Nor whether a rename is atomic there (here it is), whether fsync does anything
(here not), how long it takes to read a file that only the cloud has (here none), what it answers for other xattrs, such
as `user.drive.md5`; two files of one name; the quota seen late, at the upload; and its memory, speed and log in full.
Nothing here is slowed by the system's own cache: every call reaches the process, more often than on the real one.

Needs /dev/fuse, the package fuse3 with libfuse, mfusepy, and a folder whose file system has extended attributes.
"""

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

CHECKOUT = Path(__file__).parents[2]
FREE_ACCOUNT_BYTES = 15 * 2**30
END_SECONDS = 30.0  # a process that was killed is gone at once, unless it hangs in the system


class MountRefusedError(RuntimeError):
    """The file system could not be mounted here; the message ends with what libfuse said."""


class Drive:
    """The account whose files lie in *folder*, mounted at *mount* (default: below *folder*) from `with` on.

    *delay_seconds* pass between a file's closing and the begin of its upload, at *bytes_per_second* (None: no limit).
    With *by_hand* time passes only in `advance`; with *paused*, or after `pause_uploads`, only `upload` uploads. Names
    that methods take and give are relative to the mount (`MyDrive/…`); patterns are fnmatch's, in which * matches
    slashes, too.

    Thread-safe but for mounting, unmounting and killing.
    """

    def __init__(
        self,
        folder: Path,
        *,
        mount: Path | None = None,
        delay_seconds: float = 0.0,
        bytes_per_second: float | None = None,
        quota_bytes: int = FREE_ACCOUNT_BYTES,
        by_hand: bool = False,
        paused: bool = False,
        log: Path | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self.mount = (mount or self.folder / "mount").resolve()  # as the mount table has it
        self.cloud, self.cache = self.folder / "cloud", self.folder / "cache"
        self.log = (log or self.folder / "Logs" / "drive_fs.txt").absolute()
        self._settings = {
            "folder": str(self.folder),
            "mount": str(self.mount),
            "log": str(self.log),
            "delay_seconds": delay_seconds,
            "bytes_per_second": bytes_per_second,
            "quota_bytes": quota_bytes,
            "by_hand": by_hand,
            "paused": paused,
        }
        self._sockets = tempfile.TemporaryDirectory(prefix="drive-")  # a socket's path has at most 107 characters
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.remount()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def my_drive(self) -> Path:
        """The user's own folder, in the mount."""
        return self.mount / "MyDrive"

    @property
    def mounted(self) -> bool:
        """Whether the mount table has it, dead or alive."""
        with open("/proc/self/mounts") as mounts:
            lines = [line.split() for line in mounts]
        return any(fields[1:3] == [str(self.mount), "fuse.drive"] for fields in lines)

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        process = self._process  # which another thread may just be ending
        return process is not None and process.poll() is None

    # ---- mounting and dying -----------------------------------------------------------------------------

    def remount(self) -> None:
        """Mounts, after the process or the VM died, or for the first time. Faults and counts begin anew.

        Raises ValueError where the mount point holds files, as google.colab.drive does.
        """
        self.kill()
        self._unmount()
        self.mount.mkdir(parents=True, exist_ok=True)
        if any(self.mount.iterdir()):
            raise ValueError("Mountpoint must not already contain files")
        Path(self._socket).unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.standins.drive_process"]
        self._process = subprocess.Popen(
            [*command, json.dumps({**self._settings, "socket": self._socket})],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(errors := tempfile.TemporaryFile()),  # noqa: SIM115 - closed below
            start_new_session=True,  # Ctrl-C is for the tests
        )
        with errors:
            assert self._process.stdout
            if self._process.stdout.readline() != b"ready\n":
                self.kill()
                errors.seek(0)
                raise MountRefusedError(f"{self.mount}: {errors.read().decode(errors='replace')[-2000:]}")

    def kill(self) -> None:
        """SIGKILL: the mount stays in the table, and answers errno 107; calls under way then get 103."""
        if self._process:
            self._process.kill()
            self._process.wait(END_SECONDS)
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe
                pipe.close()
            self._process = None

    def lose_vm(self) -> None:
        """The VM dies, and with it what was not uploaded. On the new one nothing is mounted: see `remount`."""
        self.kill()
        self._unmount()
        shutil.rmtree(self.cache)

    def flush_and_unmount(self) -> None:
        """Uploads everything and unmounts, as google.colab.drive.flush_and_unmount does."""
        self.upload(sys.maxsize)
        self.kill()
        self._unmount()

    def close(self) -> None:
        """Ends the process and unmounts; the folder stays. May be called twice."""
        self.kill()
        self._unmount()
        self._sockets.cleanup()

    # ---- uploads ----------------------------------------------------------------------------------------

    def waiting(self) -> list[str]:
        """The closed files that are not uploaded, the next one first."""
        return list(self._ask("waiting"))

    def upload(self, count: int = 1) -> list[str]:
        """Uploads the next *count* files now, paused or not; which they were."""
        return list(self._ask("upload", count=count))

    def pause_uploads(self) -> None:
        """Nothing is uploaded any more; an upload that is under way begins anew later."""
        self._settings["paused"] = True
        self._ask("pause_uploads")

    def resume_uploads(self) -> None:
        """Ends a pause."""
        self._settings["paused"] = False
        self._ask("resume_uploads")

    def wait_uploaded(self, timeout_seconds: float = 60.0) -> None:
        """Returns once all closed files are in the cloud; raises TimeoutError."""
        if not self._ask("wait_uploaded", timeout_seconds=timeout_seconds):
            raise TimeoutError(f"still to be uploaded after {timeout_seconds} s: {self.waiting()[:5]}")

    def advance(self, seconds: float) -> None:
        """Lets time pass for the uploads, with *by_hand*."""
        self._ask("advance", seconds=seconds)

    # ---- faults -----------------------------------------------------------------------------------------

    def fail(
        self,
        number: int = errno.ENOTCONN,
        match: str = "*",
        *,
        kinds: Sequence[str] | None = None,
        reason: str | None = None,
        times: int | None = None,
    ) -> None:
        """Calls fail with an errno: those of some *kinds* and on paths that match, the next *times*; None is all.

        *reason*, such as userRateLimitExceeded, is written to the log at each. Who closes a file is told of a failure,
        and the file counts as closed all the same.
        """
        self._ask("fail", number=number, match=match, kinds=kinds, reason=reason, times=times)

    def slow(self, seconds: float, match: str = "*") -> None:
        """Each call on a path that matches takes longer by *seconds*."""
        self._ask("slow", seconds=seconds, match=match)

    def heal(self) -> None:
        """Ends what `fail` and `slow` began."""
        self._ask("heal")

    # ---- what is measured -------------------------------------------------------------------------------

    @property
    def trash_bytes(self) -> int:
        """What was deleted while it had bytes."""
        return int(self._ask("trash_bytes"))

    @property
    def used_bytes(self) -> int:
        """What counts against the quota, the trash included."""
        return int(self._ask("used_bytes"))

    def empty_trash(self) -> None:
        """What only the user can do, in the browser."""
        self._ask("empty_trash")

    def operations(self) -> Counter[tuple[str, str]]:
        """How often each call reached the file system, by kind and path; a rename by its old one.

        Kinds are create, open, read, write, truncate (also by opening), flush (closing), fsync, rename, unlink, mkdir,
        rmdir, readdir, getattr, getxattr, listxattr, utimens, chmod, chown and statfs.
        """
        return Counter({(kind, path): count for kind, path, count in self._ask("operations")})

    def reset_operations(self) -> None:
        """Counts from zero."""
        self._ask("reset_operations")

    @property
    def _socket(self) -> str:
        return os.path.join(self._sockets.name, "control")

    def _ask(self, do: str, **arguments: Any) -> Any:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self._socket)
            connection.sendall(json.dumps({"do": do, **arguments}).encode() + b"\n")
            with connection.makefile("rb") as answers:
                line = answers.readline()
        if not line:
            raise ConnectionResetError(errno.ECONNRESET, f"the Drive stand-in died during {do}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"{do}: {answer['error']}")
        return answer["value"]

    def _unmount(self) -> None:
        while self.mounted:  # lazily: a process that has a file open there can't keep it
            subprocess.run(["fusermount3", "-uz", str(self.mount)], check=True, capture_output=True)

"""Facts about Drive, tried with files of our own in a folder of our own, which is deleted in the end.

What is written is 9 MB of random bytes. Nothing that is the user's is read, listed or named.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from colab_guard.core.places import DRIVE
from colab_guard.selfchecks.facts import Fact, Finding, NotHere, Situation, confirmed, different, unchecked
from colab_guard.selfchecks.masking import reason

FOLDER = "colab_guard-selfcheck"
KIND = "fuse.drive"
ID, UNCOMMITTED = "user.drive.id", "user.drive.uncommitted"
LOCAL = "local-"  # how the id of a file begins that was not uploaded yet
SMALL_BYTES, LARGE_BYTES = 100_000, 8_000_000
POLL_SECONDS = 0.5
ROUNDS = 50  # of a rename onto a file that is there
NO_DRIVE = "Drive is not mounted here"
LOGS = Path("~/.config/Google/DriveFS/Logs")


def mount_point() -> Path | None:
    """Where Drive is mounted: below /content, as far as we know, under whatever name."""
    with suppress(OSError), open("/proc/self/mounts") as mounts:
        for fields in map(str.split, mounts):
            if fields[2] == KIND and Path(fields[1]).is_relative_to(DRIVE.parent):
                return Path(fields[1])
    return None


class Trial:
    """A folder on Drive with a small and a large file in it, which are being uploaded."""

    def __init__(self, mount: Path) -> None:
        self.folder = mount / "MyDrive" / f"{FOLDER}-{secrets.token_hex(4)}"
        self._failed: OSError | None = None
        self._files: list[Upload] = []

    def begin(self) -> None:
        """Writes them. Where that fails, it is raised to whoever wants to know of the file."""
        try:
            self.folder.mkdir()
            self._files = [Upload.begun(self.folder / "small", SMALL_BYTES)]
            self._files.append(Upload.begun(self.folder / "large", LARGE_BYTES))
        except OSError as error:
            self._failed = error

    @property
    def small(self) -> Upload:
        """Raises OSError where it could not be written."""
        return self._upload(0)

    @property
    def large(self) -> Upload:
        """Likewise."""
        return self._upload(1)

    def _upload(self, number: int) -> Upload:
        if number >= len(self._files):
            raise self._failed or OSError("it could not be written")
        return self._files[number]

    def remove(self) -> list[str]:
        """Cuts and deletes whatever was written; what can't be is told. Raises nothing."""
        try:
            for path in [*self.folder.iterdir()] if self.folder.exists() else []:
                os.truncate(path, 0)
                path.unlink()
            with suppress(FileNotFoundError):
                self.folder.rmdir()
        except (OSError, KeyboardInterrupt) as error:
            return [f"The folder {self.folder.name} could not be deleted ({reason(error)}): delete it on Drive."]
        return []


@dataclass
class Upload:
    """A file on its way, and what its attributes said."""

    path: Path
    size_bytes: int
    began: float
    first: dict[str, str] = field(default_factory=dict)  # attributes right after it was written
    last: dict[str, str] = field(default_factory=dict)  # … and when they were looked at last
    seconds: float | None = None  # from the end of writing until the id was no longer local

    @classmethod
    def begun(cls, path: Path, size_bytes: int) -> Upload:
        """Writes the file. Raises OSError."""
        with path.open("xb") as file:
            file.write(os.urandom(size_bytes))
            file.flush()
            os.fsync(file.fileno())
        upload = cls(path, size_bytes, time.monotonic())
        upload.first = upload.last = attributes(path)
        return upload

    def wait(self, situation: Situation) -> bool:
        """Whether it is uploaded, as far as the id tells, before the time is up. Raises OSError."""
        pause = threading.Event()
        while self.seconds is None and ID in self.last:
            self.last = attributes(self.path)
            if not self.last.get(ID, LOCAL).startswith(LOCAL):
                self.seconds = time.monotonic() - self.began
            elif not situation.left_seconds():
                break
            else:
                pause.wait(min(POLL_SECONDS, situation.left_seconds()))
        return self.seconds is not None


def attributes(path: Path) -> dict[str, str]:
    """The extended attributes of a file that are ours to know of; those it lists, and those we ask for by name."""
    found = {}
    with suppress(OSError):
        found = dict.fromkeys(os.listxattr(path), "")
    for name in (ID, UNCOMMITTED):
        with suppress(OSError):
            found[name] = os.getxattr(path, name).decode(errors="replace")
    return found


def on_drive(check: Callable[[Situation, Trial], Finding]) -> Callable[[Situation], Finding]:
    """A check that needs Drive's mount."""

    def checked(situation: Situation) -> Finding:
        if situation.trial is None:
            raise NotHere(NO_DRIVE)
        return check(situation, situation.trial)

    return checked


def _mount(situation: Situation) -> Finding:
    if situation.mount is None:
        raise NotHere(NO_DRIVE)
    return confirmed(f"{KIND}, there") if situation.mount == DRIVE else different(f"{KIND}, but elsewhere below {DRIVE.parent}")


@on_drive
def _id_when_new(situation: Situation, trial: Trial) -> Finding:
    first = trial.small.first
    if ID not in first:
        return different(f"it has none; its attributes: {', '.join(first) or 'none'}")
    seen = f"it begins with {first[ID][: len(LOCAL)]!r}; its attributes: {', '.join(first)}"
    return confirmed(seen) if first[ID].startswith(LOCAL) else different(seen)


@on_drive
def _id_when_uploaded(situation: Situation, trial: Trial) -> Finding:
    upload = trial.small
    if ID not in upload.first:
        return different("it has none")
    if not upload.wait(situation):
        return unchecked("it stayed so until the time was up: give more with --wait (wait= in a cell)")
    return confirmed(f"it changed {upload.seconds:.1f} s after the file was written")


@on_drive
def _uncommitted(situation: Situation, trial: Trial) -> Finding:
    upload = trial.small
    done = upload.wait(situation)
    before, after = upload.first.get(UNCOMMITTED), upload.last.get(UNCOMMITTED)
    if before is None and after is None:
        return different("a file has no such attribute, neither before nor after")
    seen = f"{_flag(before)} before, {_flag(after)} after"
    if not done:
        return unchecked(f"the upload was not seen to end; {seen}")
    return confirmed(seen) if before not in (None, after) else different(seen)


def _flag(value: str | None) -> str:
    return "not there" if value is None else repr(value[:8])


@on_drive
def _speed(situation: Situation, trial: Trial) -> Finding:
    upload = trial.large
    if not upload.wait(situation) or not upload.seconds:
        return unchecked("its upload was not seen to end: give more time with --wait (wait= in a cell)")
    speed = upload.size_bytes / upload.seconds
    seen = f"{upload.size_bytes / 1e6:.0f} MB took {upload.seconds:.1f} s, {speed / 1e3:,.0f} kB/s"
    return confirmed(seen) if 20e3 <= speed else different(seen)


@on_drive
def _rename(situation: Situation, trial: Trial) -> Finding:
    upload = trial.small
    content, before = upload.path.read_bytes(), attributes(upload.path).get(ID)
    target = upload.path.with_name("renamed")
    os.rename(upload.path, target)
    old, upload.path = upload.path, target
    after = attributes(target).get(ID)
    wrong = [
        words
        for words, holds in (
            ("the old name is still there", not old.exists()),
            ("the content differs", target.read_bytes() == content),
            ("the id differs", before == after or (before or "").startswith(LOCAL)),
        )
        if not holds
    ]
    return different(" and ".join(wrong)) if wrong else confirmed("the old name is gone, content and id are the same")


@on_drive
def _replace(situation: Situation, trial: Trial) -> Finding:
    target, other = trial.folder / "target", trial.folder / "other"
    target.write_bytes(b"0" * 1000)
    seen: set[str] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            try:
                content = target.read_bytes()
                seen.add("whole" if len(content) == 1000 and len(set(content)) == 1 else "torn")
            except OSError as error:
                seen.add(reason(error))

    reader = threading.Thread(target=look, name="colab_guard-selfcheck", daemon=True)
    reader.start()
    try:
        for number in range(ROUNDS):
            other.write_bytes(str(number % 10).encode() * 1000)
            os.replace(other, target)
    finally:
        done.set()
        reader.join(situation.left_seconds() + 1)
    names = os.listdir(trial.folder)
    if twice := len(names) - len(set(names)):
        seen.add(f"{twice} names twice in the folder")
    odd = sorted(seen - {"whole"})
    held = f"in {ROUNDS} renames, while another thread read all the time"
    return different(f"{'; '.join(odd)}, {held}") if odd else confirmed(f"nothing else was seen {held}")


def _logs(situation: Situation) -> Finding:
    names = [name for name in ("drive_fs.txt", "timeouts.txt") if (LOGS.expanduser() / name).exists()]
    if situation.mount is None and not names:
        raise NotHere(NO_DRIVE)
    return confirmed("both are there") if len(names) == 2 else different(f"there: {', '.join(names) or 'neither'}")


FACTS = (
    Fact("mount-type", f"Drive stands in the mount table as {KIND}, at {DRIVE}", _mount),
    Fact("drive-logs", f"Drive's reasons stand in {LOGS}/drive_fs.txt and timeouts.txt", _logs),
    Fact("xattr-new", f"the attribute {ID} of a new file begins with {LOCAL}", _id_when_new),
    Fact("rename", "a rename to a new name is seen at once and keeps content and id", _rename),
    Fact("replace", "a rename onto a file that is there shows the one or the other, whole, at any time", _replace),
    # Of the file just renamed, for that is how the store writes.
    Fact("xattr-uploaded", f"{ID} is no longer {LOCAL}… once the file is uploaded", _id_when_uploaded),
    Fact("xattr-uncommitted", f"{UNCOMMITTED} tells likewise, before and after", _uncommitted),
    Fact("upload-speed", "Drive uploads at 20 kB/s and more", _speed),
)

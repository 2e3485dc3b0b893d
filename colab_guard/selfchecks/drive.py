"""Facts about Drive, tried with files of our own in a folder of our own, which is deleted in the end.

What is written is 9 MB of random bytes. Nothing that is the user's is read, listed or named.
"""

from __future__ import annotations

import errno
import os
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from colab_guard.core.places import DRIVE, DRIVE_TYPE
from colab_guard.selfchecks.facts import Fact, Finding, NotHere, Situation, confirmed, different, unchecked
from colab_guard.selfchecks.masking import reason
from colab_guard.tiers.drive import ID, UNCOMMITTED

FOLDER = "colab_guard-selfcheck"
LOCAL = "local-"  # how the id of a file begins that was not uploaded yet
SMALL_BYTES, LARGE_BYTES = 100_000, 8_000_000
NO_ATTRIBUTE = {errno.ENODATA, errno.ENOTSUP}
POLL_SECONDS = 0.5
SLOWEST = 20e3  # bytes a second
ROUNDS = 50  # of a rename onto a file that is there
NO_DRIVE = "Drive is not mounted here"
LONGER = "Give more time, with --wait, or wait= in a cell"
LOGS = Path("~/.config/Google/DriveFS/Logs")


def mount_point() -> Path | None:
    """Where Drive is mounted: below /content, as far as we know, under whatever name."""
    with suppress(OSError), open("/proc/self/mounts") as mounts:
        for fields in map(str.split, mounts):
            if fields[2] == DRIVE_TYPE and Path(fields[1]).is_relative_to(DRIVE.parent):
                return Path(fields[1])
    return None


class Trial:
    """A folder on Drive with a small and a large file in it, which are being uploaded."""

    def __init__(self, mount: Path, wait_seconds: float) -> None:
        self.folder = mount / "MyDrive" / f"{FOLDER}-{secrets.token_hex(4)}"
        self._deadline = time.monotonic() + wait_seconds
        self._failed: OSError | None = None
        self._uploads: list[Upload] = []

    def begin(self) -> None:
        """Writes them. Where that fails, it is raised to whoever wants to know of the file."""
        try:
            self.folder.mkdir()
            for name, size_bytes in (("small", SMALL_BYTES), ("large", LARGE_BYTES)):
                self._uploads.append(Upload.begun(self.folder / name, size_bytes))
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
        if number >= len(self._uploads):
            raise self._failed or OSError("it could not be written")
        return self._uploads[number]

    def wait(self, upload: Upload) -> bool:
        """Looks at all files until this one is uploaded, as far as its id tells, or the time is up; whether it is.

        Raises OSError, and NotHere where it has no id.
        """
        pause = threading.Event()
        while True:
            for one in self._uploads:
                one.look()
            if ID not in upload.last:
                raise NotHere(f"a file has no {ID}, so nothing tells when it is uploaded")
            left_seconds = self._deadline - time.monotonic()
            if upload.seconds is not None or left_seconds <= 0:
                return upload.seconds is not None
            pause.wait(min(POLL_SECONDS, left_seconds))

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
    """A file on its way, and what its attributes said. It is written as the store writes: under another name first."""

    path: Path
    size_bytes: int
    began: float  # when it was written
    first: dict[str, str]  # its attributes then, …
    last: dict[str, str]  # … and when they were looked at last
    renamed: tuple[str, ...]  # what was wrong after its rename
    seconds: float | None = None  # until its id was no longer local

    @classmethod
    def begun(cls, path: Path, size_bytes: int) -> Upload:
        """Writes the file and renames it. Raises OSError."""
        content, partial = os.urandom(size_bytes), path.with_name(f"{path.name}.tmp")
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        began, first = time.monotonic(), attributes(partial)
        os.rename(partial, path)
        last = attributes(path)
        wrong = {
            "the old name is still there": partial.exists(),
            "the content differs": path.read_bytes() != content,
            "the id differs": first.get(ID) != last.get(ID) and is_local(last),
        }
        return cls(path, size_bytes, began, first, last, tuple(words for words, is_so in wrong.items() if is_so))

    def look(self) -> None:
        """Takes the attributes in as they are now. Raises OSError."""
        if self.seconds is None:
            self.last = attributes(self.path)
            if not is_local(self.last):
                self.seconds = time.monotonic() - self.began


def attributes(path: Path) -> dict[str, str]:
    """The extended attributes of a file: those that it lists, without their values, and the two that we know of.

    Raises OSError, but not for what is not there.
    """
    found: dict[str, str] = {}
    for name in (None, ID, UNCOMMITTED):
        try:
            if name is None:
                found = dict.fromkeys(os.listxattr(path), "")
            else:
                found[name] = os.getxattr(path, name).decode(errors="replace")
        except OSError as error:
            if error.errno not in NO_ATTRIBUTE:
                raise
    return found


def is_local(found: dict[str, str]) -> bool:
    """Whether a file with these attributes is not uploaded yet, or does not say."""
    return found.get(ID, LOCAL).startswith(LOCAL)


def on_drive(check: Callable[[Trial], Finding]) -> Callable[[Situation], Finding]:
    """A check that needs Drive's mount. The first one writes the files."""

    def checked(situation: Situation) -> Finding:
        if situation.mount is None:
            raise NotHere(NO_DRIVE)
        if situation.trial is None:
            situation.trial = Trial(situation.mount, situation.wait_seconds)
            situation.trial.begin()
        return check(situation.trial)

    return checked


def _mount(situation: Situation) -> Finding:
    if situation.mount is None:
        raise NotHere(NO_DRIVE)
    return (
        confirmed(f"{DRIVE_TYPE}, there")
        if situation.mount == DRIVE
        else different(f"{DRIVE_TYPE}, but elsewhere below {DRIVE.parent}")
    )


@on_drive
def _id_when_new(trial: Trial) -> Finding:
    first = trial.small.first
    if ID not in first:
        return different(f"it has none; its attributes: {', '.join(first) or 'none'}")
    seen = f"it begins with {first[ID][: len(LOCAL)]!r}; its attributes: {', '.join(first)}"
    return confirmed(seen) if is_local(first) else different(seen)


@on_drive
def _rename(trial: Trial) -> Finding:
    if wrong := trial.small.renamed:
        return different(" and ".join(wrong))
    return confirmed("the old name is gone, content and id are the same")


@on_drive
def _id_when_uploaded(trial: Trial) -> Finding:
    upload = trial.small
    if not trial.wait(upload):
        return unchecked(f"it was so for as long as we waited. {LONGER}")
    if is_local(upload.first):
        return confirmed(f"it changed {upload.seconds:.1f} s after the file was written")
    return different("it never was")


@on_drive
def _uncommitted(trial: Trial) -> Finding:
    upload = trial.small
    done = trial.wait(upload)
    before, after = upload.first.get(UNCOMMITTED), upload.last.get(UNCOMMITTED)
    if before is None and after is None:
        return different("a file has no such attribute, neither before nor after")
    seen = f"{_flag(before)} before, {_flag(after)} after"
    if not done:
        return unchecked(f"the upload was not seen to end: {seen}. {LONGER}")
    return confirmed(seen) if before not in (None, after) else different(seen)


def _flag(value: str | None) -> str:
    return "not there" if value is None else repr(value[:8])


@on_drive
def _speed(trial: Trial) -> Finding:
    upload = trial.large
    if not trial.wait(upload) or not upload.seconds:
        return unchecked(f"its upload was not seen to end. {LONGER}")
    speed = upload.size_bytes / upload.seconds
    seen = f"{upload.size_bytes / 1e6:.0f} MB took {upload.seconds:.1f} s, {speed / 1e3:,.0f} kB/s"
    return confirmed(seen) if speed >= SLOWEST else different(seen)


@on_drive
def _replace(trial: Trial) -> Finding:
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
        reader.join()
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
    Fact("mount-type", f"Drive stands in the mount table as {DRIVE_TYPE}, at {DRIVE}", _mount),
    Fact("drive-logs", f"Drive's reasons stand in {LOGS}/drive_fs.txt and timeouts.txt", _logs),
    Fact("xattr-new", f"the attribute {ID} of a new file begins with {LOCAL}", _id_when_new),
    Fact("rename", "a rename to a new name is seen at once and keeps content and id", _rename),
    Fact("xattr-uploaded", f"{ID} is no longer {LOCAL}… once the file is uploaded", _id_when_uploaded),
    Fact("xattr-uncommitted", f"{UNCOMMITTED} tells likewise, before and after", _uncommitted),
    Fact("upload-speed", f"Drive uploads at {SLOWEST / 1e3:.0f} kB/s and more", _speed),
    Fact("replace", "a rename onto a file that is there shows the one or the other, whole, at any time", _replace),
)

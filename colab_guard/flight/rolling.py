"""A flight's files on the local disk: lines are appended as they come; the oldest file goes when a new one begins."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from colab_guard.core.folders import make_folder
from colab_guard.flight.lines import FILE_BYTES, FOLDER, crash_name, file_name, number_of, session_of, too_old

FILES = 3  # of one session
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Rolling:
    """One session's files below ``root``. Every method raises OSError, and is for one thread at a time; a line is one
    call to the system, so that a signal handler in between, which writes too, tears none.

    ``root`` is made when it is first used and never again: where it is a mount that has gone, a write must fail.
    """

    def __init__(self, root: Path, started: float, session: str) -> None:
        self._root, self._started, self._session = root, started, session
        self._number = self._written = 0
        self._descriptor: int | None = None
        self._torn = self._made = False

    @property
    def is_open(self) -> bool:
        """Whether there is a file to write to."""
        return self._descriptor is not None

    @property
    def wants_new(self) -> bool:
        """Whether a new one is to be begun: there is none yet, it is full, or it is no longer there."""
        if self._descriptor is None or self._written > FILE_BYTES:
            return True
        try:
            return os.fstat(self._descriptor).st_nlink == 0
        except OSError:  # its mount has gone
            return True

    @property
    def crash(self) -> Path:
        """Where the session's fault handler may write, once ``begin`` was called."""
        return self._root / crash_name(self._started, self._session)

    def begin(self, head: Sequence[bytes]) -> None:
        """A new file, with these lines in it. What is too old goes, of this session and of earlier ones."""
        self.close()
        if not self._made:
            make_folder(self._root)
            self._made = True
        with suppress(FileExistsError):
            os.mkdir(self._root / FOLDER)
        names = [f"{FOLDER}/{name}" for name in os.listdir(self._root / FOLDER)]
        own = [name for name in names if session_of(name) == session_of(self._name(1))]
        # The first goes on with the newest of before, for a session may be recorded again.
        number = self._number + 1 if self._number else max([1, *map(number_of, own)])
        path = self._root / self._name(number)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        before = self._written = os.fstat(self._descriptor).st_size
        self._torn = before > 0  # it may end in the middle of a line
        try:
            for line in head:
                self.write(line)
        except OSError:  # what there is from before must not go for a file that tells nothing
            self.close()
            with suppress(OSError):
                if not before:
                    os.unlink(path)
            raise
        self._number = number
        rolled = [name for name in own if 0 < number_of(name) <= number - FILES]
        for name in [*rolled, *too_old(names, self._name(1))]:
            with suppress(OSError):
                os.unlink(self._root / name)

    def write(self, line: bytes) -> None:
        """Appends a line. What an earlier one left half written, on a full disk, is ended first."""
        assert self._descriptor is not None, "begin() comes first"
        data = b"\n" + line if self._torn else line
        try:
            done = os.write(self._descriptor, data)
        except OSError as error:
            if error.errno not in FULL:
                self.close()  # its mount has gone, and may come back
            raise
        self._written += done
        self._torn = done < len(data)
        if self._torn:
            raise OSError(errno.ENOSPC, f"only {done} of {len(data)} bytes could be written")

    def close(self) -> None:
        """Lets go of the file."""
        descriptor, self._descriptor, self._torn = self._descriptor, None, False
        if descriptor is not None:
            with suppress(OSError):
                os.close(descriptor)

    def _name(self, number: int) -> str:
        return file_name(self._started, self._session, number)

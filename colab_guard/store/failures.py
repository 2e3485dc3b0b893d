"""What the system says when a store fails, in a sentence with what to do next."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from colab_guard.core.errors import StoreUnavailable

ELSEWHERE = "or choose another place with --store."
MOUNT = "The mount has died: mount it again (Drive: %guard mount), and run the cell again if it does not run."
ADVICE = {
    errno.ENOSPC: f"Free some space there, {ELSEWHERE}",
    errno.EDQUOT: f"Free some of your quota there, {ELSEWHERE}",
    errno.EACCES: f"Check who may write there, {ELSEWHERE}",
    errno.EPERM: f"Check who may write there, {ELSEWHERE}",
    errno.EROFS: f"It is mounted read-only: mount it for writing, {ELSEWHERE}",
    errno.ENOTDIR: f"A part of the path is a file: remove it, {ELSEWHERE}",
    errno.EEXIST: f"A file stands where the folder should be: remove it, {ELSEWHERE}",
    errno.ENOTCONN: MOUNT,
    errno.ECONNABORTED: MOUNT,
    errno.ESTALE: "The network share has changed below: mount it again, then run the cell again.",
    errno.ETIMEDOUT: "The network does not answer: check the connection, then try again.",
    errno.EIO: "The disk or mount reports a fault (on Google Drive often a full quota): check it, then try again.",
}
OTHER_ADVICE = f"Check that the folder is there and can be reached, {ELSEWHERE}"


class Advised(OSError):
    """An OSError that knows what to do, where its number alone would not tell."""

    def __init__(self, code: int, reason: str, advice: str) -> None:
        super().__init__(code, reason)
        self.advice = advice


def advised(error: OSError) -> str:
    """Why something failed, and what to do, in two sentences."""
    if isinstance(error, Advised):
        return f"{error.strerror}. {error.advice}"
    reason = os.strerror(error.errno) if error.errno else str(error)
    return f"{reason}. {ADVICE.get(error.errno or 0, OTHER_ADVICE)}"


@contextmanager
def unavailable(place: str, what: str) -> Iterator[None]:
    """Turns an OSError into a StoreUnavailable: ``what`` could not be done at ``place``, why, and what to do."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(f"{place}: {what}: {advised(error)}") from error

"""What the system says when a store fails, in a sentence with what to do next."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from colab_guard.core.errors import StoreUnavailable

ELSEWHERE = "or choose another place with --store."
ADVICE = {
    errno.ENOSPC: f"Free some space there, {ELSEWHERE}",
    errno.EDQUOT: f"Free some of your quota there, {ELSEWHERE}",
    errno.EACCES: f"Check who may write there, {ELSEWHERE}",
    errno.EPERM: f"Check who may write there, {ELSEWHERE}",
    errno.EROFS: f"It is mounted read-only: mount it for writing, {ELSEWHERE}",
    errno.ENOTDIR: f"A part of the path is a file: remove it, {ELSEWHERE}",
    errno.EEXIST: f"A file stands where the folder should be: remove it, {ELSEWHERE}",
    errno.ENOTCONN: "The mount has died: mount it again, then run the cell again.",
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


@contextmanager
def unavailable(place: str, what: str) -> Iterator[None]:
    """Turns an OSError into a StoreUnavailable: ``what`` could not be done at ``place``, why, and what to do."""
    try:
        yield
    except OSError as error:
        if isinstance(error, Advised):
            reason, advice = str(error.strerror), error.advice
        else:
            reason = os.strerror(error.errno) if error.errno else str(error)
            advice = ADVICE.get(error.errno or 0, OTHER_ADVICE)
        raise StoreUnavailable(f"{place}: {what}: {reason}. {advice}") from error

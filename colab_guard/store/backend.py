"""What a repository needs of the place it lies on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from colab_guard.core.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

PARTIAL = ".tmp"  # how the name of an unfinished file ends


def parts_of(name: str, place: str) -> list[str]:
    """A name's parts, between its slashes. Raises UsageError where one would lead out of the place."""
    parts = name.split("/")
    if any(part in ("", ".", "..") or "\\" in part or ":" in part or "\0" in part for part in parts):
        raise UsageError(f"{name!r} is not a name inside {place}; nothing was read or written.")
    return parts


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored file."""

    name: str
    size_bytes: int
    modified: float  # seconds since 1970, by the store's clock


class Backend(Protocol):
    """Names and bytes. A name is one file, or ``folder/file``; folders need not be made.

    Every verb raises OSError where the place can't do it. All may be called from several threads and processes
    at once.
    """

    @property
    def place(self) -> str:
        """Where it is, for people and messages."""

    def write_new(self, name: str, chunks: Iterable[ReadableBuffer]) -> None:
        """Stores the chunks, one after the other, under a name that is not in use.

        When it returns, they are durable. Until then, or where it raises or is killed, the name does not exist,
        or (where only the last step failed) exists whole.
        """

    def read(self, name: str, offset: int, into: memoryview) -> int:
        """Fills ``into`` with the bytes from ``offset`` on; returns how many there were, fewer only at the end.

        Raises FileNotFoundError where there is no such name.
        """

    def list(self, folder: str) -> Iterable[Entry]:
        """The files in ``folder``, unfinished ones too, in any order; ``""`` is the outermost."""

    def delete(self, name: str) -> None:
        """Deletes a file; one that is not there is no error. To a reader it is whole or gone.

        When it returns, that it is gone is durable, if it had any bytes: what is deleted next may be what it named.
        """


@runtime_checkable
class HasCopies(Protocol):
    """A backend that keeps some files twice."""

    def drop_copies(self, names: Iterable[str]) -> bool:
        """Gives up the nearer copies of files, which are damaged, where there are others; whether there were any."""

"""What a remote can do, beside what each backend can."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from colab_guard.store.backend import Backend


class ArrivedOtherwise(FileNotFoundError):
    """What the remote has is not what this process wrote; the message is a sentence for people."""


class Remote(Backend, Protocol):
    """A backend that outlives this machine. All verbs raise OSError, and may be called from several threads."""

    def confirmed(self, name: str) -> bool | None:
        """Whether a file that was written is known to be durable; None where the remote can't tell. Raises
        FileNotFoundError where it is not there, and ArrivedOtherwise where it is to be deleted and written again.
        """

    def how(self, names: Iterable[str]) -> str:
        """By what it is known that these files are durable, in words; empty where that goes without saying."""

    def notes(self) -> str:
        """What else there is to say of the remote in a status; mostly empty."""

    def create(self, name: str, data: bytes) -> bool:
        """Stores a small file under a name that nobody has; whether nobody had it."""

    def free_bytes(self) -> int | None:
        """How much may still be written; None where the remote does not say."""

    def trouble(self) -> str:
        """What the remote itself says stands in the way of uploads, and what to do; empty where it says nothing."""

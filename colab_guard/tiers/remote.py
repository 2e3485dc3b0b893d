"""What a remote can do, beside what each backend can."""

from __future__ import annotations

from typing import Protocol

from colab_guard.store.backend import Backend


class Remote(Backend, Protocol):
    """A backend that outlives this machine. All verbs raise OSError, and may be called from several threads."""

    def confirmed(self, name: str) -> bool | None:
        """Whether a file that was written is known to be durable; None where the remote can't tell."""

    def create(self, name: str, data: bytes) -> bool:
        """Stores a small file under a name that nobody has; whether nobody had it."""

    def free_bytes(self) -> int | None:
        """How much may still be written; None where the remote does not say."""

    def trouble(self) -> str:
        """What the remote itself says stands in the way of uploads, and what to do; empty where it says nothing."""

"""What of a cell is durable, in figures and in words."""

from __future__ import annotations

from dataclasses import dataclass

from colab_guard.core.words import ago, size
from colab_guard.store.manifest import Manifest


@dataclass(frozen=True)
class Durability:
    """Of one ``cell``: its newest snapshot in the folder, the newest that is sure to survive the machine, the newest on
    the remote, confirmed or not; why the newest is not durable, in words, where more than time stands in the way;
    bytes a second at which the last one was uploaded and confirmed; the remote's place; how it is known that the
    durable one is, in words.
    """

    cell: str
    newest: Manifest | None
    durable: Manifest | None
    copied: Manifest | None
    trouble: str
    bytes_per_second: float | None
    place: str
    how: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing that the end of the machine would take."""
        return self.newest is None or _is_same(self.newest, self.durable)

    def words(self, now: float) -> str:
        """For a status line; ``now`` in seconds since 1970. An age is that of the state: what would be lost."""
        if self.durable is not None:
            text = f"durable {ago(now - self.durable.created)}"
        elif self.copied is not None:
            text = f"unconfirmed {ago(now - self.copied.created)}"
        else:
            text = "not durable yet"
        if self.trouble:
            return f"{text} ({self.trouble})"
        if self.newest is None or _is_same(self.newest, self.durable) or _is_same(self.newest, self.copied):
            return text
        pace = f" at {size(self.bytes_per_second)}/s" if self.bytes_per_second else ""
        return f"{text}, uploading{pace}"


def _is_same(one: Manifest, other: Manifest | None) -> bool:
    return other is not None and one.name == other.name

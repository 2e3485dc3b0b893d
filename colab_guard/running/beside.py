"""What a snapshot holds beside the cell's variables: files that it writes, what it printed, and, by name, inputs that
it only reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from colab_guard.capture import links, outputs
from colab_guard.capture.take import Taken
from colab_guard.cell.guarded import Cell
from colab_guard.core.secrets import mask
from colab_guard.store.manifest import Manifest

OFF = "off"


class Transcript(Protocol):
    """What a cell prints, from where it is entered to where it is left (``notebook.transcript``)."""

    def __enter__(self) -> Any:
        """Begins to listen."""

    def __exit__(self, *exception: object) -> None:
        """Ends that; may be called twice."""

    def snapshot_text(self) -> str:
        """What was printed so far, the newest 64 KiB of it."""


@dataclass
class Beside:
    """The files, links and transcript of one run; not thread-safe."""

    store: str = ""
    files: Sequence[str] = ()
    link: Sequence[str] = ()
    transcript: Callable[[str], Transcript] | None = None
    show: Callable[[str], None] = print
    links: links.Links = field(default_factory=links.Links)
    _known: outputs.Known = field(default_factory=outputs.Known)
    _taken: outputs.TakenFiles | None = None
    _heard: Transcript | None = None

    def choose(self, namespace: dict[str, Any], names: set[str], cell: Cell) -> list[str]:
        """Decides at the start which inputs are linked; their names. Raises UsageError."""
        if list(self.link) != [OFF]:
            stored = cell.stored_names | cell.own_names
            self.links = links.choose(namespace, names, cell.module, stored, list(self.link))
        return list(self.links.fingerprints)

    def listen(self, text: str) -> None:
        """Keeps what is printed from here on, behind ``text``."""
        if self.transcript is not None:
            self._heard = self.transcript(text)
            self._heard.__enter__()

    def listen_on(self) -> None:
        """Listens again, in a later run of the cell."""
        self.listen(self._heard.snapshot_text() if self._heard is not None else "")

    def leave(self) -> None:
        """Listens no more; what was heard can still be saved."""
        if self._heard is not None:
            self._heard.__exit__()

    def blobs(self, taken: Taken) -> tuple[list[Any], dict[str, Any], list[str]]:
        """A snapshot's blobs, what its body says of those that are here, and what is to be noted."""
        text = mask(self._heard.snapshot_text(), taken.secrets) if self._heard is not None else ""
        blobs = [taken.skeleton, taken.table, *taken.memory, text.encode()]
        first = len(blobs)
        self._taken = outputs.take_files(self.files, self._known, store=self.store, first=first)
        body = {"links": taken.links, "files": self._taken.described, "transcript": first - 1}
        return [*blobs, *self._taken.blobs], body, list(self._taken.notes)

    def committed(self, manifest: Manifest | None) -> None:
        """The snapshot whose blobs were asked for last is stored; None: it is not."""
        if manifest is None or self._taken is None:
            self._known.clear()
        else:
            self._known.committed(self._taken, manifest.blobs[manifest.body["transcript"] + 1 :])

    def put_back(self, body: Mapping[str, Any], text: str) -> None:
        """Goes on from a snapshot: shows what was printed before."""
        self.links = links.Links(dict(body.get("links", {})))
        if text:
            self.show(text)
        self.listen(text)

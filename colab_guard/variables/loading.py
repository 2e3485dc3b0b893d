"""Loading what of a snapshot is wanted, and why the rest can't be had here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from colab_guard.capture import progress
from colab_guard.capture.links import check
from colab_guard.capture.select import is_user_name
from colab_guard.capture.take import PROCESS, SOURCES
from colab_guard.core.errors import ColabGuardError
from colab_guard.resume.loading import Blobs, Load


def variables_of(body: Mapping[str, Any]) -> list[str]:
    """The user's variables in a save, or at the top of a guarded cell's snapshot."""
    return [
        name
        for name in body["names"]
        if ":" not in name and name not in (PROCESS, SOURCES) and name not in body["hidden"] and is_user_name(name)
    ]


class Loaded:
    """The ``wanted`` ones of a snapshot's names: ``values``, and of the ``unreadable`` ones the reason. ``groups``
    lists those that share objects or memory. Nothing of the session was changed. Raises RestoreError where large
    inputs that the snapshot refers to are not what they were.
    """

    def __init__(
        self,
        blobs: Blobs,
        namespace: dict[str, Any],
        body: Mapping[str, Any],
        wanted: set[str],
        load: Load | None = None,
    ) -> None:
        """``load``: one that goes its own way, and does without what is linked."""
        if load is None:
            check(body.get("links", {}), namespace)
        self.load = load or Load(blobs, namespace, frozenset(), body.get("environment"))
        self.values: dict[str, Any] = {}
        self.unreadable: dict[str, str] = {}
        self.groups: list[list[str]] = []
        names, small, first = body["names"], blobs.read(0), 0
        groups = body.get("groups") or [[0, 0, blobs.size_bytes(0), len(names)]]
        with progress.loading(self.load):
            for blob, offset, size_bytes, count in groups:
                members = names[first : first + count]
                first += count
                if mine := [name for name in members if name in wanted]:
                    pickles = blobs.read(blob) if blob else small
                    self._read(pickles[offset : offset + size_bytes], members[: members.index(mine[-1]) + 1])
                    self.groups.append(mine)
        self.values = {name: value for name, value in self.values.items() if name in wanted}

    def _read(self, pickles: memoryview, members: list[str]) -> None:
        unpickler = self.load.unpickler(pickles)
        for number, name in enumerate(members):
            try:
                self.values[name] = unpickler.load()
            except Exception as error:  # noqa: BLE001 - whatever a class's own unpickling raises
                self.unreadable[name] = self._reason(error)
                # What they refer to may be missing, or be another object by its number: no byte behind is read.
                behind = f"it is stored behind {name}, which it may share objects with"
                self.unreadable.update(dict.fromkeys(members[number + 1 :], behind))
                return

    def _reason(self, error: Exception) -> str:
        return str(error).partition(". ")[0] if isinstance(error, ColabGuardError) else self.load.reason(error)

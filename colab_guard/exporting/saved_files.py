"""What ``--files`` saved, as files again: a folder that a framework wrote its checkpoints to, say.

They stand below ``files`` in an export, each by the last part of its path: ``files/out`` for ``--files runs/out``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from colab_guard.core.errors import RestoreError
from colab_guard.resume.outputs import Read, prepare
from colab_guard.store.manifest import BlobRef

FOLDER = "files"
OWN = {"file": 0o600, "folder": 0o700}
Root = Mapping[str, Any]  # of ``body.files`` in docs/format.md


def named(body: Mapping[str, Any], words: Iterable[str]) -> dict[str, Root]:
    """What was saved of the paths that the words name, whole or by their last parts, by these words."""
    return {word: root for word in words for root in _saved(body) if _ends_with(root["path"], word)}


def paths(body: Mapping[str, Any]) -> list[str]:
    """All paths that were saved."""
    return [root["path"] for root in _saved(body)]


def written(
    folder: Path, roots: Iterable[Root], refs: Sequence[BlobRef], read: Read, left_out: dict[str, str]
) -> list[dict[str, str]]:
    """Writes them below ``folder``; which path is where. Notes in ``left_out`` what can't be one. Raises OSError."""
    index = list[dict[str, str]]()
    for root in roots:
        name = _new(folder / FOLDER, PurePath(root["path"]).name)
        place = f"{FOLDER}/{name}"
        for entry in root["entries"]:
            if entry["kind"] not in OWN:
                what = f"a link to {entry['to']}" if entry["kind"] == "link" else "no file, or could not be read"
                left_out[f"{place}/{entry['at']}".rstrip("/")] = f"it was {what}"
        # Whoever exports may read them, and delete them.
        entries = [
            {**entry, "mode": entry["mode"] | OWN[entry["kind"]]} for entry in root["entries"] if entry["kind"] in OWN
        ]
        if not entries:
            continue
        (folder / FOLDER).mkdir(exist_ok=True)
        try:
            with prepare({"roots": [{"path": str(folder / place), "entries": entries}]}, refs, read) as files:
                files.apply()
        except RestoreError as error:  # whose sentence is that of a cell that is gone on with
            raise error.__cause__ or error from error
        index.append({"path": root["path"], "at": place})
    return index


def _saved(body: Mapping[str, Any]) -> Sequence[Root]:
    roots: Sequence[Root] = body.get("files", {}).get("roots", ())
    return roots


def _ends_with(path: str, word: str) -> bool:
    parts = PurePath(word).parts
    return bool(parts) and PurePath(path).parts[-len(parts) :] == parts


def _new(folder: Path, name: str) -> str:
    found, number = name, 1
    while (folder / found).exists():
        number += 1
        found = f"{name}-{number}"
    return found

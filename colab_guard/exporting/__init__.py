"""``colab-guard export``, ``cg.export()``: a snapshot's variables as plain files, which anybody can open without us.

Which snapshot is for ``choosing`` to say; ``elsewhere`` loads it on a machine that need not be like the one it was
taken on: tensors come to the CPU, what a missing module would have made becomes a *remnant*, which knows what it was
made of, and nothing is opened, connected or run again. ``tree`` turns each value into JSON, and what JSON can't hold
into files: ``tensors`` writes safetensors, ``leaves`` all others. ``target`` is the folder that appears when it
is complete. What is not written is never passed over: ``export.json`` and the output name it, with the reason.

Files of one export (docs/variables.md): ``NAME.safetensors``, ``NAME.json``, ``NAME.npy``, ``NAME.parquet`` (or
``.csv``), ``NAME.png``, ``NAME.bin``; numbers and short texts together in ``variables.json``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from colab_guard.capture.standin import StandIn
from colab_guard.core.errors import UsageError
from colab_guard.core.places import described
from colab_guard.core.words import count_of, size
from colab_guard.exporting import saved_files
from colab_guard.exporting.choosing import chosen, wanted_of
from colab_guard.exporting.elsewhere import Elsewhere, Watched
from colab_guard.exporting.names import Stems
from colab_guard.exporting.target import INDEX, Target
from colab_guard.exporting.writing import Exporter
from colab_guard.loops.where import place
from colab_guard.saving import Blobs
from colab_guard.store.manifest import Manifest
from colab_guard.store.repository import CONFIG, Repository
from colab_guard.tiers import opening
from colab_guard.variables.loading import Loaded, variables_of

__all__ = ["Exported", "export", "export_here"]

VERSION = 1
SHOWN = 20  # of what was left out; the index has all


@dataclass(frozen=True, repr=False)
class Exported:
    """What was written to ``path``, of which snapshot; ``files`` of each variable; where what ``--files`` had ``saved``
    is; what was ``left_out``, and why.
    """

    path: Path
    id: str
    number: int
    cell: str
    size_bytes: int
    files: dict[str, tuple[str, ...]]
    saved: tuple[str, ...]
    left_out: dict[str, str]
    remarks: tuple[str, ...]

    def __str__(self) -> str:
        what = [count_of(len(self.files), "variable")] if self.files or not self.saved else []
        head = (
            f"{' and '.join([*what, *self.saved])} of snapshot no. {self.number} ({self.cell}) written to "
            f"{self.path} ({size(self.size_bytes)}); {INDEX} says what is where."
        )
        lost = [f"left out: {name}: {why}" for name, why in list(self.left_out.items())[:SHOWN]]
        if len(self.left_out) > SHOWN:
            lost.append(f"left out: {len(self.left_out) - SHOWN:,} more, see {INDEX}")
        return "\n".join([*self.remarks, head, *lost])

    __repr__ = __str__  # what a notebook shows of it


def export_here(
    words: Sequence[str],
    store: str | os.PathLike[str] | None = None,
    to: str | os.PathLike[str] | None = None,
    *,
    zipped: bool = False,
    trust: bool = False,
) -> Exported:
    """See ``colab_guard.export``: from this notebook's or script's own store, where no other is given."""
    where = (described(store) if store is not None else place()).store
    if not opening.may_hold_snapshots(where):  # to open a repository makes one
        raise UsageError(f"{where} holds no snapshots (it has no {CONFIG}): give the folder with them as store=….")
    return export(opening.repository(where), words, to, zipped=zipped, trust=trust)


def export(
    repository: Repository,
    words: Sequence[str] = (),
    to: str | os.PathLike[str] | None = None,
    *,
    zipped: bool = False,
    trust: bool = False,
) -> Exported:
    """Writes a snapshot's variables, and what ``--files`` saved, to plain files in the new folder ``to``, or one .zip.

    ``words``: first, if you like, the number or id of a snapshot, a cell's or a save's name, by default the newest
    sound snapshot; then names of variables, and paths of saved files or their last parts; by default all. ``to``: a
    folder that is empty or not there, by default a new one in the working directory. ``trust``: also what somebody else
    wrote, for to load it runs code of theirs.

    Raises UsageError where there is no such snapshot or variable, or the place is taken; StoreError where it can't be
    read or is not to be trusted; ExportFailed where the files can't be written. Then nothing is there. Not thread-safe.
    """
    rest = list(words)
    manifest, passed_over = chosen(repository, rest, trust=trust)
    body = manifest.body
    roots = saved_files.named(body, rest or saved_files.paths(body))
    names = [word for word in rest if word not in roots or word in variables_of(body)]
    wanted = wanted_of(manifest, names) if names or not rest else set[str]()
    target = Target.at(to, manifest, zipped=zipped)
    watched = Watched(Blobs(repository, manifest))
    load = Elsewhere(watched, body)
    linked = set(body.get("links", {}))
    loaded = Loaded(watched, load.namespace, body, wanted - linked, load)
    if watched.error is not None:
        raise watched.error
    load.namespace.update({name: value for name, value in loaded.values.items() if not isinstance(value, StandIn)})
    with target.being_made() as folder:
        exporter = Exporter(folder, Stems(), load.damaged)
        for name in sorted(linked & wanted):
            exporter.left_out[name] = "it is linked: the snapshot has its fingerprint, not its content"
        for name in sorted(wanted - linked):
            if name in loaded.unreadable:
                exporter.left_out[name] = f"it can't be loaded here: {loaded.unreadable[name]}"
            else:
                exporter.add(name, loaded.values[name])
        exporter.finish()
        saved = saved_files.written(folder.path, roots.values(), manifest.blobs, repository.read, exporter.left_out)
        if not exporter.rows and not saved:
            told = "; ".join(f"{name}: {why}" for name, why in exporter.left_out.items()) or "it holds none"
            raise UsageError(
                f"Snapshot no. {manifest.seq} has no variable that can be exported ({told}). Nothing was written."
            )
        folder.write_json(INDEX, _index(manifest, exporter, saved))
    files = {name: tuple(row["files"]) for name, row in exporter.rows.items()}
    return Exported(
        target.path, manifest.id, manifest.seq, manifest.cell, target.size_bytes, files,
        tuple(one["at"] for one in saved), exporter.left_out,
        (*(f"passed over: {one}" for one in passed_over), *exporter.remarks),
    )  # fmt: skip


def _index(manifest: Manifest, exporter: Exporter, saved: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "format": VERSION,
        "snapshot": {
            "id": manifest.id,
            "number": manifest.seq,
            "cell": manifest.cell,
            "line": manifest.body.get("line") or None,
            "taken": datetime.fromtimestamp(manifest.created, UTC).isoformat(),
        },
        "variables": exporter.rows,
        "files": saved,
        "left_out": exporter.left_out,
        "share_memory": exporter.sharing.groups(),
        "remarks": exporter.remarks,
    }

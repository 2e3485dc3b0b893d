"""The life of a table of kinds, in two processes: one builds, saves, changes, saves; the other restores.

``python -m tests.kinds.living write|read MODULE FOLDER``; what was seen goes to FOLDER as JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle

from colab_guard.capture.take import take
from colab_guard.core.errors import LostValue
from colab_guard.resume.loading import Load
from colab_guard.saving import Blobs, Saver
from colab_guard.store.repository import Repository
from tests.kinds.kind import Kind, build, mutate, probe
from tests.saving.slow import SlowFolder

CELL = "kinds"
HIDDEN = {"folder", "__builtins__", "__name__"}


class Store:
    """A repository on a slow disk, and the saver of one namespace."""

    def __init__(self, root: Path) -> None:
        self.disk = SlowFolder(root)
        self.repository = Repository(self.disk)
        self._saver = Saver(CELL, lambda: self.repository, fail)

    def save(self, namespace: dict[str, Any], then: Callable[[], object] = lambda: None) -> dict[str, Any]:
        """Takes a snapshot, as a cell's would be; then something happens before a byte of it is written."""
        names = namespace.keys() - HIDDEN
        taken = take(namespace, names, {}, frozenset())
        blobs = [taken.skeleton, taken.table, *taken.memory]
        self.disk.go.clear()
        assert self._saver.save(lambda spare: ({"names": list(taken.names), "notes": []}, blobs), "")
        then()
        self.disk.go.set()
        assert self._saver.finish(60)
        manifest = self._saver.last
        return {"seq": manifest.seq, "new_bytes": manifest.new_bytes, "notes": sorted(taken.notes),
                "skeleton": len(taken.skeleton)}  # fmt: skip


def fail(text: str) -> None:
    """Nothing is said of a snapshot that went well."""
    raise AssertionError(text)


def restore(repository: Repository, seq: int, folder: str) -> dict[str, Any]:
    """The variables of a snapshot, in a new namespace."""
    cloudpickle.cloudpickle._DYNAMIC_CLASS_TRACKER_BY_CLASS.clear()  # as in a process that knows no class yet
    cloudpickle.cloudpickle._DYNAMIC_CLASS_TRACKER_BY_ID.clear()
    manifest = next(found for found in repository.snapshots(CELL) if found.seq == seq)
    namespace: dict[str, Any] = {"__name__": "__main__", "folder": folder}
    load = Load(Blobs(repository, manifest), namespace, frozenset())
    namespace |= load.variables(manifest.body["names"])
    load.put_in_place()
    for name in [name for name in namespace if name.startswith("<")]:
        del namespace[name]
    return keep(namespace)


_kept: list[dict[str, Any]] = []


def keep(namespace: dict[str, Any]) -> dict[str, Any]:
    """Holds it until the process dies, as a kernel holds its variables."""
    _kept.append(namespace)
    return namespace


def write(store: Store, kind: Kind, folder: Path) -> dict[str, Any]:
    """Builds, saves twice, and once more elsewhere; changes while that is not written yet, saves again.

    ``before`` is seen at another one, for to look may change it.
    """
    namespace = keep(build(kind, made(folder / "x")))
    seen: dict[str, Any] = {"first": store.save(namespace), "same": store.save(namespace)}
    if not kind.lost:
        seen["before"] = probe(kind, keep(build(kind, made(folder / "y"))))
        seen["isolated"] = Store(folder / "isolated").save(namespace, lambda: mutate(kind, namespace))
        seen["changed"] = store.save(namespace)
        seen["after"] = probe(kind, namespace)
    return seen


def read(store: Store, kind: Kind, folder: Path, written: dict[str, Any]) -> dict[str, Any]:
    """Restores the first and looks; changes it, saves and restores that too; then what the writer had changed."""
    place, repository = str(folder / "x"), store.repository
    namespace = restore(repository, written["first"]["seq"], place)
    if kind.lost:
        return {"lost": lost(kind, namespace), "again": store.save(namespace)}
    seen: dict[str, Any] = {"before": probe(kind, namespace)}
    isolated = Repository.open(folder / "isolated")
    seen["isolated"] = probe(kind, restore(isolated, written["isolated"]["seq"], place))
    namespace = restore(repository, written["first"]["seq"], place)
    mutate(kind, namespace)
    again = store.save(namespace)
    seen["mutated"] = probe(kind, namespace)
    seen["again"] = probe(kind, restore(repository, again["seq"], place))
    seen["after"] = probe(kind, restore(repository, written["changed"]["seq"], place))
    return seen


def made(folder: Path) -> str:
    """The folder, made."""
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


def lost(kind: Kind, namespace: dict[str, Any]) -> str:
    """What is said where a stand-in is used."""
    try:
        eval(kind.lost, namespace)
    except LostValue as error:
        return str(error)
    return ""


def main(role: str, module: str, folder: Path) -> None:
    """Lives all kinds of a module through; what fails is seen, and costs no other one."""
    earlier = json.loads((folder / "write.json").read_text()) if role == "read" else {}
    seen: dict[str, Any] = {}
    for number, kind in enumerate(importlib.import_module(module).KINDS):
        begun = time.monotonic()
        try:
            place = folder / str(number)
            store = Store(place / "store")
            seen[kind.name] = (
                write(store, kind, place) if role == "write" else read(store, kind, place, earlier[kind.name])
            )
        except Exception:  # noqa: BLE001 - the test shows it
            seen[kind.name] = {"error": traceback.format_exc()}
        seen[kind.name]["seconds"] = round(time.monotonic() - begun, 2)
    (folder / f"{role}.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    sys.stdout.flush()
    os._exit(0)  # as a kernel dies: there are threads that would be waited for

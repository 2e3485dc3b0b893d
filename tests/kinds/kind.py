"""One kind of thing that notebooks hold: how to make it, what of it must come back, and a way to change it.

Used as a table: ``build(kind, folder)`` gives a namespace as a cell above would leave it, ``probe`` what can be
seen of it, ``mutate`` does what the guarded cell might do right after a safe point.
"""

from __future__ import annotations

import linecache
from dataclasses import dataclass
from typing import Any

from tests.chaos.compare import Walk


@dataclass(frozen=True)
class Kind:
    """``name``: its row in docs/kinds.md. ``build``, ``mutate``: code; ``folder`` is a folder of its own.

    ``probe``: an expression for what must be the same after a restore, and be another once it was changed.
    ``notes``: how the notes of its snapshot begin. ``lost``: what raises LostValue after a restore.
    ``large``: bytes of its memory; half of them, or fewer, are changed by ``mutate``.
    """

    name: str
    build: str
    probe: str = "x"
    mutate: str = ""
    notes: tuple[str, ...] = ()
    lost: str = ""
    large: int = 0


def build(kind: Kind, folder: str) -> dict[str, Any]:
    """The variables that its code makes, in a new namespace."""
    namespace: dict[str, Any] = {"__name__": "__main__", "folder": folder}
    run(kind.build, namespace, f"<build {kind.name}>")
    return namespace


def mutate(kind: Kind, namespace: dict[str, Any]) -> None:
    """Changes it, in place."""
    run(kind.mutate, namespace, f"<mutate {kind.name}>")


def probe(kind: Kind, namespace: dict[str, Any]) -> dict[str, str]:
    """Digests of what can be seen of it, by part, each with its beginning, to be read; and which parts are one."""
    seen = eval(kind.probe, dict(namespace))
    parts = seen if isinstance(seen, list) else [seen]
    walk = Walk()
    found = {f"{number}": f"{walk.digest(part)[:16]} {repr(part)[:200]}" for number, part in enumerate(parts)}
    return found | {"sharing": walk.sharing()[:16]}


def run(source: str, namespace: dict[str, Any], filename: str) -> None:
    """Runs code as IPython does: its source can be found by the file's name."""
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    exec(compile(source, filename, "exec"), namespace)

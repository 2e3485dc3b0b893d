"""Checks of places: Drive, the store, the inputs; and whether the browser is there."""

from __future__ import annotations

import os
import tempfile
import types
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from colab_guard.capture.select import is_user_name
from colab_guard.checklist.check import Check, Known
from colab_guard.core.folders import nearest
from colab_guard.core.places import described, drive_mount, is_below_drive, local_folder, on_colab, usual_drive
from colab_guard.core.stores import is_url
from colab_guard.core.words import size, span
from colab_guard.flight.recorder import RECORDER
from colab_guard.tiers import opening

MOUNT = "%guard mount"
MOST_TEXTS = 1000  # that are looked at in one container
SHOWN = 3
QUIET_SECONDS = 600.0


def drive(known: Known) -> Check:
    """Whether it is mounted, and has room for two more snapshots of each cell."""
    if not on_colab():
        return Check("Drive", True, "not on Colab: nothing here needs it")
    mounted = drive_mount()
    if mounted is None:
        return Check("Drive", False, f"not mounted at {usual_drive()}", MOUNT)
    tier = opening.tier_of(known.session.store)
    free = tier.uploads.remote.free_bytes() if tier else None
    if free is None:
        return Check("Drive", None, f"mounted at {mounted}; how much of your quota is free only Drive's API tells",
                     "google.colab.auth.authenticate_user() lets it be asked")  # fmt: skip
    needed = 2 * sum(one.newest.size_bytes for one in opening.states() if one.newest)
    said = f"mounted at {mounted}, {size(free)} of your quota free"
    if needed > free:
        return Check(
            "Drive", False, f"{said}; two more snapshots take {size(needed)}", "empty Drive's trash, or --keep 1"
        )
    return Check("Drive", True, said)


def store(known: Known) -> Check:
    """Whether snapshots can be written, and survive this machine."""
    place = described(known.session.store)
    said = f"{place.store} ({place.survives})"
    if trouble := [state.trouble for state in opening.states() if state.trouble]:
        return Check("store", False, f"{said}; {trouble[0]}", "mend that, or choose another: %guard config store=…")
    elsewhere = is_url(place.store) or is_below_drive(place.store)
    if unwritable := _unwritable(local_folder(place.store) if elsewhere else Path(place.store)):
        return Check("store", False, f"{said}; {unwritable}", "choose another: %guard config store=…")
    if place.outlives_vm or not on_colab():
        return Check("store", True, said)
    return Check("store", False, said, MOUNT)


def _unwritable(folder: Path) -> str:
    """Why no file can be made in a folder, or where it is to be made; empty where one can."""
    around = nearest(folder)
    try:
        with tempfile.TemporaryFile(dir=around) as file:
            file.write(b"can be written")
    except OSError as error:
        return f"nothing can be written to {around}: {error.strerror or error}"
    return ""


def inputs(known: Known) -> Check:
    """Whether files that variables name lie on Drive, from which each reading takes many times as long."""
    mounted = drive_mount()
    if mounted is None:
        return Check("inputs", True, "none on Drive, for it is not mounted")
    found = sorted(
        {
            (name, path)
            for name, path in _paths(known.session.namespace)
            if _is_input(path, mounted, known.session.store)
        }
    )
    if not found:
        return Check("inputs", True, "no variable names a file on Drive")
    texts = [f"{name} ({path})" for name, path in found[:SHOWN]]
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    first = found[0][1]
    return Check(
        "inputs", False, f"on Drive: {', '.join(texts)}{more}", f"!cp -r {str(first)!r} /content/ and read it there"
    )


def keep_alive(known: Known) -> Check:
    """Whether somebody is there: a tab that is open is what keeps a runtime from being taken for idle."""
    name = "keep-alive"
    if not on_colab():
        return Check(name, True, "not on Colab: nothing here goes for want of a browser")
    heard = RECORDER.ask("browser").get("browser")  # now: the last beat knows nothing of who asks for this
    mend = "%keepalive, with the tab open and the computer awake; a run that loses its runtime goes on in the next"
    if heard is None:
        return Check(name, None, "nothing keeps the runtime: whether a browser is there is not known", mend)
    said = f"nothing keeps the runtime but the open tab; a browser was heard of {span(heard)} ago"
    return Check(name, False if heard > QUIET_SECONDS else None, said, mend)


def _paths(namespace: dict[str, Any]) -> Iterator[tuple[str, Path]]:
    """The absolute paths in variables, in lists of them, and in the attributes of objects (a dataset's ``root``).

    Told by their types: what a proxy says of its class raises where its object is gone.
    """
    for name, value in list(namespace.items()):
        if not is_user_name(name):
            continue
        parts = [(name, value), *((f"{name}.{own}", part) for own, part in _attributes(value))]
        for where, part in parts:
            texts = list(part)[:MOST_TEXTS] if issubclass(type(part), list | tuple | set | frozenset) else [part]
            if issubclass(type(part), dict):
                texts = list(part.values())[:MOST_TEXTS]
            for text in texts:
                kind = type(text)
                if issubclass(kind, Path) or (issubclass(kind, str) and text.startswith("/") and "\n" not in text):
                    yield where, Path(text)


def _attributes(value: Any) -> list[tuple[str, Any]]:
    if issubclass(type(value), (type, types.ModuleType, *weakref.ProxyTypes)) or not hasattr(value, "__dict__"):
        return []
    return list(vars(value).items())


def _is_input(path: Path, mounted: Path, store: str) -> bool:
    inside = path.is_relative_to(mounted) and not path.is_relative_to(store)
    return inside and not Path(store).is_relative_to(path) and os.path.exists(path)

"""Taking a save: all of the user's variables, group by group in one skeleton, their memory beside it."""

from __future__ import annotations

import types
from typing import Any

from colab_guard.capture.environment import describe
from colab_guard.capture.pickler import Pickler
from colab_guard.capture.process import machine_id, process_state
from colab_guard.capture.select import is_user_name
from colab_guard.capture.sources import texts_of
from colab_guard.capture.standin import StandIn
from colab_guard.capture.take import PROCESS, SOURCES
from colab_guard.loops.where import SESSION
from colab_guard.saving import Content
from colab_guard.variables.groups import groups


def user_variables(namespace: dict[str, Any]) -> list[str]:
    """The names of what is saved: the user's variables, modules left out."""
    return sorted(
        name
        for name, value in namespace.items()
        if is_user_name(name) and not isinstance(value, types.ModuleType)
    )  # fmt: skip


def take(namespace: dict[str, Any]) -> Content:
    """The body and blobs of a save, see docs/format.md; what can't be pickled is replaced by stand-ins, and noted."""
    members = groups(namespace, user_variables(namespace))
    lost: dict[str, str] = {}  # variables that can't be pickled even with stand-ins in them
    while True:
        pickler = Pickler(namespace, frozenset())
        described, failed = list[list[int]](), None
        for group in members:
            described.append([pickler.begin_group(), len(group)])
            failed = _add(pickler, group, lost)
            if failed is not None:
                break
        if failed is None:
            break
        lost.update([failed])
    for name, value in ((PROCESS, process_state()), (SOURCES, texts_of(pickler.files))):
        described.append([pickler.begin_group(), 1])
        pickler.add(name, value, strict=True)
    table, memory = pickler.regions.blobs()
    body = {
        "source": "",
        "cursor": None,
        "line": 0,
        "names": pickler.added,
        "groups": described,
        "hidden": [],
        "notes": pickler.notes,
        "session": SESSION,
        "machine": machine_id(),
        "environment": describe(pickler.packages),
    }
    return body, [pickler.skeleton(), table, *memory]


def _add(pickler: Pickler, group: list[str], lost: dict[str, str]) -> tuple[str, str] | None:
    for name in group:
        value = pickler.namespace[name]
        if name in lost:
            pickler.note(f"{name} ({lost[name]})")
            value = StandIn(lost[name], name)
        try:
            pickler.add(name, value)
        except Exception as error:
            if name in lost:
                raise
            return name, f"{type(value).__qualname__} ({error})"
    return None

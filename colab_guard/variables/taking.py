"""Taking a save: all of the user's variables, group by group in one skeleton, their memory beside it."""

from __future__ import annotations

import types
from typing import Any

from colab_guard.capture.environment import describe
from colab_guard.capture.memory import SMALL_BYTES
from colab_guard.capture.pickler import Pickler
from colab_guard.capture.process import machine_id, process_state
from colab_guard.capture.secrets import NOT_STORED, LeftOut, leave_out, masked
from colab_guard.capture.select import is_user_name
from colab_guard.capture.sources import texts_of
from colab_guard.capture.take import PROCESS, SOURCES, add
from colab_guard.core.secrets import mask
from colab_guard.loops.where import SESSION
from colab_guard.resume.loading import FIRST_PIECE
from colab_guard.saving import Content
from colab_guard.variables.groups import groups


def user_variables(namespace: dict[str, Any]) -> list[str]:
    """The names of what is saved: the user's variables, modules left out."""
    return sorted(
        name
        for name, value in namespace.items()
        if is_user_name(name) and not issubclass(type(value), types.ModuleType)
    )  # fmt: skip


def take(namespace: dict[str, Any]) -> Content:
    """The body and blobs of a save, see docs/format.md; what can't be pickled is replaced by stand-ins, and noted."""
    members = groups(namespace, user_variables(namespace))
    lost: dict[str, str] = {}  # variables that can't be pickled even with stand-ins in them
    while True:
        pickler = Pickler(namespace, frozenset())
        begins, secrets, failed = list[int](), list[LeftOut](), None
        for group in members:
            begins.append(pickler.begin_group())
            tried = (add(pickler, name, namespace[name], lost) for name in group)
            failed = next(filter(None, tried), None)
            if failed is not None:
                break
            secrets.append(leave_out(pickler, (), texts_of(pickler.files).values(), begins[-1]))
        if failed is None:
            break
        lost.update([failed])
    values = frozenset[str]().union(*(found.values for found in secrets))
    sources = {name: mask(text, values) for name, text in texts_of(pickler.files).items()}
    for name, value in ((PROCESS, process_state()), (SOURCES, sources)):
        begins.append(pickler.begin_group())
        secrets.append(LeftOut())
        pickler.add(name, value, strict=True)
    for remark in dict.fromkeys(remark for found in secrets for remark in found.remarks):
        pickler.note(remark.removeprefix(NOT_STORED).rstrip("."))
    counts = [*map(len, members), 1, 1]
    table, memory = pickler.regions.blobs()
    pickles = pickler.skeleton()
    ends = [*begins[1:], len(pickles)]
    stored = [one.without(pickles[begin:end]) for one, begin, end in zip(secrets, begins, ends, strict=True)]
    small, large, described = _blobs(stored, counts, FIRST_PIECE + len(memory))
    body: dict[str, Any] = {
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
    return masked(body, values), [small, table, *memory, *large]


def _blobs(stored: list[bytes], counts: list[int], first: int) -> tuple[bytearray, list[bytes], list[list[int]]]:
    """The small groups together; each large one, to be a blob of its own from the number ``first`` on, so that it is
    stored again only when it changed; and of all groups where they lie and their ``counts``, as the body says it.
    """
    small, large, described = bytearray(), list[bytes](), list[list[int]]()
    for group, count in zip(stored, counts, strict=True):
        if len(group) < SMALL_BYTES:
            described.append([0, len(small), len(group), count])
            small += group
        else:
            described.append([first + len(large), 0, len(group), count])
            large.append(group)
    return small, large, described

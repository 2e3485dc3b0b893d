"""Taking a snapshot's content: pickled variables, their memory, and the state of the process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from colab_guard.capture.links import LinkingPickler, Links
from colab_guard.capture.pickler import Pickler
from colab_guard.capture.process import process_state
from colab_guard.capture.select import is_user_name
from colab_guard.capture.standin import StandIn

PROCESS = "<process>"


@dataclass(frozen=True)
class Taken:
    """What a snapshot holds: ``names`` of the pickles in ``skeleton``, in order; the table and the blobs of
    its memory; in words what is not kept as it was. ``memory`` is the live objects' own, not a copy. ``links`` are the
    fingerprints of variables that are in ``skeleton`` by reference; ``remarks`` sentences for the user about them.
    """

    names: tuple[str, ...]
    skeleton: memoryview
    table: bytes
    memory: list[memoryview]
    notes: tuple[str, ...]
    links: dict[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def take(
    namespace: dict[str, Any],
    names: Iterable[str],
    hidden: Sequence[str],
    own_names: frozenset[str],
    links: Links | None = None,
) -> Taken:
    """The content of a snapshot of ``names`` (those that exist), what functions among them use, and the
    ``hidden`` variables of loops and contexts; those of ``links`` by reference, as long as they are unchanged.

    Raises Unsaveable where a hidden variable can't be pickled: the cell can't be left here.
    """
    lost: dict[str, str] = {}
    bound = (links or Links()).bind(namespace)
    while True:
        pickler = LinkingPickler(namespace, own_names, bound) if bound.surveys else Pickler(namespace, own_names)
        failed = _add_all(pickler, names, lost)
        if failed is not None:
            lost.update([failed])
            continue
        for name in hidden:
            pickler.add(name, namespace[name], strict=True)
        pickler.add(PROCESS, process_state(), strict=True)
        less = bound.without_shared(pickler.regions)
        if less is None:
            break
        bound = less
    table, memory = pickler.regions.blobs()
    return Taken(
        names=tuple(pickler.added),
        skeleton=pickler.skeleton(),
        table=table,
        memory=memory,
        notes=tuple(pickler.notes),
        links=dict(bound.links.fingerprints),
        remarks=tuple(bound.remarks),
    )


def _add_all(pickler: Pickler, names: Iterable[str], lost: dict[str, str]) -> tuple[str, str] | None:
    """Adds the variables; the (name, reason) of the first that can't be pickled even with stand-ins in it."""
    todo, done = sorted(names), set[str]()
    while todo:
        name = todo.pop(0)
        if name in done or name not in pickler.namespace:
            continue
        done.add(name)
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
        todo += sorted(filter(is_user_name, pickler.wanted - done - set(todo)))
    return None

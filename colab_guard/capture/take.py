"""Taking a snapshot's content: pickled variables, their memory, and the state of the process."""

from __future__ import annotations

import types
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from colab_guard.capture.links import LinkingPickler, Links
from colab_guard.capture.memory import Piece
from colab_guard.capture.pickler import Pickler
from colab_guard.capture.process import process_state
from colab_guard.capture.secrets import in_holes, leave_out
from colab_guard.capture.select import is_user_name
from colab_guard.capture.sources import texts_of
from colab_guard.capture.standin import StandIn
from colab_guard.core.errors import NoRoom
from colab_guard.core.secrets import mask

PROCESS = "<process>"
SOURCES = "<sources>"
CELLS = "<cells>"
ARGUMENTS = "<arguments>"


@dataclass(frozen=True)
class Level:
    """A function on the stack: its ``values``, its ``hidden`` iterators and contexts, the ``cells`` it shares with
    functions made in it, the ``arguments`` of each library wrapper around it, and the global names it ``uses``.
    """

    values: dict[str, Any]
    hidden: dict[str, Any]
    cells: dict[str, types.CellType]
    arguments: list[tuple[tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    uses: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Taken:
    """What a snapshot holds: ``names`` of the pickles in ``skeleton``, in order; the table and the blobs of
    its memory; in words what is not kept as it was; the top-level ``packages`` whose types it holds. A Piece
    of ``memory`` is the live objects' own. ``links`` are the fingerprints of variables that are in ``skeleton`` by
    reference; ``remarks`` sentences for the user about them, and about ``secrets``, the values that are to be masked
    elsewhere; ``awaited`` a variable with an autograd graph that waits for its ``backward()``, or a future that has no
    result yet, if there is one.

    A variable of the cell goes by its name, one of the n-th function on the stack (from 1) by ``n:name``.
    """

    names: tuple[str, ...]
    skeleton: bytes
    table: bytes
    memory: list[memoryview | Piece]
    notes: tuple[str, ...]
    packages: tuple[str, ...] = ()
    links: dict[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    awaited: str = ""


def take(
    namespace: dict[str, Any],
    names: Iterable[str],
    hidden: Mapping[str, Any],
    own_names: frozenset[str],
    levels: Sequence[Level] = (),
    links: Links | None = None,
    source: str = "",
    stored: Collection[str] | None = None,
    *,
    spare: bool = False,
) -> Taken:
    """The content of a snapshot of ``names`` (those that exist), what functions among them use, the ``hidden``
    variables of loops and contexts, and the functions under way; variables of ``links`` by reference, as long as they
    are unchanged. Secrets are left out, those that stand in the cell's ``source`` too. What can't be pickled and is not
    among the ``stored``, the names that the cell itself assigns, is left to the cells above. With ``spare`` large byte
    strings are not copied: the cell must be held until they are written.

    Raises Unsaveable where a hidden variable can't be pickled: the code can't be left here.
    """
    lost: dict[str, str] = {}
    bound = (links or Links()).bind(namespace)
    while True:
        pickler = LinkingPickler(namespace, own_names, bound) if bound.surveys else Pickler(namespace, own_names)
        if stored is not None:
            pickler.above = {id(namespace[name]): name for name in namespace.keys() - stored if is_user_name(name)}
        if spare:
            pickler.pickles.spare = True
        failed = _add_all(pickler, names, levels, lost)
        if failed is not None:
            lost.update([failed])
            continue
        for name, value in hidden.items():
            pickler.add(name, value, strict=True)
        for depth, level in enumerate(levels, 1):
            for name, value in level.hidden.items():
                pickler.add(f"{depth}:{name}", value, strict=True)
        pickler.add(PROCESS, process_state(), strict=True)
        sources = texts_of(pickler.files)
        secrets = leave_out(pickler, [level.values for level in levels], [source, *sources.values()])
        pickler.add(SOURCES, {name: mask(text, secrets.values) for name, text in sources.items()}, strict=True)
        if spare and in_holes(pickler, secrets):
            spare = False  # only in the pickles can it be masked
            continue
        less = bound.without_shared(pickler.regions)
        if less is None:
            break
        bound = less
    skeleton = pickler.cut(secrets)
    table, memory = pickler.regions.blobs(spare=spare)
    return Taken(
        names=tuple(pickler.added),
        skeleton=skeleton,
        table=table,
        memory=memory,
        notes=tuple(pickler.notes),
        packages=tuple(sorted(pickler.packages)),
        links=dict(bound.links.fingerprints),
        remarks=(*bound.remarks, *secrets.remarks),
        secrets=secrets.values,
        awaited=pickler.awaited,
    )


def _add_all(
    pickler: Pickler, names: Iterable[str], levels: Sequence[Level], lost: dict[str, str]
) -> tuple[str, str] | None:
    """Adds the variables; the (name, reason) of the first that can't be pickled even with stand-ins in it."""
    namespace = pickler.namespace
    local: dict[str, Any] = {}
    for depth, level in enumerate(levels, 1):
        local |= {f"{depth}:{name}": value for name, value in level.values.items()}
        local[f"{depth}:{CELLS}"], local[f"{depth}:{ARGUMENTS}"] = level.cells, level.arguments
        pickler.wanted |= level.uses
    todo, done = [*sorted(names), *local], set[str]()
    while todo:
        name = todo.pop(0)
        if name in done or (name not in namespace and name not in local):
            continue
        done.add(name)
        if failed := add(pickler, name, local[name] if name in local else namespace[name], lost):
            return failed
        todo += sorted(filter(is_user_name, pickler.wanted - done - set(todo)))
    return None


def add(pickler: Pickler, name: str, value: Any, lost: Mapping[str, str]) -> tuple[str, str] | None:
    """Adds a variable, or a stand-in for one of those that are ``lost``, by name with the reason; the (name, reason) of
    one that can't be pickled even with stand-ins in it.
    """
    if name in lost:
        pickler.note(f"{name} ({lost[name]})")
        value = StandIn(lost[name], name)
    try:
        pickler.add(name, value)
    except NoRoom:
        raise  # of the snapshot, not of the variable
    except Exception as error:
        if name in lost:
            raise
        return name, f"{type(value).__qualname__} ({error})"
    return None

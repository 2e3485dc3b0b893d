"""What is to be put back: decided from a snapshot's manifest before anything runs, then loaded, then applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from colab_guard.capture.functions import adopt_code
from colab_guard.capture.links import check
from colab_guard.capture.sources import keep_source
from colab_guard.capture.standin import StandIn
from colab_guard.capture.take import ARGUMENTS, CELLS, PROCESS, SOURCES, Level
from colab_guard.cell.guarded import Cell
from colab_guard.cell.scope import Source
from colab_guard.cell.tree import Path, is_hidden
from colab_guard.resume.loading import Blobs, Load
from colab_guard.resume.outputs import PutBack


@dataclass(frozen=True)
class LevelPlan:
    """A function on the stack: its code in this session, its cursor there, and the hidden variables at that; the
    ``module`` of a library's.
    """

    qualname: str
    source: Source
    path: Path
    hidden: tuple[str, ...]
    module: str = ""


@dataclass(frozen=True)
class Plan:
    """Where to go on: the ``cell`` as it stood, its cursor here (None: it had ended), the hidden variables there,
    and the functions that were under way, outermost first. ``body`` is the manifest's.
    """

    body: Mapping[str, Any]
    created: float
    cell: Cell
    cursor: Path | None
    hidden: tuple[str, ...] = ()
    levels: tuple[LevelPlan, ...] = ()
    redefined: frozenset[str] = frozenset()
    rerun: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()  # of the variables a paused run saved

    def renamed(self, state: State) -> State:
        """The state with its hidden variables under the names that they have here."""
        frames = self.body["cursor"]["frames"][1:] if self.body["cursor"] else []
        levels = [
            replace(level, hidden=_renamed(level.hidden, frame["hidden"], planned.hidden))
            for level, frame, planned in zip(state.levels, frames, self.levels, strict=True)
        ]
        return replace(state, hidden=_renamed(state.hidden, self.body["hidden"], self.hidden), levels=levels)


def _renamed(hidden: dict[str, Any], old: list[str], new: tuple[str, ...]) -> dict[str, Any]:
    return {name: hidden[before] for before, name in zip(old, new, strict=True)}


@dataclass
class State:
    """A snapshot's content as objects, or what a paused run kept: the user's variables (none, for a pause), the
    hidden ones, the functions under way, and the process.
    """

    values: dict[str, Any]
    hidden: dict[str, Any]
    levels: list[Level]
    process: dict[str, Any]
    replaced: dict[str, Any] = field(default_factory=dict)
    edited: list[str] = field(default_factory=list)  # functions that have other code in this session

    def adopt(self, name: str, new: Any) -> Any:
        """A definition before the cursor was edited and has run: the restored function takes its code."""
        old = self.replaced.get(name)
        return old if old is not None and adopt_code(old, new) else new


def load(plan: Plan, blobs: Blobs, namespace: dict[str, Any], cell: Cell, files: PutBack | None = None) -> State:
    """The content of the planned snapshot, ``files`` put back with it. Raises RestoreError, with nothing changed."""
    check(plan.body.get("links", {}), namespace)
    own = plan.cell.own_names | cell.own_names
    loading = Load(blobs, namespace, own, plan.body.get("environment"), files)
    everything = loading.variables(plan.body["names"])
    for filename, text in everything.pop(SOURCES, {}).items():
        keep_source(filename, text)
    loading.put_in_place()
    process = everything.pop(PROCESS)
    levels: list[dict[str, Any]] = [{} for _ in plan.levels]
    values: dict[str, Any] = {}
    for label, value in everything.items():
        depth, _, name = label.rpartition(":")
        (levels[int(depth) - 1] if depth else values)[name] = value
    frames = plan.body["cursor"]["frames"][1:] if plan.body["cursor"] else []
    hidden = {name: values.pop(name) for name in plan.body["hidden"]}
    state = State(values, hidden, [_level(one, frame) for one, frame in zip(levels, frames, strict=True)], process)
    state.edited = loading.edited_functions
    state.replaced = {name: values[name] for name in cell.own_names if name in values}
    return plan.renamed(state)


def _level(values: dict[str, Any], frame: dict[str, Any]) -> Level:
    cells, arguments = values.pop(CELLS), values.pop(ARGUMENTS)
    hidden = {name: values.pop(name) for name in frame["hidden"]}
    return Level(values, hidden, cells, arguments)


def apply(state: State, plan: Plan, namespace: dict[str, Any], cell: Cell) -> tuple[int, list[str]]:
    """Puts the variables into the namespace; how many, and where a plain value that the cell only reads is another
    in this session than in the snapshot.
    """
    values = state.values
    lost = [name for name, value in values.items() if isinstance(value, StandIn) and name in namespace]
    differs = _differences(values, namespace, cell)
    for name in lost:
        del values[name]
    for name in (plan.cell.stored_names | cell.stored_names) - values.keys() - set(lost) - plan.rerun:
        if not is_hidden(name):
            namespace.pop(name, None)
    namespace.update(values)
    return len(values), differs


def _differences(values: dict[str, Any], namespace: dict[str, Any], cell: Cell) -> list[str]:
    stored, plain = cell.stored_names, int | float | str | bool | type(None)
    return [
        f"{name} = {value!r} (this session had {namespace[name]!r})"
        for name, value in values.items()
        if name not in stored
        and isinstance(value, plain)
        and name in namespace
        and isinstance(namespace[name], plain)
        and namespace[name] != value
    ]

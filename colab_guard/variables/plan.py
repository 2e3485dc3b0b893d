"""What a restore would do, variable by variable; and doing it, all or nothing."""

from __future__ import annotations

import os
import types
from dataclasses import dataclass
from typing import Any

from colab_guard.capture.own import Attributes
from colab_guard.capture.process import random_state, set_random_state
from colab_guard.capture.progress import Undo
from colab_guard.capture.sources import keep_source
from colab_guard.capture.standin import StandIn, told
from colab_guard.capture.survey import Unlinkable, survey
from colab_guard.capture.take import PROCESS, SOURCES
from colab_guard.core.errors import RestoreError
from colab_guard.loops.kinds import is_array
from colab_guard.variables.groups import holds
from colab_guard.variables.loading import Loaded

NEW, OVERWRITTEN, SAME, UNREADABLE, KEPT = "new", "overwritten", "same as here", "unreadable here", "left alone"
STAND_IN = "stand-in"
PUT_BACK = {NEW, OVERWRITTEN}
PLAIN = (bool, int, float, complex, type(None))


@dataclass(frozen=True)
class Row:
    """What happens to one variable. ``kind``: what the snapshot has, in words; ``why``: more about the ``state``."""

    name: str
    kind: str
    state: str
    why: str = ""

    @property
    def is_put_back(self) -> bool:
        """Whether the variable will be what it was."""
        return self.state in PUT_BACK


@dataclass(frozen=True)
class Plan:
    """A restore that is ready. ``title`` says what is restored; ``rows`` are its variables, in order; ``also`` tells
    what else is changed. Its ``str`` is what the user is shown. Not thread-safe.
    """

    title: str
    rows: tuple[Row, ...]
    also: tuple[str, ...]
    _namespace: dict[str, Any]
    _loaded: Loaded

    @property
    def names(self) -> list[str]:
        """The variables that are put back, without those that only a stand-in is left of."""
        return [row.name for row in self.rows if row.is_put_back and row.kind != STAND_IN]

    @property
    def unreadable(self) -> dict[str, str]:
        """The variables that can't be read here, and why."""
        return {row.name: row.why for row in self.rows if row.state == UNREADABLE}

    def put_back(self) -> None:
        """Does it. Raises RestoreError, with the session as it was, where that fails."""
        try:
            self._loaded.load.put_in_place()
        except Exception as error:
            raise RestoreError(
                f"Nothing was put back, and the session is as it was: {type(error).__name__}: {error}. Mend that, or "
                f"leave out what it concerns: `%guard restore NAME…` puts back only what you name."
            ) from error

    def __str__(self) -> str:
        table = [(row.name, row.kind, row.state + (f": {row.why}" if row.why else "")) for row in self.rows]
        widths = [max(len(line[column]) for line in table) for column in (0, 1)] if table else []
        lines = [f"  {name:<{widths[0]}}  {kind:<{widths[1]}}  {state}" for name, kind, state in table]
        return "\n".join([self.title, *lines, *self.also])


def planned(title: str, loaded: Loaded, namespace: dict[str, Any], *, everything: bool) -> Plan:
    """The plan to put back what was loaded; with ``everything`` also the process as far as it belongs to the user:
    random states and working directory.
    """
    rows = [row for group in loaded.groups for row in _rows(group, loaded, namespace)]
    rows = sorted((row for row in rows if row.name not in (PROCESS, SOURCES)), key=lambda row: row.name)
    values = {row.name: loaded.values[row.name] for row in rows if row.is_put_back}
    load = loaded.load
    # A group is loaded whole, and the session's own functions belong to the names that lead to them.
    load.actions = [
        one
        for one in load.actions
        if one.owner in values or (one.thing is not None and holds(namespace, values.values(), one.thing))
    ]
    also = [f"It also {one.what}, which can't be undone." for one in load.actions if one.what]
    load.later(lambda: _update(namespace, values))
    for filename, text in loaded.values.get(SOURCES, {}).items():
        keep_source(filename, text)  # adds what nobody here knows, and hides nothing
    if everything:
        also += _process(loaded)
    return Plan(title, tuple(rows), tuple(also), namespace, loaded)


def _rows(group: list[str], loaded: Loaded, namespace: dict[str, Any]) -> list[Row]:
    values = {name: loaded.values[name] for name in group if name in loaded.values}
    same = len(values) == len(group) and _is_same(values, loaded, namespace)
    rows = []
    for name in group:
        if name in loaded.unreadable:
            rows.append(Row(name, "?", UNREADABLE, loaded.unreadable[name]))
            continue
        value, here = values[name], name in namespace
        if issubclass(type(value), StandIn):
            rows.append(Row(name, STAND_IN, KEPT if here else NEW, f"{told(value)[0]} could not be kept"))
        elif same:
            rows.append(Row(name, kind_of(value), SAME))
        else:
            was = f"it is {namespace[name]!r} here" if here and issubclass(type(namespace[name]), PLAIN) else ""
            rows.append(Row(name, kind_of(value), OVERWRITTEN if here else NEW, was))
    return rows


def _is_same(values: dict[str, Any], loaded: Loaded, namespace: dict[str, Any]) -> bool:
    """Whether variables that share objects are in this session what they were, sharing included."""
    if not values.keys() <= namespace.keys():
        return False
    here = [{name: namespace[name] for name in values}]
    then = [values]
    for action in loaded.load.actions:
        if isinstance(action.do, Attributes) and action.owner in values:
            here.append(action.do.here())
            then.append(action.do.values)
    try:
        return survey(here).fingerprint == survey(then).fingerprint
    except Unlinkable:
        return False


def _update(namespace: dict[str, Any], values: dict[str, Any]) -> Undo:
    before = {name: namespace[name] for name in values if name in namespace}

    def undo() -> None:
        for name in values:
            del namespace[name]
        namespace.update(before)

    namespace.update(values)
    return undo


def _process(loaded: Loaded) -> list[str]:
    if PROCESS not in loaded.values:
        return [f"The random states stay as they are: {loaded.unreadable[PROCESS]}."]
    state = loaded.values[PROCESS]
    loaded.load.later(lambda: _set_random(state["random"]))
    directory = state["directory"]
    if directory == os.getcwd():
        return ["It also puts the random states back."]
    if not os.path.isdir(directory):
        return [f"It also puts the random states back. The working directory was {directory}, which is gone."]
    loaded.load.later(lambda: _change_directory(directory))
    return [f"It also puts the random states back, and the working directory: {directory}."]


def _set_random(state: dict[str, Any]) -> Undo:
    before = random_state()

    def undo() -> None:
        set_random_state(before)

    try:
        set_random_state(state)
    except BaseException:
        undo()
        raise
    return undo


def _change_directory(directory: str) -> Undo:
    before = os.getcwd()
    os.chdir(directory)
    return lambda: os.chdir(before)


def kind_of(value: Any) -> str:
    """What a value is, in a few words; of texts the length only, for they may be secrets."""
    kind = type(value).__qualname__
    if issubclass(type(value), type):
        return "class"
    if issubclass(type(value), types.FunctionType | types.BuiltinFunctionType):
        return "function"
    if is_array(value):
        return f"{kind} {str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    if type(value) in PLAIN:
        return f"{kind} {value!r}" if value is not None else "None"
    if issubclass(type(value), str | bytes | bytearray | list | tuple | dict | set | frozenset):
        return f"{kind} of {len(value):,}"
    shape = getattr(value, "shape", None) if type(value).__module__.partition(".")[0] == "pandas" else None
    return f"{kind} {shape}" if isinstance(shape, tuple) else kind

"""Where a run stands at a safe point: as objects, to be gone on with, and in words for a manifest."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from colab_guard.capture.contexts import Held, is_made_anew, obstacle
from colab_guard.capture.pickler import Unsaveable
from colab_guard.cell.guarded import Cell
from colab_guard.cell.rewrite import SafePoint
from colab_guard.cell.tree import Path, hidden_at, is_hidden
from colab_guard.resume.plan import State
from colab_guard.running.stack import Frame


@dataclass(frozen=True)
class Place:
    """A safe point that was reached: ``python`` runs the code of ``frame`` there; None: the cell has ended."""

    frame: Frame
    path: Path
    line: int
    python: types.FrameType | None

    @property
    def functions(self) -> list[Frame]:
        """The functions under way, outermost first."""
        return [*self.frame.chain()][::-1]

    def __str__(self) -> str:
        text = f"line {self.line}"
        for frame in self.frame.chain():
            if not frame.unit.home:
                return f"{text} of {frame.unit.qualname}()"
            # A line of a library's tells nobody anything: that of the call that led there does.
            text = f"{frame.unit.qualname}() in line {frame.parent.points[frame.site].line}"
        return text


@dataclass(frozen=True)
class Standing:
    """The ``state`` at a place, without the user's variables and the process; ``body`` is the part of a manifest's
    body that says so. ``rerun``: variables that are no part of it, for they are made anew.
    """

    state: State
    body: dict[str, Any]
    rerun: frozenset[str]


def standing(
    place: Place, cell: Cell, points: list[SafePoint], namespace: dict[str, Any], rerun: Iterable[str]
) -> Standing:
    """How the cell stands at ``place``; ``points`` are its own. Raises Broken, and Unsaveable for a context."""
    functions = place.functions
    cursor = points[functions[0].site].path if functions else place.path
    levels = place.frame.levels(place.path, place.python)
    hidden = {} if place.python is None else {name: namespace[name] for name in hidden_at(cell.module, cursor)}
    anew = set(rerun)
    for values in [namespace, *(level.values for level in levels)]:
        anew |= {name for name, value in values.items() if is_made_anew(value) and not is_hidden(name)}
    bound = [values.get(name) for name in anew for values in [namespace, *(level.values for level in levels)]]
    for level, one in zip(levels, functions, strict=True):
        _keep(level.hidden, bound, namespace, framework=bool(one.unit.home))
        for name in anew & level.values.keys():
            del level.values[name]
    _keep(hidden, bound, namespace)
    sources: list[dict[str, Any]] = []
    frames: list[dict[str, Any]] = [{"function": "<cell>", "path": cursor}]
    for index, one in enumerate(functions):
        source = one.unit.source.as_record()
        if source not in sources:
            sources.append(source)
        path = one.points[functions[index + 1].site].path if index + 1 < len(functions) else place.path
        frames.append({
            "function": one.unit.qualname, "path": path, "code": sources.index(source),
            "hidden": list(levels[index].hidden), **({"module": one.unit.home} if one.unit.home else {}),
        })  # fmt: skip
    body = {
        "cursor": None if place.python is None else {"frames": frames},
        "functions": sources,
        "line": points[functions[0].site].line if functions else place.line,
        "place": str(place),
        "hidden": list(hidden),
        "rerun": sorted(anew),
    }
    return Standing(State({}, hidden, levels, {}), body, frozenset(anew))


def _keep(hidden: dict[str, Any], bound: list[Any], namespace: dict[str, Any], *, framework: bool = False) -> None:
    """Leaves what is kept of hidden variables: iterators, and context managers that are not made anew. Those that a
    ``framework`` wrote as generators around its own loop are kept as the notebook's own are.
    """
    for name, value in hidden.items():
        manager = value.manager if isinstance(value, Held) else value
        if not hasattr(type(manager), "__exit__") or hasattr(type(manager), "__next__"):
            continue
        if (isinstance(value, Held) and value.anew) or any(one is manager for one in bound):
            hidden[name] = None
        elif framework and isinstance(manager, contextlib._GeneratorContextManager):
            hidden[name] = manager
        elif what := obstacle(manager, namespace):
            raise Unsaveable(f"the block of `with` {what} around it could not be entered again")
        else:
            hidden[name] = manager

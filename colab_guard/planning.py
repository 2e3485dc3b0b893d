"""Finding a snapshot's cursor in the code of this session: the cell's, and that of the functions under way."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from colab_guard.capture.sources import source_in, source_named
from colab_guard.cell.edits import follow, in_loop
from colab_guard.cell.guarded import Cell
from colab_guard.cell.scope import Source, body_of, functions_in
from colab_guard.cell.tree import Path, hidden_at, parse
from colab_guard.core.errors import EditedCell
from colab_guard.core.secrets import is_masked
from colab_guard.resume.plan import LevelPlan, Plan


def planned(
    cell: Cell,
    body: Mapping[str, Any],
    created: float,
    namespace: dict[str, Any],
    rerun: frozenset[str],
    names: frozenset[str],
) -> tuple[Plan, list[str]]:
    """The plan to go on from a manifest's ``body``, and where code was edited that had already run.

    Raises EditedCell where the loop, block or call that the cursor lies in is gone.
    """
    old = Cell(cell.name, body["source"], parse(body["source"]))
    rerun = rerun.union(body.get("rerun", ()))
    if body["cursor"] is None:
        return Plan(body, created, old, None, rerun=rerun), []
    first, *others = body["cursor"]["frames"]
    followed = follow(old.module, cell.module, path_of(first), in_call=bool(others))
    edited = [f"line {line}" for line in followed.lines]
    repeated = in_loop(cell.module, followed.cursor)
    levels = []
    for number, frame in enumerate(others, 1):
        before = Source.of_record(body["functions"][frame["code"]])
        module = frame.get("module", "")
        found = source_in(module, frame["function"]) if module else _source(cell, namespace, frame["function"])
        if module and module not in sys.modules:
            raise EditedCell(
                f"{frame['function']}() of the module {module} was under way, and this session can't import that. Put "
                f"it where it was, or where sys.path leads, and run this cell again; or start over with --fresh. "
                f"Nothing was run."
            )
        source = found or before
        if source is before and is_masked(before.text):
            raise EditedCell(
                f"{frame['function']}() was under way, and this session does not define it. Its code in the snapshot "
                f"can't be used, for it lacks the secret that stood in it. Run the cell that defines it, then this one "
                f"again; nothing was run."
            )
        new, in_call = body_of(source.node()), number < len(others)
        place = follow(body_of(before.node()), new, path_of(frame), in_call=in_call, in_loop=repeated)
        edited += [f"line {line} of {frame['function']}()" for line in place.lines]
        repeated = repeated or in_loop(new, place.cursor)
        levels.append(LevelPlan(frame["function"], source, place.cursor, tuple(hidden_at(new, place.cursor)), module))
    hidden = tuple(hidden_at(cell.module, followed.cursor))
    plan = Plan(body, created, old, followed.cursor, hidden, tuple(levels), followed.redefined, rerun, names)
    return plan, edited


def path_of(frame: Mapping[str, Any]) -> Path:
    """The path in a manifest's frame."""
    return tuple((str(name), int(index)) for name, index in frame["path"])


def _source(cell: Cell, namespace: dict[str, Any], qualname: str) -> Source | None:
    """A function's source in this session: the cell's own, or that of the cells above."""
    if qualname.partition(".")[0] in cell.own_names:
        found = [one for name, one in functions_in(cell.source, cell.filename) if name == qualname]
        return found[-1] if found else None
    return source_named(namespace, qualname)

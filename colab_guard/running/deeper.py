"""Going on in the middle of a call: the function that was under way, standing where it stood."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from functools import partial
from typing import Any

from colab_guard.capture.pickler import find
from colab_guard.cell.units import residual_function
from colab_guard.resume.plan import LevelPlan, Plan, State
from colab_guard.running.stack import Frame, rewrap, unwrap


def deeper(
    frame: Frame, number: int, callee: Any, plan: Plan, state: State, defined: frozenset[str]
) -> Callable[[], Any]:
    """What to call, without arguments, in place of the call at ``number`` of ``frame``; takes the outermost level
    of ``state``. ``callee`` is what is called there, with its decorators.
    """
    planned, level = plan.levels[len(plan.levels) - len(state.levels)], state.levels.pop(0)
    values = {**level.values, **level.hidden}
    unit = residual_function(
        planned.qualname, planned.source, planned.path, values, level.cells, defined,
        in_call=bool(state.levels), wrapped=bool(level.arguments), rerun=plan.rerun,
        home=planned.module,
    )  # fmt: skip
    wrappers, inner = unwrap(_decorated(callee, frame, planned)) if level.arguments else ([], None)
    new = Frame(frame.run, unit, frame, number, tuple(wrappers))
    function = new.function(unit.code, level.cells, state=values)
    if not level.arguments:
        return function
    (positional, named), *_ = level.arguments
    return partial(rewrap(wrappers, inner, function), *positional, **named)


def _decorated(callee: Any, frame: Frame, planned: LevelPlan) -> Any:
    """The function under its decorators: what is called; where that takes more than a look, what its name leads to."""
    function = getattr(callee, "__func__", callee)
    if isinstance(function, types.FunctionType):
        return function
    names = vars(sys.modules[planned.module]) if planned.module else frame.run.namespace
    return find(names, planned.qualname)

"""Whether a program that dies at its safe points ends as the one that never did."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterable
from typing import Any

from tests.cell.programs import Program
from tests.chaos.compare import Walk
from tests.support.dying import lives, plain

NEVER = 10**9


class DifferentError(AssertionError):
    """A variable that is not what it would have been."""


def every(points: int) -> Iterable[int]:
    """Each safe point once; 0 is a run that never dies."""
    return range(points + 1)


def some(first: int) -> Callable[[int], Iterable[int]]:
    """Five safe points of as many as there are, spread evenly from the *first* on, and a run that never dies."""
    return lambda points: sorted(
        {0, *((first + points * part // 5) % points + 1 for part in range(5))} if points else {0}
    )


def prove(program: Program, choose: Callable[[int], Iterable[int]], stride: int = NEVER) -> int:
    """Kill *program* at the safe points that *choose* names; how many that were. Raises DifferentError.

    What the dead leave behind in cycles (generators whose ``finally`` still runs) is collected here, lest it end in
    the middle of another program. All of it is young, for nothing grows old while the collector is off.
    """
    gc.disable()
    try:
        return _prove(program, choose, stride)
    finally:
        gc.collect(0)
        gc.enable()


def _prove(program: Program, choose: Callable[[int], Iterable[int]], stride: int) -> int:
    wanted = plain(program.source, program.above)
    expected = _seen(wanted)
    deaths = 0
    for point, end in lives(program.source, program.above, stride, choose):
        deaths += point > 0
        found = _seen(end)
        for name in expected.keys() | found.keys():
            if expected.get(name) != found.get(name):
                was, now = wanted.get(name, "(absent)"), end.get(name, "(absent)")
                further = "" if stride == NEVER else f" and at each {stride}. after it"
                where = f"a death at safe point {point}{further}" if point else "no death"
                raise DifferentError(f"after {where}, {name} is\n  {now}\nand should be\n  {was}")
    return deaths


def _seen(end: dict[str, Any]) -> dict[str, str]:
    # Left out are dicts of functions, which are code, and `_`, which in a notebook is IPython's.
    data = {name: value for name, value in end.items() if not re.match(r"h_|_$|<", name)}
    walk = Walk()
    seen = {name: walk.digest(data[name]) for name in sorted(data)}
    return seen | {"(what is shared)": walk.sharing(), "<random>": repr(end["<random>"])}

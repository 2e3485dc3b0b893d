"""What stands between rewritten code and the functions that it calls."""

import functools
from types import SimpleNamespace
from typing import Any

import pytest

from colab_guard.cell.rewrite import SafePoint
from colab_guard.cell.tree import ITER, RUN, WANTED
from colab_guard.running import stack
from colab_guard.running.stack import PASS_CALLS, Frame
from tests.support.dying import DyingRun, session_with

ABOVE = """
import functools
from typing import Any
def loops(n):
    for i in range(n):
        pass
    return n
def recursive(n):
    for i in range(1):
        if n:
            recursive(n - 1)
    return n
def plain(x): return x
def generator(n):
    for i in range(n): yield i
async def coroutine(n):
    for i in range(n): pass
def looks(n):
    for i in range(n): pass
    return locals()
def outer(n):
    def inner(k):
        for i in range(k): pass
        return k
    class Local:
        def method(self): pass
    for i in range(1): pass
    return inner, Local
class Model:
    def __call__(self, n):
        for i in range(n): pass
        return n
    def fit(self, n):
        for i in range(n): pass
        return n
model = Model()
part = functools.partial(loops, 3)
cached = functools.lru_cache(loops)
"""


@pytest.fixture
def run() -> DyingRun:
    made = DyingRun(session_with(ABOVE), "pass", 0)
    made.points.append(SafePoint((("body", 0),), 1, False))
    made.namespace |= {RUN: made, ITER: iter, WANTED: False}
    return made


@pytest.mark.parametrize("name", ["loops", "recursive", "model", "model.fit"])
def test_functions_with_safe_points_get_a_twin(run: DyingRun, name: str) -> None:
    callee = eval(name, run.namespace)
    twin = run.call(0, callee)
    assert twin != callee
    assert twin(2) == callee(2)


@pytest.mark.parametrize("name", ["plain", "generator", "coroutine", "looks", "cached", "Model", "len", "[].append",
                                  "functools.wraps", "None", "3"])  # fmt: skip
def test_anything_else_is_called_as_it_is(run: DyingRun, name: str) -> None:
    callee = eval(name, run.namespace)
    assert run.call(0, callee) == callee


def test_what_a_partial_calls_gets_a_twin(run: DyingRun) -> None:
    twin = run.call(0, run.namespace["part"])
    assert isinstance(twin, functools.partial)
    assert twin.func is not run.namespace["loops"]
    assert twin() == 3


def library(source: str) -> dict[str, Any]:
    """The names of a module that is not the notebook."""
    names: dict[str, Any] = {"__name__": "library"}
    exec(source, names)
    return names


WRAPS = """
import functools
from typing import Any
def logged(f):
    @functools.wraps(f)
    def wrapper(*args):
        return f(*args)
    return wrapper
"""


def test_a_decorated_function_gets_a_twin_inside_its_decorator(run: DyingRun) -> None:
    logged = library(WRAPS)["logged"]
    for name in ("loops", "fit"):
        home = run.namespace if name == "loops" else vars(run.namespace["Model"])
        inner = home[name]
        wrapper = logged(inner)
        if name == "loops":
            run.namespace[name] = wrapper
        else:
            run.namespace["Model"].fit = wrapper
        twin = run.call(0, wrapper)
        assert twin is not wrapper
        assert twin.__wrapped__ is inner


def test_a_function_wrapped_in_passing_stays_as_it_is(run: DyingRun) -> None:
    """``joblib.delayed(f)`` is called here, and ``f`` in another process."""
    wrapper = library(WRAPS)["logged"](run.namespace["loops"])
    assert run.call(0, wrapper) is wrapper


def test_short_calls_are_passed_through_until_a_snapshot_is_due(run: DyingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "time", SimpleNamespace(perf_counter=lambda: 0.0))  # so that they are short
    loops = run.namespace["loops"]
    for _ in range(3 * PASS_CALLS):
        run.call(0, loops)(1)
    assert run.call(0, loops) is loops
    run.namespace[WANTED] = True
    assert run.call(0, loops) is not loops


def test_a_function_that_is_under_way_is_not_passed_through(run: DyingRun) -> None:
    recursive = run.namespace["recursive"]
    within = run.call(0, recursive)
    cells = dict(zip(within.__code__.co_freevars, within.__closure__, strict=True))
    frame = cells[RUN].cell_contents
    assert isinstance(frame, Frame)
    for _ in range(3 * PASS_CALLS):
        assert frame.call(0, recursive) is not recursive


def test_a_function_is_never_changed(run: DyingRun) -> None:
    loops = run.namespace["loops"]
    before = loops.__code__, loops.__dict__.copy()
    run.call(0, loops)(3)
    assert (loops.__code__, loops.__dict__) == before


def test_what_a_twin_defines_has_its_own_name_and_its_own_twin(run: DyingRun) -> None:
    inner, local = run.call(0, run.namespace["outer"])(1)
    assert (inner.__qualname__, local.__qualname__) == ("outer.<locals>.inner", "outer.<locals>.Local")
    assert local.method.__qualname__ == "outer.<locals>.Local.method"
    assert run.call(0, inner) is not inner


def test_errors_in_a_call_name_the_function(run: DyingRun) -> None:
    with pytest.raises(TypeError, match=r"loops\(\) missing 1 required positional argument: 'n'"):
        run.call(0, run.namespace["loops"])()
    with pytest.raises(TypeError, match=r"Model.fit\(\) takes 2 positional arguments but 3 were given"):
        run.call(0, run.namespace["model"].fit)(1, 2)


def test_annotations_that_are_not_evaluated_stay_so() -> None:
    source = (
        "from __future__ import annotations\n"
        + ABOVE
        + ("def annotated(n):\n    class Local:\n        x: Unknown\n    for i in range(n): pass\n    return Local\n")
    )
    run = DyingRun(session_with(source), "pass", 0)
    run.points.append(SafePoint((("body", 0),), 1, False))
    run.namespace |= {RUN: run, ITER: iter, WANTED: False}
    twin = run.call(0, run.namespace["annotated"])
    assert twin is not run.namespace["annotated"]
    assert twin(1).__annotations__ == {"x": "Unknown"}

"""What goes into a snapshot comes out as it was: values, sharing, and what is under way."""

import csv
import enum
import io
import random
import sys
import threading
from collections import deque, namedtuple
from concurrent.futures import Future, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colab_guard.capture import select
from colab_guard.capture.pickler import Unsaveable
from colab_guard.capture.select import sharers
from colab_guard.capture.take import take
from colab_guard.core.errors import LostValue, RestoreError
from colab_guard.resume.loading import Load
from tests.support.dying import Held


def there_and_back(session: dict[str, Any] | None = None, /, **variables: Any) -> dict[str, Any]:
    """The variables, taken from one namespace and loaded into another."""
    old = {"__name__": "__main__", **variables}
    for value in variables.values():
        if getattr(value, "__module__", "") == "__main__" and hasattr(value, "__globals__"):
            raise AssertionError("make functions with define()")
    held = Held(take(old, variables, {}, frozenset()))
    load = Load(held, session if session is not None else {"__name__": "__main__"}, frozenset())
    values = load.variables(held.names)
    load.put_in_place()
    return values


def define(source: str) -> dict[str, Any]:
    """A namespace in which a cell with that source was run."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(source, namespace)
    return namespace


def test_plain_values() -> None:
    point = namedtuple("point", "x y")
    globals()["point"] = point
    point.__module__, point.__qualname__ = __name__, "point"
    value = [1, 2.5, 1j, "é", b"\0", None, True, (1, (2,)), {3}, frozenset({4}), deque([5], 3), point(1, 2), range(3)]
    assert there_and_back(value=value)["value"] == value


def test_one_object_under_two_names_stays_one() -> None:
    shared = [1]
    out = there_and_back(a=shared, b={"x": shared}, c=(shared, shared))
    assert out["a"] is out["b"]["x"] is out["c"][0] is out["c"][1]


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4),
        np.asfortranarray(np.arange(12).reshape(3, 4)),
        np.arange(24).reshape(2, 3, 4).transpose(1, 2, 0).copy("K"),
        np.arange(20)[::-2],
        np.zeros((0, 3)),
        np.array(5.0),
        np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]),
        np.array([{"a": 1}, None], dtype=object),
        np.array(["a", "bc"]),
        np.array(["2026-01-01"], dtype="datetime64[D]"),
        np.ma.masked_array([1, 2], mask=[True, False]),
        np.frombuffer(b"12345678", dtype=np.uint8)[2:5],
    ],
    ids=lambda a: f"{type(a).__name__}-{a.dtype}-{a.shape}",
)
def test_arrays(array: Any) -> None:
    out = there_and_back(a=array)["a"]
    assert type(out) is type(array)
    assert (out.dtype, out.shape) == (array.dtype, array.shape)
    assert out.flags.writeable == array.flags.writeable
    assert out.flags.f_contiguous == array.flags.f_contiguous
    assert np.array_equal(out, array)
    assert bytes(out.tobytes()) == array.tobytes() or array.dtype.hasobject


@pytest.mark.parametrize("size", [8, 100_000], ids=["small", "large"])
def test_views_stay_views_and_owners_own(size: int) -> None:
    base = np.arange(size * 2.0).reshape(2, size).copy()
    out = there_and_back(row=base[1], base=base, every=base[:, ::2], back=base[::-1])
    out["base"][1, 0] = -1
    assert out["row"][0] == out["every"][1, 0] == out["back"][0, 0] == -1
    assert out["base"].flags.owndata
    assert not out["row"].flags.owndata


def test_memory_that_two_arrays_borrow_stays_shared() -> None:
    buffer = bytearray(200_000)
    whole, part = np.frombuffer(buffer, np.uint8), np.frombuffer(buffer, np.uint8, offset=100, count=100_000)
    out = there_and_back(part=part, whole=whole)
    out["whole"][100] = 7
    assert out["part"][0] == 7


def test_generators_of_randomness_go_on() -> None:
    mine, theirs = random.Random(1), np.random.default_rng(1)
    mine.random(), theirs.random()
    out = there_and_back(mine=mine, theirs=theirs)
    assert out["mine"].random() == mine.random()
    assert out["theirs"].random() == theirs.random()


def test_a_function_comes_from_the_notebook_with_its_saved_state() -> None:
    old = define("def f(x, seen=[]):\n    seen.append(x)\n    return K * len(seen)\nK = 2\nf.calls = 1")
    old["f"](0)
    held = Held(take(old, ["f"], {}, frozenset()))
    assert set(held.names) == {"f", "K", "<process>", "<sources>"}, "what a function names is saved with it"
    new = define("def f(x, seen=[]):\n    return 'new code', seen\nK = 5")
    load = Load(held, new, frozenset())
    out = load.variables(held.names)
    assert out["f"] is new["f"]
    assert out["f"].__defaults__ == ([],), "the session's own is left alone before the restore is sure"
    load.put_in_place()
    assert out["f"](1) == ("new code", [0])
    assert out["f"].calls == 1


CLOSURES = """
def f(x):
    return K * x
K = 2
def outer():
    n = 0
    def inc():
        nonlocal n
        n += 1
        return n
    return inc
count = outer()
count()
lam = lambda v: f(v) + 1
"""


def test_a_function_that_the_session_lacks_is_made_from_the_snapshot() -> None:
    old = define(CLOSURES)
    held = Held(take(old, ["f", "count", "lam"], {}, frozenset()))
    new: dict[str, Any] = {"__name__": "__main__", "K": 10}
    new |= Load(held, new, frozenset()).variables(held.names)
    assert new["f"](3) == 6, "its globals are the session's namespace"
    assert new["lam"](1) == 3
    assert new["count"]() == 2


CLASSES = """
import enum, dataclasses
class Base:
    rate = 1.0
    def who(self): return "base"
class Child(Base):
    sizes = [1]
    def who(self): return "child of " + super().who()
    @staticmethod
    def twice(x): return 2 * x
class Colour(enum.Enum):
    RED = 1
@dataclasses.dataclass
class Point:
    x: int = 1
child, red, point = Child(), Colour.RED, Point(4)
"""


@pytest.mark.parametrize("defined", [True, False], ids=["defined in the session", "made from the snapshot"])
def test_classes_of_the_notebook(defined: bool) -> None:
    old = define(CLASSES)
    old["Child"].rate, old["child"].own = 0.5, old["Child"].sizes
    old["Child"].sizes.append(2)
    held = Held(take(old, ["child", "red", "point", "Child"], {}, frozenset()))
    new = define(CLASSES) if defined else {"__name__": "__main__"}
    load = Load(held, new, frozenset())
    out = load.variables(held.names)
    child = out["child"]
    assert not defined or new["Child"].rate == 1.0, "the session's own is left alone before the restore is sure"
    load.put_in_place()
    assert type(child) is out["Child"]
    assert (type(child) is new.get("Child")) is defined
    assert child.who() == "child of base"
    assert (child.rate, child.own, child.twice(2)) == (0.5, [1, 2], 4)
    assert child.own is out["Child"].sizes
    assert out["red"] is type(out["red"]).RED
    assert (out["point"].x, out["point"]) == (4, type(out["point"])(4))


def test_what_cannot_be_kept_is_named_and_stands_in() -> None:
    lock = threading.Lock()
    lock.acquire()  # nobody would let go of it
    variables = {"__name__": "__main__", "lock": lock, "deep": {"a": [1, lock]}, "good": 1}
    taken = take(variables, ["lock", "deep", "good"], {}, frozenset())
    assert taken.notes == ("deep (_thread.lock)",)  # and not once more for the other name of the same lock
    held = Held(taken)
    out = Load(held, {}, frozenset()).variables(held.names)
    assert (out["good"], out["deep"]["a"][0]) == (1, 1)
    with pytest.raises(LostValue, match=r"'(lock|deep)' held _thread.lock"):
        out["lock"].acquire()
    with pytest.raises(LostValue):
        bool(out["deep"]["a"][1])
    assert "stand-in" in repr(out["lock"])


def test_an_iterator_that_was_lost_under_its_own_name_is_not_left_in_its_middle() -> None:
    rows = csv.reader(["a,b"] * 3)
    namespace = {"__name__": "__main__", "rows": rows}
    under_way = {"_cg_i_b0": enumerate(zip(rows, [1, 2], strict=False))}
    with pytest.raises(Unsaveable, match=r"_csv\.reader"):
        take(namespace, ["rows"], under_way, frozenset())
    with pytest.raises(Unsaveable, match=r"_csv\.reader"):
        take(namespace, [], under_way, frozenset())


class Stubborn:
    def __reduce__(self) -> Any:
        raise ZeroDivisionError("no")


class Poison:
    def __reduce__(self) -> Any:
        return _explode, ()


def _explode() -> None:
    raise ImportError("No module named 'lost_library'")


def test_a_class_that_fails_to_pickle_costs_no_other_variable() -> None:
    taken = take({"__name__": "__main__", "bad": Stubborn(), "good": [1]}, ["bad", "good"], {}, frozenset())
    held = Held(taken)
    assert len(taken.notes) == 1
    assert Load(held, {}, frozenset()).variables(held.names)["good"] == [1]


def test_a_value_that_cannot_be_loaded_is_named_with_what_it_needs() -> None:
    with pytest.raises(RestoreError, match="'bad' can't be loaded here: ImportError: No module named 'lost_library'"):
        there_and_back(bad=Poison())


def test_files_go_on_where_they_stood(tmp_path: Path) -> None:
    source, target = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_text("één\ntwee\ndrie\nvier\n")
    reading, counted = source.open(encoding="utf-8"), source.open(encoding="utf-8")
    writing = target.open("w")
    assert reading.readline() == "één\n"
    lines = enumerate(counted)
    next(lines), next(lines)
    writing.write("kept\n")
    old = {"__name__": "__main__", "r": reading, "w": writing, "lines": lines, "c": counted}
    held = Held(take(old, ["r", "w", "lines", "c"], {}, frozenset()))
    assert next(lines) == (2, "drie\n"), "looking at a file does not move it"
    writing.write("written after the snapshot\n")
    writing.close()
    load = Load(held, {}, frozenset())
    out = load.variables(held.names)
    assert "after" in target.read_text(), "nothing is cut before the restore is sure"
    load.put_in_place()
    assert out["r"].readline() == "twee\n"
    assert next(out["lines"]) == (2, "drie\n")
    out["w"].write("again\n")
    for file in (reading, counted, out["r"], out["w"], out["c"]):
        file.close()
    assert target.read_text() == "kept\nagain\n"


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    with path.open("w") as file:
        held = Held(take({"__name__": "__main__", "f": file}, ["f"], {}, frozenset()))
    path.unlink()
    with pytest.raises(RestoreError, match=r"log\.txt"):
        Load(held, {}, frozenset()).variables(held.names)


def test_files_in_memory_and_the_kernels_own_streams() -> None:
    memory = io.StringIO("abc")
    memory.read(1)
    assert there_and_back(m=memory)["m"].read() == "bc"
    assert there_and_back(stream=sys.stdout)["stream"] is sys.stdout


def test_variables_that_share_come_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(select, "BUDGET_SECONDS", 60.0)
    model = {"w": [1.0]}
    base = np.zeros(4)
    namespace = {"model": model, "alias": model, "deep": [{"m": model["w"]}], "other": [1.0], "row": base[1:],
                 "base": base, "number": 1, "_hidden": 3, "objects": np.array([None, model["w"]], object)}  # fmt: skip
    assert sharers(namespace, ["model"]) == {"alias", "deep", "objects"}
    assert sharers(namespace, ["row"]) == {"base"}


class Colour(enum.Enum):
    RED = 1


@dataclass
class Record:
    colour: Colour
    items: list[int]


def test_importable_classes_go_by_name() -> None:
    record = Record(Colour.RED, [1])
    out = there_and_back(record=record)["record"]
    assert out == record
    assert type(out) is Record


def test_a_generator_that_holds_what_a_variable_lost_is_not_left_in_its_middle() -> None:
    pending: Future[int] = Future()
    names = {"__name__": "__main__", "futures": [pending]}
    waiting = as_completed([pending, done := Future()])
    done.set_result(1)
    next(waiting)

    def by_name(waiting):
        yield from waiting

    next(own := by_name({"first": pending}))
    for generator in (waiting, own):
        with pytest.raises(Unsaveable, match=r"concurrent\.futures\._base\.Future can't be saved"):
            take(names, ["futures"], {"_cg_iter": generator}, frozenset())
    assert take(names, ["futures"], {}, frozenset()).awaited == "futures"

"""A save puts back what it held, variable by variable, all or nothing, and tells beforehand."""

import importlib
import random
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from string import ascii_letters
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colab_guard.core.errors import CorruptSnapshot, ForeignSnapshot, RestoreError, UsageError
from colab_guard.store.manifest import Manifest
from colab_guard.store.repository import Repository
from colab_guard.variables.groups import groups
from colab_guard.variables.loading import Loaded, variables_of
from colab_guard.variables.plan import planned
from colab_guard.variables.store import Saved, _repositories, prepare, save
from colab_guard.variables.taking import take, user_variables
from tests.support.dying import Held
from tests.support.exported import guarded_by


def session(source: str = "") -> dict[str, Any]:
    """The namespace of a notebook in which a cell was run."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(source, namespace)
    return namespace


def states(plan: Any) -> dict[str, str]:
    """What a plan says of each variable, without why."""
    return {row.name: row.state for row in plan.rows}


def grouped(source: str) -> list[list[str]]:
    """The groups of the variables that a cell leaves behind."""
    namespace = session(source)
    return groups(namespace, user_variables(namespace))


# -- what is saved ------------------------------------------------------------------------------------


def test_the_users_variables_are_saved_and_nothing_else() -> None:
    names = {"_": 1, "_3": 1, "In": [], "Out": {}, "exit": 1, "_cg_run": 1, "__doc__": "", "_mine": 1, "x": 2}
    assert user_variables({**names, "sys": sys}) == ["_mine", "x"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a, b = [], []", [["a"], ["b"]]),
        ("a = []; b = (1, {'deep': a}); c = 0", [["a", "b"], ["c"]]),
        ("import numpy as np; a = []; b = np.array([a, 1], dtype=object); c = np.ones(2)", [["a", "b"], ["c"]]),
        ("import numpy as np; a, b = np.ones(3), np.ones(3); c = b[1:]", [["a"], ["b", "c"]]),
        ("import numpy as np; m = memoryview(bytearray(16)); a, b = (np.frombuffer(m, 'u1') for _ in '12'); del m",
         [["a", "b"]]),
        ("class A: pass\na, b = A(), 1\ndef f(): return b", [["A", "a"], ["b"], ["f"]]),
        ("a = b = 'short'; c = d = 'long' * 5000", [["a"], ["b"], ["c", "d"]]),
        ("from collections import OrderedDict as O; a, b = O(), O()", [["O"], ["a"], ["b"]]),
        ("def make(x=[]): return lambda: x\na, b = make(), make()", [["a", "b", "make"]]),
        ("a = []; b = []; c = [a, b]", [["a", "b", "c"]]),
    ],
)  # fmt: skip
def test_variables_that_share_what_changes_are_in_one_group(source: str, expected: list[list[str]]) -> None:
    assert grouped(source) == expected


def test_a_variable_that_no_stand_in_can_save_is_named_and_leaves_the_others(tmp_path: Path) -> None:
    stubborn = "class Stubborn:\n    def __reduce__(self): raise KeyError('no')\na, b = Stubborn(), [1]"
    saved = save(session(stubborn), tmp_path)
    assert saved.not_kept == ("a (Stubborn ('no'))",)
    new = session()
    plan = prepare(new, tmp_path)
    plan.put_back()
    assert (new["b"], states(plan)["a"]) == ([1], "new")
    assert "stand-in" in repr(new["a"])


def test_a_second_save_writes_what_changed(tmp_path: Path) -> None:
    namespace = session(
        "import numpy as np; a, b = np.ones(100_000), np.zeros(100_000); c = list(map(str, range(30_000)))"
    )
    first = save(namespace, tmp_path)
    namespace["a"][5] = 2
    second, third = save(namespace, tmp_path), save(namespace, tmp_path)
    assert first.new_bytes > 1_600_000
    own = 10_000  # at most, of the process itself (settings of libraries that were imported since): no variable's
    assert 0 <= second.new_bytes - 800_000 < own
    assert third.new_bytes < own
    namespace["d"] = 1
    assert save(namespace, tmp_path).new_bytes < 20_000, "a list that did not change is not stored again either"
    here = session()
    prepare(here, tmp_path, ["c"]).put_back()
    assert here["c"] == namespace["c"]
    assert prepare(session(), tmp_path, [str(second.number), "a"]).names == ["a"]
    save(namespace, tmp_path)
    with pytest.raises(UsageError, match="no snapshot 1 "):
        prepare(session(), tmp_path, ["1"])  # the newest three are kept


def test_a_guarded_cells_snapshot_with_a_large_text_is_read(tmp_path: Path) -> None:
    """Its pickles are cut, those of a save never are."""
    guarded_by("text, n = 'large ' * 50_000, 3", tmp_path / "store", tmp_path)
    here = session()
    (number, *_) = (
        str(one.seq) for one in Repository.open(tmp_path / "store").snapshots() if isinstance(one, Manifest)
    )
    prepare(here, tmp_path / "store", [number]).put_back()
    assert (here["text"], here["n"]) == ("large " * 50_000, 3)


# -- what comes back ----------------------------------------------------------------------------------


GRAPHS = st.lists(
    st.tuples(st.sampled_from(["list", "dict", "tuple", "array"]), st.lists(st.integers(0, 7), max_size=3)),
    min_size=1,
    max_size=8,
)


def shape(things: list[Any]) -> list[Any]:
    """What tells two graphs of objects apart, sharing included: each object by its number when it is first met."""
    numbers: dict[int, int] = {}

    def walk(thing: Any) -> Any:
        if isinstance(thing, int):
            return thing
        if id(thing) in numbers:
            return f"again {numbers[id(thing)]}"
        if not isinstance(thing, tuple):  # of which there may as well be two
            numbers[id(thing)] = len(numbers)
        inside = thing.tolist() if isinstance(thing, np.ndarray) else thing
        return [type(thing).__name__, *map(walk, inside.values() if isinstance(inside, dict) else inside)]

    return [walk(thing) for thing in things]


@settings(deadline=None)
@given(GRAPHS, st.sets(st.integers(0, 7), min_size=1))
def test_whatever_is_restored_shares_what_it_shared(graph: list[tuple[str, list[int]]], some: set[int]) -> None:
    """Random objects that hold one another; all, or some of them, come back, never as copies of one another."""
    made: list[Any] = []
    for number, (kind, parts) in enumerate(graph):
        inside = [made[part] if part < number else part for part in parts]
        array = np.empty(len(inside), object)
        array[:] = inside
        filled = {"list": inside, "dict": dict(enumerate(inside)), "tuple": tuple(inside), "array": array}
        made.append(filled[kind])
    for thing, (kind, parts) in zip(made, graph, strict=True):
        if kind == "list":
            thing.extend(made[part] for part in parts if part < len(made) and part % 2)  # cycles too
    old = session() | {f"v{number}": thing for number, thing in enumerate(made)}
    body, blobs = take(old)
    names = {f"v{number}" for number in some if number < len(made)} or {"v0"}
    loaded = Loaded(Held.of(body["names"], blobs), session(), body, names)
    assert loaded.unreadable == {}
    order = sorted(names)
    assert shape([loaded.values[name] for name in order]) == shape([old[name] for name in order])


def test_a_variable_that_is_the_same_here_is_left_alone(tmp_path: Path) -> None:
    source = "import numpy as np; a = [1, 'x']; b = {'a': a}; c = np.ones(3); d = 1\ndef f(x=[2]): return x"
    here = session(source)
    save(here, tmp_path)
    before = dict(here)
    assert set(states(prepare(here, tmp_path)).values()) == {"same as here"}
    here["a"] = [1, "x"]  # equal, but no longer what b holds
    here["f"](), here["f"].__defaults__[0].append(3)
    plan = prepare(here, tmp_path)
    assert states(plan) == dict.fromkeys("abf", "overwritten") | dict.fromkeys("cd", "same as here")
    plan.put_back()
    assert here["b"]["a"] is here["a"] is not before["a"]
    assert here["c"] is before["c"]
    assert here["f"] is before["f"]
    assert here["f"]() == [2]


def test_what_could_not_be_kept_leaves_the_sessions_own(tmp_path: Path) -> None:
    with socket.socket() as plug:
        save(session() | {"plug": plug}, tmp_path)
    here = session("plug = 'mine'")
    plan = prepare(here, tmp_path)
    assert (states(plan), plan.names) == ({"plug": "left alone"}, [])


@pytest.mark.filterwarnings("ignore:unclosed file")  # one that was loaded and not put back is closed when let go
def test_only_what_is_named_is_touched(tmp_path: Path) -> None:
    log = tmp_path / "log"
    source = "class C:\n    rate = 1\nc = C()\nc.n = 1\nkept = [c]"
    old = session(source)
    with log.open("w") as file:
        file.write("one")
        shared: list[int] = []
        old |= {"file": file, "also": [file, shared], "other": shared}
        save(old, tmp_path)
        file.write(" two")
    here = session(source + "\nC.rate = 2; c.n = 2; kept = 0")
    state = here["random_before"] = random.getstate()
    prepare(here, tmp_path, ["c", "other"]).put_back()
    assert (here["c"].n, type(here["c"]) is here["C"], here["C"].rate, here["kept"]) == (1, True, 2, 0)
    assert (random.getstate(), log.read_text()) == (state, "one two")
    plan = prepare(here, tmp_path, ["C", "file"])
    assert f"It also cuts {log} from 7 to 3 bytes, which can't be undone." in str(plan)
    assert (here["C"].rate, log.read_text()) == (2, "one two"), "nothing is touched by a plan"
    plan.put_back()
    assert (here["C"].rate, log.read_text()) == (1, "one")
    here["file"].close()


def test_where_a_part_fails_the_session_is_as_it_was(tmp_path: Path) -> None:
    log = tmp_path / "log"
    source = "class C:\n    rate = 1\ndef f(x=[1]): return x\na = [1]; b = 1"
    old = session(source)
    with log.open("w") as file:
        save(old | {"file": file}, tmp_path)
    here = session(source + "\nC.rate = 2; C.more = 3; a = [2]; f.k = 4; del b\nf()[0] = 5")
    plan = prepare(here, tmp_path)
    before, state = dict(here), random.getstate()
    random.random()
    now = random.getstate()
    log.unlink()  # so that it can't be cut, which is the last that is done
    with pytest.raises(RestoreError, match=r"session is as it was.*No such file"):
        plan.put_back()
    assert here == before
    assert all(here[name] is before[name] for name in before)
    assert (here["C"].rate, here["C"].more, here["f"].k, here["f"]()) == (2, 3, 4, [5])
    assert random.getstate() == now != state
    plan._loaded.values["file"].close()


# -- what can't be read here --------------------------------------------------------------------------


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """An importable module with a class, which a test takes away again."""
    (tmp_path / "vanishing.py").write_text("class Thing: pass\nclass Picky:\n    def __init__(self, x): self.x = x\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("vanishing")
    sys.modules.pop("vanishing", None)


def test_what_is_stored_behind_the_unreadable_is_never_guessed(tmp_path: Path, module: ModuleType) -> None:
    old = session("import numpy as np; shared = [1]; alone = np.ones(2); early = [shared]; last = {'shared': shared}")
    old["middle"] = module.Thing()
    old["middle"].parts = old["shared"], np.ones(2)
    save(old, tmp_path / "store")
    Path(str(module.__file__)).unlink()
    del sys.modules["vanishing"]
    importlib.invalidate_caches()
    here = session()
    plan = prepare(here, tmp_path / "store")
    assert states(plan) == {
        "alone": "new", "early": "new", "last": "new", "middle": "unreadable here", "shared": "unreadable here",
    }  # fmt: skip
    assert "vanishing" in plan.unreadable["middle"]
    assert "stored behind middle" in plan.unreadable["shared"]
    plan.put_back()
    assert here["early"][0] is here["last"]["shared"]
    assert prepare(session(), tmp_path / "store", ["early", "last"]).names == ["early", "last"]


def test_a_class_that_changed_makes_one_variable_unreadable_and_says_why(tmp_path: Path, module: ModuleType) -> None:
    old = session() | {"thing": module.Thing(), "good": 1}
    save(old, tmp_path / "store")
    module.Thing.__setstate__ = lambda self, state: 1 / 0  # type: ignore[attr-defined]
    old["thing"].x = 1
    save(old, tmp_path / "store")
    plan = prepare(session(), tmp_path / "store")
    assert plan.unreadable == {"thing": "ZeroDivisionError: division by zero"}
    assert plan.names == ["good"]


# -- which save ---------------------------------------------------------------------------------------


def test_a_damaged_save_is_passed_over_by_name(tmp_path: Path) -> None:
    saves = [save(session(f"x = {number}"), tmp_path) for number in range(2)]
    last, first = ({blob.pack for blob in one.blobs} for one in Repository.open(tmp_path).snapshots())
    (name,) = last - first
    pack = tmp_path / "packs" / f"{name}.pack"
    pack.write_bytes(b"\0" * pack.stat().st_size)
    here = session()
    plan = prepare(here, tmp_path)
    assert plan.title.startswith("passed over: ")
    plan.put_back()
    assert here["x"] == 0
    with pytest.raises(CorruptSnapshot):
        prepare(here, tmp_path, [str(saves[1].number)])


def test_a_word_that_is_both_a_save_and_a_variable_is_refused(tmp_path: Path) -> None:
    saved: Saved = save(session("x = 1"), tmp_path, "x")
    with pytest.raises(UsageError, match=f"give the save's number, {saved.number}"):
        prepare(session(), tmp_path, ["x"])


def test_snapshots_of_cells_have_one_group(tmp_path: Path) -> None:
    body = {"names": ["a", "_cg_i", "1:b", "<process>", "<sources>"], "hidden": ["_cg_i"]}
    assert variables_of(body) == ["a"]


def test_a_plan_leaves_the_process_alone_unless_everything_is_restored() -> None:
    body, blobs = take(session("a = 1"))
    loaded = Loaded(Held.of(body["names"], blobs), {}, body, {"a"})
    assert planned("", loaded, {}, everything=False).also == ()


def test_a_secret_is_not_in_a_save_and_the_sessions_own_is_used(tmp_path: Path) -> None:
    old, new = (f"hf_{''.join(random.Random(seed).choices(ascii_letters, k=34))}" for seed in (1, 2))
    saved = save({"__name__": "__main__", "config": {"token": old, "rate": 1}}, tmp_path)
    assert "the secret in config['token']" in str(saved)
    assert not any(old.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    namespace = {"__name__": "__main__", "config": {"token": new, "rate": 2}}
    prepare(namespace, tmp_path).put_back()
    assert namespace["config"] == {"token": new, "rate": 1}


def test_a_secret_that_this_session_lacks_is_told_in_words_and_not_counted(tmp_path: Path) -> None:
    token = f"hf_{''.join(random.Random(1).choices(ascii_letters, k=34))}"
    save({"__name__": "__main__", "token": token, "rate": 1}, tmp_path)
    plan = prepare({"__name__": "__main__"}, tmp_path)
    assert plan.names == ["rate"]
    [row] = [row for row in plan.rows if row.name == "token"]
    assert (row.kind, row.why) == ("stand-in", "a Hugging Face token could not be kept")


def test_a_save_of_somebody_elses_is_refused_by_name_unless_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as theirs:
        theirs.setenv("COLAB_GUARD_KEY", "ab" * 32)
        save({"__name__": "__main__", "x": 1}, tmp_path)
    _repositories.clear()
    with pytest.raises(ForeignSnapshot, match="is not yours"):
        prepare({"__name__": "__main__"}, tmp_path)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    prepare(namespace, tmp_path, trust=True).put_back()
    assert namespace["x"] == 1

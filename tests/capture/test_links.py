"""Linked variables: not stored, found again by name, the same objects and the same memory as everywhere else."""

import ast
from collections import OrderedDict
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import TensorDataset

from colab_guard.capture import links
from colab_guard.capture.links import Links, choose, written_names
from colab_guard.capture.take import take
from colab_guard.core.errors import RestoreError, UsageError
from tests.support.linked import BIG, Notebook, stored_bytes


def test_a_large_input_is_linked_and_not_stored() -> None:
    notebook = Notebook(BIG + "small = np.zeros(8)", "total = X.sum() + small.sum()")
    assert set(notebook.links.fingerprints) == {"X"}
    taken = notebook.take()
    assert stored_bytes(taken) < 30_000 < notebook.namespace["X"].nbytes
    out = notebook.next_life(taken)
    assert out["X"] is out["old"]["X"]


def test_the_largest_are_linked_until_the_rest_is_small_enough() -> None:
    above = "a, b, c = (np.zeros(n, np.uint8) for n in (900, 600, 300))"
    for threshold, linked in [(1800, set()), (1799, {"a"}), (900, {"a"}), (899, {"a", "b"}), (0, {"a", "b", "c"})]:
        notebook = Notebook(above, "a, b, c".replace(",", ";"), threshold_bytes=threshold)
        assert set(notebook.links.fingerprints) == linked


@pytest.mark.parametrize(
    ("more", "linked"),
    [
        ("A = X[5:]\nZ = X[:, 2]", {"X"}),
        ("Y = X\nX = Y[5:]\nZ = X[1:]", {"Y"}),
        ("A = pd.DataFrame(X.copy())\nX = A[2].to_numpy()", {"A"}),
    ],
)
def test_of_those_that_share_memory_the_one_that_sees_most_is_linked(more: str, linked: set[str]) -> None:
    notebook = Notebook(BIG + more, "X; A; Z; Y")
    assert set(notebook.links.fingerprints) == linked
    assert stored_bytes(notebook.take()) < 30_000


def test_what_has_very_many_parts_is_linked_only_where_it_is_asked_for() -> None:
    above = "X = [np.zeros(1) for _ in range(10_001)]"
    assert Notebook(above, "X").links.fingerprints == {}
    assert set(Notebook(above, "X", asked=("X",)).links.fingerprints) == {"X"}


@pytest.mark.parametrize(
    ("cell", "linked"),
    [
        ("X.sum()", True), ("X = X + 1", False), ("X += 1", False), ("X[0] = 1", False), ("X[0][1] += 1", False),
        ("del X", False), ("X.flags.writeable = False", False), ("T.add_(1); X", True), ("for X in X: pass", False),
        ("Y = X[0]", True),
    ],
)  # fmt: skip
def test_what_the_cell_is_seen_to_change_is_never_linked(cell: str, linked: bool) -> None:
    notebook = Notebook(BIG + "T = torch.zeros(8)", cell)
    assert set(notebook.links.fingerprints) == ({"X"} if linked else set())


def test_written_names() -> None:
    cell = "a[0] = 1; b.c.d += 1; del e[f].g; h.add_(i); j.k_l(); (l, m[0]) = n; o().p = 1; q.__init__()"
    assert written_names(ast.parse(cell)) == {"a", "b", "e", "h", "m"}


SHARED = {
    "a view": ("V = X[10:20:2, ::-1]", "V", "X"),
    "a view of a view": ("W = X[10:]\nV = W.T[1:]", "V", "X"),
    "a view with other bytes": ("V = X.view(np.uint8)[3:]", "V", "X"),
    "a read-only view": ("V = X[1:]\nV.flags.writeable = False", "V", "X"),
    "a tensor twin": ("T = torch.from_numpy(X)", "T", "X"),
    "a tensor of a part": ("T = torch.from_numpy(X[5:])[:, 1]", "T", "X"),
    "a tensor's slice": ("X = torch.from_numpy(X.copy())\nT = X[3:, 2]", "T", "X"),
    "a tensor's numpy twin": ("X = torch.from_numpy(X).clone()\nV = X.numpy()[4:]", "V", "X"),
    "a tensor's twin's tensor": ("X = torch.from_numpy(X).clone()\nV = torch.from_numpy(X.numpy()[4:])", "V", "X"),
    "a view of what X views": ("base_too = X\nX = X[:500]\nV = base_too[400:]", "V", "X"),
    "a frame's column": ("X = pd.DataFrame(X)\nV = X[3].to_numpy()", "V", "X"),
    "a frame's values": ("X = pd.DataFrame(X)\nV = X.to_numpy()[5:]", "V", "X"),
    "an array in a dict": ("X = {'a': X, 'b': 1}\nV = X['a'][3:]", "V", "X"),
    "a read-only memory": ("X = np.frombuffer(X.tobytes())\nV = X[4:]", "V", "X"),
    "a dataset's tensor": ("X = TensorDataset(torch.from_numpy(X))\nV = X.tensors[0][7:]", "V", "X"),
}


def memory(thing: Any) -> np.ndarray:
    """The array whose memory is to be that of the session."""
    if isinstance(thing, dict):
        return thing["a"]
    if isinstance(thing, TensorDataset):
        return thing.tensors[0].numpy()
    if isinstance(thing, pd.DataFrame):
        return thing._mgr.blocks[0].values
    return thing.numpy() if isinstance(thing, torch.Tensor) else thing


@pytest.mark.parametrize("kind", SHARED)
def test_what_looks_at_linked_memory_looks_at_the_sessions(kind: str) -> None:
    more, looks, at = SHARED[kind]
    notebook = Notebook(f"{BIG}{more}", f"{looks}; {at}", asked=(at,))
    taken = notebook.take()
    assert set(taken.links) >= {at}
    assert stored_bytes(taken) < 30_000
    out = notebook.next_life(taken)
    assert out[at] is out["old"][at]
    new, old = out[looks], out["old"][looks]
    assert np.array_equal(np.asarray(new), np.asarray(old))
    assert (new.shape, str(new.dtype)) == (old.shape, str(old.dtype))
    assert memory(new).__array_interface__["data"] == memory(old).__array_interface__["data"]
    if isinstance(new, np.ndarray):
        assert new.strides == old.strides
        assert new.flags.writeable == old.flags.writeable
    # And once more: what a resumed session holds is taken as well as what the first one held.
    notebook.namespace = out
    again = notebook.take()
    assert stored_bytes(again) < 30_000
    assert set(again.links) == set(taken.links)


def test_objects_inside_a_linked_container_stay_the_same_objects() -> None:
    notebook = Notebook(
        BIG + "data = {'x': X, 'more': [[1, 2], {'deep': X[:2].copy()}]}\ninner = data['more'][1]\nlist_ = [inner, X]\n"
        "dataset = TensorDataset(torch.from_numpy(X))\nloader = DataLoader(dataset)\ntensor = dataset.tensors[0]",
        "data; inner; list_; loader; tensor",
        asked=("data",),
    )
    out = notebook.next_life()
    old = out["old"]
    assert out["data"] is old["data"]
    assert out["inner"] is out["list_"][0] is old["data"]["more"][1]
    assert out["list_"][1] is old["X"] is old["data"]["x"]
    assert out["loader"].dataset.tensors[0] is out["tensor"]
    out["old"]["X"][0, 0] = 42
    assert out["tensor"][0, 0] == 42


def test_iterators_over_linked_data_go_on() -> None:
    notebook = Notebook("X = [np.full(500, i) for i in range(5)]\nit = enumerate(X)\nnext(it), next(it)", "X; it")
    out = notebook.next_life()
    number, item = next(out["it"])
    assert number == 2
    assert item is out["old"]["X"][2]


@pytest.mark.parametrize(
    "change",
    [
        "X[3, 3] += 1", "X = X.copy() + 1", "X = X.astype('f4')", "del X", "torch.from_numpy(X).add_(1)",
        "X.shape = (8, 1000)", "X[0, 0] = np.nan",
    ],
)  # fmt: skip
def test_a_change_during_the_run_is_noticed_and_stored_from_then_on(change: str) -> None:
    notebook = Notebook(BIG, "X.sum()")
    first = notebook.take()
    assert not first.remarks
    exec(change, notebook.namespace)
    second = notebook.take()
    assert second.links == {}
    [remark] = second.remarks
    assert remark.startswith("X was linked, and is stored in snapshots from now on: ")
    out = notebook.next_life(second)
    if "X" in notebook.namespace:
        assert out["X"] is not out["old"]["X"]
        assert np.array_equal(out["X"], notebook.namespace["X"], equal_nan=True)
    assert notebook.take().remarks == (), "said once"


def test_an_equal_value_under_the_same_name_is_no_change() -> None:
    notebook = Notebook(BIG, "X.sum()")
    notebook.namespace["X"] = notebook.namespace["X"].copy()
    assert set(notebook.take().links) == {"X"}


MODEL = """
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(50, 50), torch.nn.BatchNorm1d(50), torch.nn.Linear(50, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.1, fused=True)
weights = [p.detach() for p in model.parameters()]
state = model.state_dict()
running = model[1].running_mean
arrays = {n: p.detach().numpy() for n, p in model.named_parameters()}
parameters = list(model.parameters())
X = torch.randn(100, 50)
def step():
    optimizer.zero_grad()
    model(X).pow(2).mean().backward()
    optimizer.step()
"""


def test_what_a_model_holds_is_never_linked_by_itself() -> None:
    names = "model; optimizer; weights; state; running; arrays; parameters; X; step"
    notebook = Notebook(MODEL, names, threshold_bytes=0)
    assert set(notebook.links.fingerprints) == {"X"}


@pytest.mark.parametrize("name", ["weights", "state", "running", "arrays"])
def test_training_by_fused_optimizers_and_batch_norm_is_noticed(name: str) -> None:
    notebook = Notebook(MODEL, f"{name}; step", asked=(name,), threshold_bytes=10**9)
    notebook.links = choose(notebook.namespace, {name}, ast.parse(name), set(), (name,))
    notebook.names = {name}
    assert set(notebook.take().links) == {name}
    notebook.namespace["step"]()
    taken = notebook.take()
    assert taken.links == {}
    assert len(taken.remarks) == 1
    out = notebook.next_life(taken)[name]
    pairs = zip(*(x.values() if isinstance(x, dict) else x for x in (out, notebook.namespace[name])), strict=True)
    assert all(np.array_equal(new, old) for new, old in pairs)


@pytest.mark.parametrize("name", ["model", "parameters", "optimizer"])
def test_what_is_trained_is_refused_when_it_is_asked_for(name: str) -> None:
    with pytest.raises(UsageError, match=rf"--link {name}: it can't be linked \(.* trained\)"):
        Notebook(MODEL, name, asked=(name,))


def test_a_linked_variable_that_a_stored_one_overlaps_in_part_is_stored() -> None:
    above = "raw = bytearray(4000)\nX = np.frombuffer(raw, np.uint8, 3000)\ny = np.frombuffer(raw, np.uint8, -1, 2000)"
    notebook = Notebook(above, "X; y", asked=("X",), threshold_bytes=10**9)
    taken = notebook.take()
    assert taken.links == {}
    assert "shares memory with what is stored" in taken.remarks[0]
    out = notebook.next_life(taken)
    out["X"][2500] = 7
    assert out["y"][500] == 7


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (BIG.replace("rng(1)", "rng(2)"), "the content of X is another"),
        (BIG + "X[-1, -1] += 1e-9", "the content of X is another"),
        (BIG + "X = np.asfortranarray(X)", "the content of X is another"),
        (BIG + "X = X.astype('f4').astype('f8')", "the content of X is another"),
        (BIG + "X = X[:-1]", "the content of X is another"),
        (BIG + "X = X.tolist()", "the content of X is another"),
        (BIG + "X = torch.nn.Linear(2, 2)", "the content of X is another"),
        ("Y = 1", "there is no X in this session"),
    ],
)
def test_other_data_in_the_new_session_is_an_error_that_names_it(other: str, what: str) -> None:
    notebook = Notebook(BIG, "X.sum()")
    notebook.above = other
    with pytest.raises(RestoreError, match=what) as caught:
        notebook.next_life()
    for part in ("does not hold X,", "Nothing was changed", "--fresh", "--link off", "Load the same data"):
        assert part in str(caught.value)


def test_all_that_differ_are_named_at_once() -> None:
    notebook = Notebook(BIG + "Y, Z = X * 2, X * 3", "X; Y; Z", threshold_bytes=0)
    notebook.above = BIG + "Y = X"
    with pytest.raises(RestoreError, match=r"no Z in this session; the content of Y is another"):
        notebook.next_life()


def test_what_lies_in_memory_in_another_way_is_refused() -> None:
    notebook = Notebook("X = pd.DataFrame({'a': range(500), 'b': range(500)}).astype('f8')\nV = X.to_numpy()[2:]",
                        "X; V", asked=("X",))  # fmt: skip
    taken = notebook.take()
    notebook.above = "X = pd.DataFrame()\nX['a'] = np.arange(500.0)\nX['b'] = np.arange(500.0)\nV = 1"
    with pytest.raises(RestoreError, match="'X' is linked, and a part of it is not found"):
        notebook.next_life(taken)


def test_names_that_can_not_be_linked() -> None:
    for cell, asked, what in [
        ("X", "nope", "there is no such variable"),
        ("X[0] = 1", "X", "the cell changes it"),
        ("lock", "lock", "it can't be linked"),
    ]:
        with pytest.raises(UsageError, match=what):
            Notebook(BIG + "import threading\nlock = threading.Lock()", cell, asked=(asked,))


def test_a_frame_that_pandas_rearranges_in_memory_has_not_changed() -> None:
    above = "X = pd.DataFrame({'a': np.arange(500.0)})\nX['b'] = np.arange(500.0)\nX['c'] = 1.5"
    notebook = Notebook(above, "X.sum()")
    assert set(notebook.links.fingerprints) == {"X"}
    frame = notebook.namespace["X"]
    assert len(frame._mgr.blocks) == 3
    frame._mgr._consolidate_inplace()
    assert len(frame._mgr.blocks) < 3
    assert set(notebook.take().links) == {"X"}


def test_nothing_of_linking_is_left_where_nothing_is_linked() -> None:
    namespace = {"__name__": "__main__", "x": OrderedDict(a=np.zeros(500))}
    plain = take(namespace, ["x"], {}, frozenset())
    asked = take(namespace, ["x"], {}, frozenset(), links=Links())
    assert bytes(plain.skeleton)[:100] == bytes(asked.skeleton)[:100]
    assert (plain.links, plain.remarks) == ({}, ())
    assert links.THRESHOLD_BYTES == 256_000_000

"""Each tensor is told by the variable that reaches it, and by what else keeps it; looking changes and keeps nothing."""

import collections
import functools
import gc
import itertools
import sys
import types
import weakref

import numpy as np
import pytest
import torch
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset

from colab_guard.gpumem import reach as reach_module
from colab_guard.gpumem.reach import UNNAMED, reach, tensors
from tests.gpumem.session import Session

LENGTHS = itertools.count(7919)  # of the tensors that are looked for: no other one in this process is as long


def sought():
    return torch.zeros(next(LENGTHS))


class Slots:
    __slots__ = ("held",)

    def __init__(self, held):
        self.held = held


class Holder:
    def __init__(self, held):
        self.held = held

    def method(self):
        return self


def closure(held):
    return lambda: held


def generator(held):
    yield held


def started(iterator):
    next(iterator)
    return iterator


def caught(held):
    try:
        raise ValueError(len(held))
    except ValueError as error:
        return error


def tied(held):
    held.extra = torch.zeros(3)
    return held


PLACES = {
    "x": lambda t: t,
    "x[2]": lambda t: [0, 1, t],
    "x['a'][1]": lambda t: {"a": (0, t)},
    "x[3]": lambda t: {3: t},
    "x.held": Holder,
    "x.held.held": lambda t: Holder(Holder(t)),
    "x…": Slots,
    "x (one of it)": lambda t: {t},
    "x[…]": lambda t: {("a", 1): t},
    "x (a key of it)": lambda t: {t: 1},
    "x[0]": lambda t: collections.deque([t]),
    "x's held": closure,
    "x.__self__.held": lambda t: Holder(t).method,
    "x…[0].held": lambda t: functools.partial(print, Holder(t)),
    "held in generator(), which x keeps": lambda t: started(generator(t)),
    "held in caught(), which x keeps": caught,
    "x[1]": lambda t: np.array([None, t], dtype=object),
    "x.dataset.tensors[0]": lambda t: DataLoader(TensorDataset(t)),
    "x.0.layers[0]": lambda t: torch.nn.Sequential(types_module(t)),
    "x.kept": lambda t: buffered(t),
    "x.extra": lambda t: attached(t),
}


def types_module(held):
    module = torch.nn.Module()
    module.layers = [held]
    return module


def buffered(held):
    module = torch.nn.Module()
    module.register_buffer("kept", held)
    return module


def attached(held):
    small = torch.zeros(1)
    small.extra = held
    return small


@pytest.mark.parametrize("name", PLACES)
def test_a_tensor_is_found_wherever_it_is_held(name):
    tensor = sought()
    found = Session(x=PLACES[name](tensor)).named(tensor)
    assert (found.name, found.variable) == (name, "x")
    assert (found.size_bytes, found.device, found.dtype) == (tensor.nbytes, "cpu", "float32")
    assert found.shape == tensor.shape


def test_a_model_and_its_optimizer_are_called_as_a_user_would_and_are_what_stays():
    length = next(LENGTHS)
    model = torch.nn.Sequential(collections.OrderedDict(encoder=torch.nn.Linear(length, 2, bias=False)))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, length)).sum().backward()
    optimizer.step()
    session = Session(optimizer=optimizer, model=model)
    found = [one for one in reach(session).tensors if one.size_bytes == 8 * length]
    assert {one.name: one.state for one in found} == {
        "model.encoder.weight": True,
        "model.encoder.weight.grad": True,
        "optimizer.state[model.encoder.weight]['exp_avg']": True,
        "optimizer.state[model.encoder.weight]['exp_avg_sq']": True,
    }
    (weight,) = [one for one in found if one.name == "model.encoder.weight"]
    assert "optimizer.param_groups[0]['params'][0]" in weight.keepers


def test_what_backward_still_needs_is_told_as_the_graph_of_what_keeps_it():
    """``total += loss`` is the usual leak: each graph of all iterations stays."""
    weight = sought().requires_grad_()
    total = torch.zeros(())
    for _ in range(3):
        total = total + (weight * 2).pow(2).sum()
    session = Session(total=total)
    graphs = [one for one in reach(session).tensors if one.name == "graph of total" and one.shape == weight.shape]
    assert len(graphs) == 3
    assert dict(reach(session).by_variable())["total"] >= 3 * weight.nbytes
    total.backward()
    assert [one for one in reach(session).tensors if one.name == "graph of total" and one.shape == weight.shape] == []


def test_looking_calls_no_hook_and_computes_nothing():
    runs = []

    def layer(x):
        runs.append(1)
        return (x * 2).relu()

    weight = sought().requires_grad_()
    out = checkpoint(layer, weight * 1, use_reentrant=False).sum()
    assert len(runs) == 1
    reach(Session(out=out))
    assert len(runs) == 1
    out.backward()


def test_views_of_one_memory_count_once_and_are_told_as_what_else_keeps_it():
    tensor = sought()
    session = Session(a=tensor, views={"b": tensor[5:], "c": tensor.view(-1, 1)})
    found = session.named(tensor)
    assert found.name == "a"
    assert found.keepers == ("views['b']", "views['c']")


def test_variables_come_first_then_what_was_displayed_then_the_last_error():
    tensor = sought()
    session = Session()

    def train(batch):
        held = [batch]
        raise ValueError(len(held))

    session.fails(functools.partial(train, tensor))
    assert session.named(tensor).name == "batch in train(), of the last traceback"
    assert session.named(tensor).keepers[0] == "held[0] in train(), of the last traceback"
    session.out["Out[3]"] = tensor
    assert session.named(tensor).name == "Out[3]"
    session.namespace["x"] = Holder(tensor)
    assert session.named(tensor).name == "x.held"
    assert session.named(tensor).keepers[0] == "Out[3]"


def test_frames_of_what_an_error_came_from_are_found_too():
    tensor = sought()
    session = Session()

    def deep(x):
        raise ValueError(len(x))

    def train(x):
        try:
            deep(x)
        except ValueError as error:
            del x
            raise RuntimeError("it is told of, and the one that it came from too") from error

    session.fails(functools.partial(train, tensor))
    assert session.named(tensor).name == "x in deep(), of the last traceback"


def test_a_function_under_way_is_named():
    session = Session()

    def train(batch):
        session.frames = [sys._getframe()]
        return session.named(batch).name

    assert train(sought()) == "batch in train(), which is running"


def test_what_has_no_name_is_told_with_the_kind_of_what_keeps_it():
    gc.disable()
    try:
        tensor = sought()
        loop = [Slots(tensor)]
        loop.append(loop)
        shape = tensor.shape
        del tensor, loop
        (lost,) = [one for one in reach(Session()).tensors if one.shape == shape]
        assert (lost.name, lost.keepers) == (UNNAMED, ("a Slots",))
    finally:
        gc.enable()
        gc.collect()


def test_who_holds_what_has_no_name_is_looked_for_of_the_largest_only(monkeypatch):
    asked = []
    monkeypatch.setattr(reach_module, "_holders", lambda *about: asked.append(about) or ("a list",))
    kept = [torch.zeros(n) for n in range(20_000, 20_030)]
    lost = [one for one in reach(Session()).tensors if one.name == UNNAMED]
    assert len(lost) >= len(kept)
    assert len(asked) == reach_module.MOST_ASKED
    assert [one.keepers for one in lost[: len(asked)]] == [("a list",)] * len(asked)


def test_a_report_keeps_nothing_alive():
    before = len(tensors())
    session = Session(x=[sought()], loss=(torch.ones(9, requires_grad=True) * 2).sum())
    report = reach(session)
    del session
    gc.collect()
    assert len(report.tensors) >= 3
    assert len(tensors()) == before


def test_what_cannot_be_looked_into_stands_in_no_others_way():
    class Awkward(dict):
        def items(self):
            raise RuntimeError("no")

    class Endless(list):
        def __iter__(self):
            raise RuntimeError("no")

    class Proxy:
        @property
        def __class__(self):
            raise RuntimeError("no")

    tensor = sought()
    odd = [torch.zeros(2, device="meta"), torch.eye(3).to_sparse(), Proxy(), weakref.proxy(Session)]
    session = Session(odd=odd, lazy=torch.nn.LazyLinear(2), x=Endless([Awkward(a=tensor)]))
    assert session.named(tensor).name == "x[0]['a']"


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested:UserWarning", "ignore:Sparse:UserWarning")
def test_tensors_of_other_layouts_count_what_they_hold():
    sparse = torch.eye(1000).to_sparse()
    rows = torch.eye(1001).to_sparse_csr()
    nested = torch.nested.nested_tensor([torch.zeros(1002), torch.zeros(3)])
    found = {one.name: one for one in reach(Session(sparse=sparse, rows=rows, nested=nested)).tensors}
    assert found["sparse"].size_bytes == 1000 * (2 * 8 + 4)
    assert found["rows"].size_bytes == 1001 * (8 + 4) + 1002 * 8
    assert (found["nested"].size_bytes, found["nested"].shape) == (1005 * 4, None)


def test_modules_other_functions_globals_and_the_shell_are_not_walked_through():
    shell = Holder({"hidden": sought()})
    module = types.ModuleType("helpers")
    module.tensor = sought()
    session = Session(module=module, shell=shell)
    session.runners = lambda: [session, session.namespace, shell]
    assert session.named(module.tensor).name == session.named(shell.held["hidden"]).name == UNNAMED


def test_so_many_objects_that_not_all_are_looked_at_is_said(monkeypatch):
    monkeypatch.setattr(reach_module, "MOST_OBJECTS", 50)
    session = Session(x=[[] for _ in range(100)], y=sought())
    assert reach(session).complete is False
    assert session.named(session.namespace["y"]).name == "y", "variables themselves are met first"

"""A digest changes exactly when something a program can see changes."""

import importlib.util
import random
from collections import OrderedDict, deque
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chaos.compare import Walk, digests


@dataclass
class Point:
    x: float
    y: float = 0.0


def digest(value):
    return Walk().digest(value)


def sharing(**names):
    return digests(names, names)["(sharing)"]


DIFFERENT = [
    1, 1.0, True, 1 + 0j, "1", b"1", None, [1], (1,), {1}, frozenset({1}), {1: 1}, {"1": 1}, deque([1]),
    deque([1], maxlen=1), OrderedDict({1: 1}), -0.0, 0.0, float("nan"), 1.0000000000000002, [1, 2], [2, 1],
    [[1], 2], {1: 2, 3: 4}, {3: 4, 1: 2}, Point(1.0), Point(1.0, 1.0), random.Random(1), random.Random(2),
    iter([1, 2]), range(3), int, Point,
]  # fmt: skip


def test_different_values_have_different_digests():
    seen = {}
    for value in DIFFERENT:
        other = seen.setdefault(digest(value), value)
        assert other is value, (other, value)


def test_equal_values_have_equal_digests():
    assert digest({"a": [1.5, {2, 3}], "b": Point(1)}) == digest({"a": [1.5, {3, 2}], "b": Point(1)})
    assert digest({f"w{i}" for i in range(50)}) == digest({f"w{i}" for i in reversed(range(50))})


def test_cycles_end():
    def knot(value):
        cycle = [value]
        cycle.append(cycle)
        return cycle

    assert digest(knot(1)) == digest(knot(1)) != digest(knot(2))


def test_state_of_functions_and_mutable_defaults_counts():
    def make(*defaults):
        def count(x, seen=list(defaults)):  # noqa: B006 -- this is what is tested
            return seen

        return count

    assert digest(make(1)) == digest(make(1)) != digest(make(1, 2))


def test_what_variables_share_is_seen():
    one, same = [1], [1]
    assert sharing(a=one, b=one) != sharing(a=one, b=same)
    assert sharing(a=one, b={"x": one}) != sharing(a=one, b={"x": same})


def test_an_absent_variable_is_a_difference():
    assert digests({}, ["x"])["x"] == "(absent)"


def test_numpy_bits_dtypes_shapes_views_and_generators():
    np = pytest.importorskip("numpy")
    base = np.arange(6.0)
    assert digest(base) == digest(base.copy())
    for other in (base.reshape(2, 3), base.astype("f4"), base + 1e-15, np.array(list(base), dtype=object)):
        assert digest(base) != digest(other)
    assert sharing(a=base, b=base[2:]) != sharing(a=base, b=base[2:].copy())
    first, second = np.random.default_rng(1), np.random.default_rng(1)
    assert digest(first) == digest(second)
    second.random()
    assert digest(first) != digest(second)


def test_pandas_values_dtypes_and_names():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    assert digest(frame) == digest(frame.copy())
    twice = frame.rename(columns={"b": "a"})
    for other in (frame.rename(columns={"a": "c"}), frame[["b", "a"]], frame.set_axis([5, 6]), frame.iloc[::-1], twice):
        assert digest(frame) != digest(other)


def test_torch_parameters_gradients_flags_and_optimizers():
    torch = pytest.importorskip("torch")

    def build():
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout(0.5))
        return model, torch.optim.AdamW(model.parameters(), lr=0.1)

    (model, opt), (same, same_opt) = build(), build()
    assert digest(model) == digest(same)
    same.eval()
    assert digest(model) != digest(same)
    same.train()
    same(torch.ones(1, 2)).sum().backward()
    assert digest(model) != digest(same), "a gradient counts"
    same.zero_grad()
    assert digest(model) == digest(same)
    same_opt.param_groups[0]["lr"] = 0.2
    assert digest(opt) != digest(same_opt)
    with torch.no_grad():
        same[0].weight[0, 0] = torch.nextafter(same[0].weight[0, 0], torch.tensor(10.0))
    assert digest(model) != digest(same), "one bit of one weight counts"
    tensor = torch.zeros(3)
    assert sharing(a=tensor, b=tensor.numpy()) != sharing(a=tensor, b=tensor.numpy().copy())


def test_global_random_states_count():
    random.seed(5)
    before = digests({}, [])["(random state)"]
    assert digests({}, [])["(random state)"] == before
    random.random()
    assert digests({}, [])["(random state)"] != before


def test_runs_inside_a_kernel_without_this_repository():
    path = Path(__file__).with_name("compare.py")
    spec = importlib.util.spec_from_file_location("elsewhere", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.digests({"x": 1}, ["x"])["x"] == digest(1)

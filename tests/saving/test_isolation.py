"""Whatever the cell does after the safe point, the snapshot holds the state of the safe point."""

import collections
from importlib.util import find_spec

import numpy as np
import pytest

from tests.saving.slow import Session

NUMBERS = 100_000


def fill(array):
    array[:] = -1


def tensors():
    import torch

    model = torch.nn.Linear(300, 300)
    optimizer = torch.optim.AdamW(model.parameters())

    def step(both):
        model, optimizer = both
        optimizer.zero_grad()
        model(torch.ones(2, 300)).sum().backward()
        optimizer.step()
        model.weight.data.mul_(2)

    step((model, optimizer))
    return (model, optimizer), step


def frame():
    import pandas

    made = pandas.DataFrame({"a": np.arange(NUMBERS), "b": ["x", "y"] * (NUMBERS // 2)})

    def change(frame):
        frame.loc[:, "a"] = 0
        frame.loc[3, "b"] = "z"
        frame["c"] = 1.0

    return made, change


def structured():
    return np.zeros(NUMBERS, dtype=[("a", "i4"), ("b", "f8")]), lambda array: array["b"].fill(7)


KINDS = {
    "array": lambda: (np.arange(NUMBERS), fill),
    "small array": lambda: (np.arange(5), fill),
    "view of an array": lambda: (np.arange(4 * NUMBERS)[::4], fill),
    "Fortran order": lambda: (np.asfortranarray(np.random.rand(400, 400)), fill),
    "structured array": structured,
    "array of objects": lambda: (np.array([[1], "x", {}] * 5, dtype=object), lambda array: array[0].append(2)),
    "list": lambda: ([[1], [2]], lambda value: (value[0].append(3), value.pop())),
    "dict": lambda: ({"a": {"b": 1}}, lambda value: (value["a"].clear(), value.update(z=1))),
    "set": lambda: ({1, 2}, lambda value: value.add(3)),
    "deque": lambda: (collections.deque(range(1000)), lambda value: value.rotate(3)),
    "bytearray": lambda: (bytearray(b"x" * 300_000), lambda value: value.__setitem__(0, 9)),
    "data frame": frame,
    **({"model and optimizer": tensors} if find_spec("torch") else {}),
}


@pytest.mark.parametrize("known", [False, True], ids=["copied", "known"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_changes_right_after_the_safe_point_is_not_in_the_snapshot(tmp_path, request, kind, known):
    """*known*: snapshots before had the same bytes, so that nothing is copied."""
    value, change = KINDS[kind]()
    session = Session(tmp_path, value=value)
    request.addfinalizer(session.disk.go.set)
    before = content(value)
    if known:
        for _ in range(2):
            assert session.save()
            assert session.saver.finish()
    session.disk.go.clear()
    assert session.save()
    change(value)
    assert content(value) != before, "else this shows nothing"
    session.disk.go.set()
    assert session.saver.finish(), session.said
    assert content(session.newest()["value"]) == before
    assert session.save()
    assert session.saver.finish()
    assert content(session.newest()["value"]) == content(value)


def content(value):
    """All there is in it, comparable."""
    if isinstance(value, tuple):
        model, optimizer = value
        return content({**model.state_dict(), **{str(k): v for k, v in optimizer.state_dict()["state"].items()}})
    if isinstance(value, dict):
        return [(key, content(one)) for key, one in value.items()]
    if hasattr(value, "numpy"):
        value = value.detach().numpy()
    if isinstance(value, np.ndarray):
        return repr(value.tolist()) if value.dtype.hasobject else (value.shape, value.dtype.str, value.tobytes())
    return repr(value.to_dict() if hasattr(value, "to_dict") else value)

"""Saved contents go back into the objects that a program has, and what referred to them refers to them still."""

import collections
import copy
import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from colab_guard.core.errors import RestoreError
from colab_guard.loops.inplace import Pair, Placing, refusal
from colab_guard.loops.roots import contents, put_contents


def put(old: list[Any], new: list[Any]) -> None:
    held = [contents(each) for each in old]
    Placing(Pair(*each, f"state[{n}]") for n, each in enumerate(zip(held, map(contents, new), strict=True))).fill()
    for root, each in zip(old, held, strict=True):
        put_contents(root, each)


@dataclass(frozen=True)
class Frozen:
    numbers: list[int] = field(default_factory=list)


class Slotted:
    __slots__ = ("__weakref__", "a", "b")


def test_containers_keep_their_identity_and_references_among_them_hold() -> None:
    inner: list[Any] = [1]
    old = [inner, {"inner": inner}, {1}, collections.deque([1], maxlen=3), bytearray(b"a"), collections.Counter("a")]
    kept = list(old)
    saved = copy.deepcopy(old)
    saved[0].append(saved[1])
    saved[1]["also"] = (saved[0], saved[2])
    saved[2].add(5)
    saved[3].extend([2, 3, 4])
    saved[4].extend(b"bc")
    saved[5].update("aab")
    put(old, saved)
    assert all(one is other for one, other in zip(old, kept, strict=True))
    assert inner[1] is old[1] is inner[1]["inner"][1]
    assert old[1]["also"][0] is inner
    assert old[1]["also"][1] is old[2] == {1, 5}
    assert list(old[3]) == [2, 3, 4]
    assert old[4] == b"abc"
    assert old[5] == {"a": 3, "b": 1}


def test_attributes_slots_and_frozen_dataclasses() -> None:
    frozen, slotted = Frozen([1]), Slotted()
    numbers, slotted.a = frozen.numbers, 1
    new = Slotted()
    new.b = [2]
    put([frozen, slotted], [Frozen([1, 2]), new])
    assert frozen.numbers is numbers == [1, 2]
    assert slotted.b == [2]
    assert not hasattr(slotted, "a")


def test_generators_of_random_numbers_go_on_from_the_saved_state() -> None:
    makers = [lambda: random.Random(1), lambda: np.random.default_rng(1), lambda: np.random.RandomState(1),
              lambda: torch.Generator().manual_seed(1)]  # fmt: skip
    old, new = [make() for make in makers], [make() for make in makers]
    for each in new:
        torch.rand(3, generator=each) if isinstance(each, torch.Generator) else each.random()
    expected = [copy.deepcopy(each) for each in new[:3]]
    put(old, new)
    assert [each.random() for each in old[:3]] == [each.random() for each in expected]
    assert torch.equal(old[3].get_state(), new[3].get_state())


def trained(steps: int) -> tuple[Any, ...]:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2)).bfloat16()
    optimizer = torch.optim.AdamW(model.parameters())
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 9)
    for _ in range(steps):
        model(torch.randn(3, 2).bfloat16()).sum().backward()
        optimizer.step()
        schedule.step()
    if steps:
        model.eval()
        for state in optimizer.state.values():
            state["exp_avg"] = state["exp_avg"].float() / 3
    return model, optimizer, schedule


def test_training_objects_with_gradients_modes_and_momenta_in_their_own_precision() -> None:
    (model, optimizer, schedule), (model2, optimizer2, schedule2) = trained(0), trained(3)
    weight, twin = model[0].weight, model[0].weight.detach()
    put([model, optimizer, schedule], [model2, optimizer2, schedule2])
    assert weight is model[0].weight is optimizer.param_groups[0]["params"][0]
    assert schedule.optimizer is optimizer
    assert torch.equal(twin, model2[0].weight), "views see it"
    assert torch.equal(weight.grad, model2[0].weight.grad)
    assert torch.equal(model[1].running_mean, model2[1].running_mean)
    assert not model.training
    assert set(optimizer.state) == set(model.parameters())
    assert torch.equal(optimizer.state[weight]["exp_avg"], optimizer2.state[model2[0].weight]["exp_avg"])
    assert optimizer.state[weight]["exp_avg"].dtype is torch.float32
    assert schedule.get_last_lr() == schedule2.get_last_lr() == [optimizer.param_groups[0]["lr"]]


def test_what_an_object_holds_stays_that_object() -> None:
    class Trainer:
        def __init__(self, model: Any) -> None:
            self.model, self.frame, self.on_end = model, pd.DataFrame({"a": [1]}), lambda: None

    model, better = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    trainer, saved = Trainer(model), Trainer(better)
    hook = trainer.on_end
    saved.frame.loc[1] = 5
    put([trainer], [saved])
    assert trainer.model is model
    assert torch.equal(model.weight, better.weight)
    assert trainer.on_end is hook
    assert trainer.frame["a"].tolist() == [1, 5]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (np.zeros(3), np.zeros(4), r"state\[0\] is float64 \(3,\) here, but float64 \(4,\) in the snapshot"),
        (torch.zeros(3), torch.zeros(3).double(), r"float32 \(3,\) here, but float64"),
        (torch.nn.Linear(2, 3), torch.nn.Linear(2, 4), r"state\[0\]._parameters\['weight'\] is float32 \(3, 2\) here"),
        ([], {}, "a list here, but a dict in the snapshot"),
    ],
)
def test_what_does_not_fit_is_an_error_that_names_it_and_nothing_is_changed(old: Any, new: Any, sentence: str) -> None:
    before = [1]
    with pytest.raises(RestoreError, match=sentence):
        put([before, old][::-1], [[2], new][::-1])
    assert before == [1]


@pytest.mark.parametrize("value", [1, "a", (1, []), None, frozenset(), len, int, iter([]), (n for n in ()), np])
def test_what_cannot_change_in_place_is_refused(value: Any) -> None:
    assert refusal(value)

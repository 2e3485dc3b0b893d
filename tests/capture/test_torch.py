"""Tensors, modules and optimizers come back with all that training depends on."""

from typing import Any

import numpy as np
import pytest
import torch

from colab_guard.core.errors import LostValue
from tests.capture.test_roundtrip import there_and_back


def test_storage_grad_ties_and_the_optimizers_parameters() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 4))
    model[2].weight = model[0].weight
    optimizer = torch.optim.AdamW(model.parameters())
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, abs)
    model(torch.randn(8, 4)).sum().backward()
    optimizer.step()
    out = there_and_back(model=model, optimizer=optimizer, schedule=schedule, alias=model[0].weight)
    new = out["model"]
    assert new[2].weight is new[0].weight is out["alias"] is out["optimizer"].param_groups[0]["params"][0]
    assert out["schedule"].optimizer is out["optimizer"]
    assert torch.equal(new[0].weight.grad, model[0].weight.grad)
    for old_state, new_state in zip(optimizer.state.values(), out["optimizer"].state.values(), strict=True):
        assert torch.equal(old_state["exp_avg"], new_state["exp_avg"])
    assert torch.equal(new[1].running_mean, model[1].running_mean)
    assert isinstance(new[0].weight, torch.nn.Parameter)
    assert new[0].weight.data_ptr() % 64 == 0, "aligned as torch aligns: kernels may sum in another order otherwise"


@pytest.mark.parametrize("length", [10, 100_000], ids=["small", "large"])
def test_views_and_numpy_twins_share_memory(length: int) -> None:
    base = torch.arange(float(length))
    twin = base.numpy()
    array = np.zeros(length)
    mirror = torch.from_numpy(array)
    out = there_and_back(
        view=base[2:], base=base, twin=twin, mirror=mirror, array=array, part=torch.from_numpy(array[4:])
    )
    out["base"][2] = -1
    assert out["view"][0] == out["twin"][2] == -1
    out["array"][4] = 9
    assert out["mirror"][4] == out["part"][0] == 9


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(0, 3),
        torch.tensor(3),
        torch.ones(3, dtype=torch.bfloat16),
        torch.ones(2, 3).t(),
        torch.ones(2, 3, 4, 4).to(memory_format=torch.channels_last),
        torch.tensor([1 + 2j]),
        torch.eye(3).to_sparse(),
        torch.ones(3).expand(2, 3),
        torch.tensor([True]),
    ],
    ids=str,
)
def test_kinds_of_tensors(tensor: Any) -> None:
    out = there_and_back(t=tensor)["t"]
    assert (out.dtype, out.shape, out.layout) == (tensor.dtype, tensor.shape, tensor.layout)
    assert torch.equal(out.to_dense(), tensor.to_dense())
    if tensor.layout is torch.strided:
        assert out.stride() == tensor.stride()


def test_a_graph_is_not_kept_and_says_so() -> None:
    weight = torch.ones(3, requires_grad=True)
    total = (weight * 2).sum()
    out = there_and_back(total=total, weight=weight)
    assert out["total"].item() == 6
    assert out["weight"].requires_grad
    with pytest.raises(LostValue, match="'total' was computed before the kernel died"):
        (out["total"] + out["weight"].sum()).backward()


def test_a_generator_of_randomness_goes_on() -> None:
    generator = torch.Generator().manual_seed(3)
    torch.rand(2, generator=generator)
    out = there_and_back(g=generator)["g"]
    assert torch.equal(torch.rand(2, generator=out), torch.rand(2, generator=generator))


def test_attributes_of_a_tensor_are_kept() -> None:
    tensor = torch.ones(2)
    tensor.label = "mine"
    assert there_and_back(t=tensor)["t"].label == "mine"

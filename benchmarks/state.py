"""A training's state to be saved: 60 parameters and what Adam keeps of them, float32, on the CPU."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

PARAMETERS = 60
COPIES = 3  # of each parameter: itself, and Adam's two averages
SAMPLED = 4099  # one value in so many is compared; a prime, so that it is not always the same column


def model_and_adam(size_bytes: int) -> tuple[torch.nn.ParameterList, torch.optim.Adam]:
    """Both together hold ``size_bytes``, and a counter a parameter; there are no gradients."""
    torch.manual_seed(0)
    numbers = size_bytes // (4 * COPIES * PARAMETERS)
    model = torch.nn.ParameterList([torch.randn(numbers) for _ in range(PARAMETERS)])
    optimizer = torch.optim.Adam(model.parameters())
    for parameter in model:
        parameter.grad = torch.randn(numbers)
    optimizer.step()
    optimizer.zero_grad()
    return model, optimizer


def large(model: torch.nn.ParameterList, optimizer: torch.optim.Adam) -> dict[str, torch.Tensor]:
    """Its tensors by name, without Adam's counters; a parameter and its averages stand side by side."""
    found: dict[str, torch.Tensor] = {}
    for number, parameter in enumerate(model):
        found[f"model.{number}"] = parameter.detach()
        for key in ("exp_avg", "exp_avg_sq"):
            found[f"adam.{number}.{key}"] = optimizer.state[parameter][key]
    return found


def change(tensors: Iterable[torch.Tensor]) -> None:
    """Gives every number a new value, in place, as an optimizer does."""
    for tensor in tensors:
        tensor.mul_(1.0001).add_(1e-4)


def sample(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A few of their values, to tell a snapshot of this instant from one of a later."""
    return {name: tensor.flatten()[::SAMPLED].clone() for name, tensor in tensors.items()}


def torn(saved: Mapping[str, Any], then: Mapping[str, torch.Tensor]) -> int:
    """How many of the saved tensors are not as they were ``then``."""
    return sum(not torch.equal(saved[name].flatten()[::SAMPLED], values) for name, values in then.items())

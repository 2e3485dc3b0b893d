"""Whether an autograd graph waits for its ``backward()``, on real ones."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from colab_guard.capture.graphs import waits

MODEL = torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))


class Custom(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(tensor)
        return tensor * 2

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0] * ctx.saved_tensors[0]


def on_cpu(x: torch.Tensor) -> torch.Tensor:
    with torch.autograd.graph.save_on_cpu():
        return MODEL(x).pow(2).mean()


LOSSES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "a mean of squares": lambda x: MODEL(x).pow(2).mean(),
    "cross entropy": lambda x: torch.nn.functional.cross_entropy(MODEL(x).repeat(1, 3), torch.tensor([0, 1])),
    "a sum of many": lambda x: sum(((MODEL(x) - n) ** 2).mean() for n in range(100)),
    "a function of the user's": lambda x: Custom.apply(next(MODEL.parameters())).sum() * x.sum(),
    "checkpointed": lambda x: checkpoint(MODEL, x, use_reentrant=False).sum(),
    "saved elsewhere": on_cpu,
    "a recurrent net": lambda x: torch.nn.LSTM(4, 4)(x.reshape(4, 1, 4))[0].sum(),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_graph_waits_until_backward_was_called(name: str) -> None:
    loss = LOSSES[name](torch.ones(2, 8))
    assert waits(loss) is True
    loss.backward(retain_graph=True)
    assert waits(loss) is True
    loss.backward()
    assert waits(loss) is False


def test_where_nothing_is_saved_for_backward_it_can_not_be_told() -> None:
    assert waits((torch.ones(3, requires_grad=True) + 1).sum()) is None

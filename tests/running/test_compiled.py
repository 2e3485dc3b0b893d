"""What torch compiles is left to torch."""

import torch

from colab_guard.cell.rewrite import SafePoint
from colab_guard.cell.tree import ITER, RUN, WANTED
from tests.support.dying import DyingRun, session_with

ABOVE = """
import torch
@torch.compile(backend="eager", fullgraph=True)
def step(x, n):
    for i in range(n):
        x = x * 2
    return x
"""


def test_a_compiled_function_is_called_as_it_is_and_compiles_whole() -> None:
    run = DyingRun(session_with(ABOVE), "pass", 0)
    run.points.append(SafePoint((("body", 0),), 1, False))
    run.namespace |= {RUN: run, ITER: iter, WANTED: True}
    step = run.namespace["step"]
    assert run.call(0, step) is step
    assert step(torch.ones(2), 3).tolist() == [8.0, 8.0]

"""Metrics that are arrays or tensors tell the best snapshot too."""

import numpy
import torch

from colab_guard.store.retention import Best

LOSS = Best("loss", "min")


def test_arrays_and_tensors_of_no_dimension_count() -> None:
    for value in (numpy.float32(0.5), numpy.array(0.5), torch.tensor(0.5, requires_grad=True)):
        assert LOSS.recorded({"loss": value})["best"]["value"] == 0.5
    assert LOSS.recorded({"loss": torch.tensor([0.5])})["best"]["value"] is None

"""Out of memory: what held it is told by variable, and a smaller batch as far as the error's own figures carry.

The errors are torch's, with the sentences that it writes on a GPU; no GPU ran out here.
"""

import collections

import pytest
import torch
from torch.utils.data import DataLoader

from colab_guard.gpumem.running_out import batch_size, message
from tests.gpumem.session import Session

TEXT = (
    "CUDA out of memory. Tried to allocate {wanted}. GPU 0 has a total capacity of 14.75 GiB of which {free} is free. "
    "Process 9 has 13.00 GiB memory in use.{allowed} Of the allocated memory {allocated} is allocated by PyTorch, and "
    "{cached} is reserved by PyTorch but unallocated. If reserved but unallocated memory is large try setting …"
)


def error(wanted="2.00 GiB", free="1.00 GiB", allocated="12.00 GiB", cached="512.00 MiB", allowed=""):
    allowed = f" {allowed} allowed;" if allowed else ""
    return torch.OutOfMemoryError(
        TEXT.format(wanted=wanted, free=free, allocated=allocated, cached=cached, allowed=allowed)
    )


def told(session, **figures):
    return message(error(**figures), session, "train")


def test_the_largest_variables_are_told_with_what_they_reach_it_through():
    session = Session(outputs=[torch.zeros(3_000_000), torch.zeros(1_000)], model=torch.nn.Linear(1000, 1000))

    def step(batch):
        raise error()

    def train():
        step(torch.zeros(2_000_000))

    session.fails(train)
    lines = told(session).splitlines()
    assert lines[0] == "train ran out of GPU memory when 2.1 GB more were wanted. What held it:"
    assert "outputs, the largest 12.0 MB as outputs[0]" in lines[1]
    assert "batch in step(), of the last traceback" in lines[2]
    assert "model, the largest 4.0 MB as model.weight" in lines[3]
    assert "%gpumem clear" in lines[-1]
    assert "goes on from its snapshot" in lines[-1]


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({}, "loader.batch_size = 64 did not fit, 56 might"),  # (12 + 1 + 0.5) / (12 + 2) of 64
        ({"wanted": "12.00 GiB"}, "loader.batch_size = 64 did not fit, 32 might"),
        ({"allowed": "7.00 GiB", "allocated": "6.00 GiB", "free": "8.00 GiB"}, "64 did not fit, 56 might"),
        ({"free": "3.00 GiB"}, "There was enough, but in pieces: put %gpumem limit 0.9"),
        ({"wanted": "999.00 GiB", "free": "0 bytes"}, "Not even one example"),
    ],
)
def test_the_batch_that_would_fit_is_reckoned_from_the_figures_of_the_error(figures, words):
    session = Session(loader=DataLoader(range(100), batch_size=64))
    assert words in told(session, **figures)


def test_what_a_training_keeps_does_not_grow_with_the_batch():
    """14 GiB wanted altogether, 13.5 there; of both, the weights of 0.25 GiB are the same for any batch."""
    session = Session(loader=DataLoader(range(100), batch_size=8), small=torch.nn.Linear(1, 1))
    assert "8 did not fit, 4 might" in told(session)
    session.namespace["model"] = torch.nn.Linear(2**13, 2**13, bias=False)
    figures = {"allocated": "384.00 MiB", "wanted": "128.00 MiB", "free": "32.00 MiB", "cached": "0 bytes"}
    assert "8 did not fit, 4 might" in told(session, **figures)  # (384 + 32 - 256) / (384 + 128 - 256) of 8 = 5
    assert "At most 62% of the batch" in told(Session(model=session.namespace["model"]), **figures)


def test_an_error_without_figures_says_half():
    session = Session(batch_size=16)
    text = message(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED"), session, "The cell")
    assert text.startswith("The cell ran out of GPU memory.")
    assert "With batch_size = 16 it did not fit: try half" in text


def test_which_number_is_the_batch_size():
    loaders = collections.OrderedDict(
        valid_loader=DataLoader(range(9), batch_size=3), train_loader=DataLoader(range(9), batch_size=5)
    )
    assert batch_size(Session(**loaders)) == ("train_loader.batch_size", 5)
    assert batch_size(Session(valid=loaders["valid_loader"], BATCH_SIZE=4)) == ("BATCH_SIZE", 4)
    assert batch_size(Session(valid=loaders["valid_loader"])) == ("valid.batch_size", 3)
    assert batch_size(Session(loader=DataLoader(range(9), batch_size=None), batch_size="8")) is None

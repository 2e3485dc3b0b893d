"""Loops over what libraries give are counted, too."""

import pytest
import torch  # noqa: F401 - where it is missing this module is left out

from colab_guard.core.settings import Interval
from tests.running.test_progress import looks, loops

EACH = Interval(iterations=1)

ABOVE = """
import io
import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm, trange
NOWHERE, numbers = io.StringIO(), torch.arange(7)
class Squares(Dataset):
    def __len__(self):
        return 7
    def __getitem__(self, index):
        return index * index
"""


@pytest.mark.parametrize(
    ("iterable", "total"),
    [
        ("np.arange(3)", 3),
        ("torch.arange(3)", 3),
        ("pd.Series([1, 2])", 2),
        ("DataLoader(Squares(), batch_size=2)", 4),
        ("DataLoader(numbers, batch_size=2, shuffle=True, num_workers=1)", 4),
        ("enumerate(DataLoader(list(range(7)), batch_size=2))", 4),
    ],
)
def test_each_kind_is_counted(tmp_path, iterable, total):
    found = [loops(one) for one in looks(tmp_path, f"for x in {iterable}:\n    look()\n", ABOVE)]
    assert found == [[["x", index, total]] for index in range(1, total + 1)]


@pytest.mark.parametrize(
    ("iterable", "total"),
    [
        ("tqdm([1, 2, 3], mininterval=0, file=NOWHERE)", 3),
        ("enumerate(tqdm([1, 2, 3], mininterval=0, file=NOWHERE))", 3),
        ("trange(2, mininterval=0, file=NOWHERE)", 2),
    ],
)
def test_a_bar_tells_what_it_shows_which_lags_by_one(tmp_path, iterable, total):
    found = [loops(one) for one in looks(tmp_path, f"for x in {iterable}:\n    look()\n", ABOVE)]
    assert found == [[["x", index, total]] for index in range(total)]


def test_a_loader_is_counted_on_after_a_resume(tmp_path):
    above = f"{ABOVE}from os.path import exists\nMARK = {str(tmp_path / 'second')!r}"
    cell = "for x in DataLoader(Squares(), batch_size=2):\n    look()\n"
    cell += "    if x[0] == 16 and not exists(MARK): raise SystemExit\n"
    with pytest.raises(SystemExit):
        looks(tmp_path, cell, above, every=EACH)
    (tmp_path / "second").touch()
    found = [loops(one) for one in looks(tmp_path, cell, above, every=EACH)]
    assert found == [[["x", index, 4]] for index in (3, 4)]

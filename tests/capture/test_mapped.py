"""A memory-mapped file that is only read is named in the snapshot, and must be the same file at the restore."""

from pathlib import Path

import numpy as np
import pytest

from colab_guard.capture.take import take
from colab_guard.core.errors import RestoreError
from colab_guard.resume.loading import Load
from tests.support.dying import Held

ITEMS = 200_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    np.save(tmp_path / "data.npy", np.arange(float(ITEMS)))
    return tmp_path / "data.npy"


def snapshot(path: Path) -> Held:
    taken = take({"__name__": "__main__", "x": np.load(path, mmap_mode="r")}, ["x"], {}, frozenset())
    assert sum(len(bytes(blob)) for blob in taken.memory) < ITEMS
    return Held(taken)


def restored(held: Held) -> np.ndarray:
    return Load(held, {"__name__": "__main__"}, frozenset()).variables(held.names)["x"]


def test_it_is_mapped_again(path: Path) -> None:
    found = restored(snapshot(path))
    assert type(found) is np.memmap
    assert found.mode == "r"
    assert found[ITEMS - 1] == ITEMS - 1


@pytest.mark.parametrize("place", [0, ITEMS // 2, ITEMS - 1])
def test_another_file_in_its_place_is_an_error_that_names_it(path: Path, place: int) -> None:
    held = snapshot(path)
    np.load(path, mmap_mode="r+")[place] = -1
    with pytest.raises(RestoreError, match=r"data\.npy into memory, and it is not the same file any more"):
        restored(held)


def test_a_file_that_is_gone_is_an_error_that_names_it(path: Path) -> None:
    held = snapshot(path)
    path.unlink()
    with pytest.raises(RestoreError, match=r"data\.npy into memory, and it can't be mapped again"):
        restored(held)

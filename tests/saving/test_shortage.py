"""What is told of memory and disks that get short raises nothing into the cell that tells it."""

import os
import weakref

import numpy as np

from colab_guard.capture.largest import largest
from colab_guard.guards import bulk
from colab_guard.guards.disk import Disk
from colab_guard.guards.fullness import Full
from colab_guard.saving.shortage import text_of_disk


class Gone:
    """Whose proxies outlive it."""


class Odd(np.ndarray):
    """That numpy itself can't make a list of."""


def test_variables_that_can_not_be_looked_into_stand_in_no_others_way():
    odd = np.array([{}], dtype=object).view(Odd)
    Odd.__module__ = "numpy.odd"
    Odd.ravel = None
    space = {"dead": weakref.proxy(Gone()), "odd": odd, "large": np.zeros(1_000_000)}
    assert largest(space, 1) == [("large", 8_000_000)]


def test_a_full_disk_is_told_of_where_the_working_folder_was_deleted(tmp_path, monkeypatch):
    monkeypatch.setattr(bulk, "CACHES", ())
    monkeypatch.setattr(bulk.biggest, "__defaults__", (60.0,))
    (tmp_path / "store").mkdir()
    (tmp_path / "store/large").write_bytes(bytes(1000))
    monkeypatch.chdir(tmp_path)
    os.mkdir("gone")
    os.chdir("gone")
    os.rmdir(tmp_path / "gone")
    text = text_of_disk(Full(tmp_path / "store", Disk(10**11, 91 * 10**9, 9 * 10**9)))
    assert "91% full, 9.0 GB are left. Big are " in text

"""Large texts and byte strings are cut out of the pickles, and read back into their place."""

import pickle
from typing import Any

import numpy as np
import pytest

from colab_guard.capture import skeleton
from colab_guard.capture.fingerprint import fingerprints
from colab_guard.capture.memory import SMALL_BYTES, Regions

LARGE = 3 * SMALL_BYTES
FORTRAN = np.asfortranarray(np.arange(LARGE, dtype=np.uint32).reshape(3, -1))
SMALL_FORTRAN = np.asfortranarray(np.arange(6, dtype=np.uint32).reshape(3, 2))


def written(values: list[Any], *, spare: bool = False) -> tuple[Regions, bytes]:
    regions, pickles = Regions(), skeleton.Pickles()
    pickles.spare = spare
    pickler = pickle.Pickler(pickles, protocol=5)
    for value in values:
        pickler.dump(value)
    return regions, skeleton.cut(pickles.getvalue(), pickles.large, regions, pickles.holes)


def read(regions: Regions, content: bytes, count: int) -> list[Any]:
    def fill(number: int, into: memoryview) -> None:
        into[:] = regions._regions[number].data

    unpickler = pickle.Unpickler(skeleton.Reader(*skeleton.read(memoryview(content)), fill))
    return [unpickler.load() for _ in range(count)]


VALUES = [
    b"x" * LARGE, "é" * LARGE, bytearray(b"y" * LARGE), b"\x95" * LARGE, b"\x80\x05\x95" + bytes(LARGE),
    1 << (8 * LARGE), b"CUT\0\0\0\0\0" * LARGE, b"", "", b"a" * (SMALL_BYTES - 1), b"b" * SMALL_BYTES,
]  # fmt: skip


@pytest.mark.parametrize("spare", [False, True], ids=["copied", "spare"])
@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_each_comes_back(value: Any, spare: bool) -> None:
    shared = [value, {"again": value}, value]
    [out, beside] = read(*written([shared, "beside"], spare=spare), 2)
    assert out == shared
    assert type(out[0]) is type(value)
    assert out[0] is out[2] or type(value) is int
    assert beside == "beside"


def test_all_come_back_one_behind_the_other() -> None:
    for spare in (False, True):
        values = [VALUES, list(range(50_000)), VALUES]
        assert read(*written(values, spare=spare), 3) == values


def test_what_is_large_is_beside_and_what_is_small_together_is_not() -> None:
    regions, content = written([[b"x" * LARGE, "y" * LARGE], list(range(100_000))])
    assert len(list(regions.spans())) == 2
    assert len(content) < 600_000
    assert len(list(written([[str(number) for number in range(50_000)]])[0].spans())) == 0


def test_buffers_are_written_as_they_lie_in_memory() -> None:
    for array in (FORTRAN, SMALL_FORTRAN):
        [out] = read(*written([pickle.PickleBuffer(array)]), 1)
        assert bytes(out) == array.tobytes(order="F")


def test_a_byte_array_can_grow_while_its_snapshot_is_written() -> None:
    grows = bytearray(LARGE)
    regions, content = written([grows])
    grows.extend(b"more")
    assert read(regions, content, 1) == [bytearray(LARGE)]


def test_what_has_not_changed_has_the_same_fingerprint() -> None:
    namespace = {"__name__": "__main__", "x": [text * LARGE for text in "éèêë"]}
    found = {fingerprints(namespace, ["x"], frozenset())["x"] for _ in range(9)}
    assert len(found) == 1


def test_pickles_without_cuts_are_as_they_were_before_there_were_any() -> None:
    _, content = written([[1, 2]])
    assert content == pickle.dumps([1, 2], protocol=5)

"""What is frozen moves out of packs that are mostly dead, so that the repository stays small; blobs in segments."""

import errno
import itertools
import os
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from colab_guard.core.errors import StoreUnavailable
from colab_guard.store import packs
from colab_guard.store.backend import Backend
from colab_guard.store.folder import Folder
from colab_guard.store.manifest import BlobRef, Manifest
from colab_guard.store.repository import Repository
from colab_guard.store.retention import Retention
from tests.store.memory import Memory
from tests.store.steps import Stepped

SIZES = st.integers(0, 60)
KEEP_ALL = Retention(1000)


def pack_ids(manifest: Manifest) -> list[str]:
    return [ref.pack for ref in manifest.blobs]


def content(repository: Repository, manifest: Manifest) -> list[bytes]:
    return [bytes(repository.read(ref)) for ref in manifest.blobs]


def frozen_beside(repository: Repository, size_bytes: int, snapshots: int) -> list[Manifest]:
    """Snapshots of 100 bytes that never change, beside so many that always do."""
    made: list[Manifest] = []
    for n in range(snapshots):
        frozen = made[-1].blobs[0] if made else bytes(100)
        made.append(repository.commit("train", {}, [frozen, bytes([n + 1]) * size_bytes]))
    return made


def test_what_is_frozen_moves_once_and_its_old_pack_goes_with_its_snapshots(
    backend: Backend, repository: Repository
) -> None:
    made = frozen_beside(repository, 100, 6)
    packs_of_frozen = [pack_ids(manifest)[0] for manifest in made]
    assert packs_of_frozen[:3] == [packs_of_frozen[0]] * 3
    assert packs_of_frozen[3:] == [packs_of_frozen[3]] * 3 != packs_of_frozen[:3]
    assert packs_of_frozen[3] not in {pack_ids(manifest)[1] for manifest in made}, "a pack of its own"
    assert [manifest.new_bytes for manifest in made] == [200, 100, 100, 200, 100, 100]
    for manifest in made:
        repository.check(manifest)
    repository.prune("train", Retention(3))
    manifests = sum(entry.size_bytes for entry in backend.list("snapshots"))
    assert repository.usage_bytes() - manifests == 100 + 3 * 100


def test_a_pack_that_is_mostly_alive_is_never_written_again(repository: Repository) -> None:
    made = frozen_beside(repository, 99, 8)
    assert {pack_ids(manifest)[0] for manifest in made} == {pack_ids(made[0])[0]}
    assert sum(manifest.new_bytes for manifest in made) == 100 + 8 * 99


def test_what_is_given_as_bytes_is_not_read_back_to_be_moved(tmp_path: Path) -> None:
    backend = Stepped(Folder(tmp_path))
    repository = Repository(backend)
    reads: list[str] = []
    backend.arm(lambda number, what: reads.append(what) if what.startswith("read packs/") else None)
    made = [repository.commit("train", {}, [b"frozen", b"new%d" % n * 9]) for n in range(5)]
    assert pack_ids(made[4])[0] != pack_ids(made[0])[0]
    assert reads == []


def test_a_blob_that_comes_back_does_not_keep_an_old_pack_either(repository: Repository) -> None:
    first = repository.commit("train", {}, [b"back", bytes(100)])
    for n in range(3):
        repository.commit("train", {}, [b"other", bytes([n + 1]) * 100])
    again = repository.commit("train", {}, [b"back"])
    assert pack_ids(again) != pack_ids(first)[:1]
    assert repository.commit("train", {}, [b"back"]).new_bytes == 0


def test_a_cell_that_shares_the_fresh_pack_of_another_moves_nothing(repository: Repository) -> None:
    for n in range(4):
        repository.commit("train", {}, [b"model %d" % n, bytes([n]) * 100])
        assert repository.commit("eval", {}, [b"model %d" % n]).new_bytes == 0


@pytest.mark.parametrize("damage", ["missing", "cut", "changed", "unreadable"])
def test_what_cannot_be_moved_is_told_and_taken_again_with_its_bytes(tmp_path: Path, damage: str) -> None:
    backend = Stepped(Folder(tmp_path))
    repository = Repository(backend)
    made = frozen_beside(repository, 100, 3)
    pack = tmp_path / packs.pack_name(pack_ids(made[0])[0])
    before = pack.read_bytes()

    def on_step(number: int, what: str) -> None:
        if what == f"read packs/{pack.name}":
            if damage == "missing":
                pack.unlink()
            elif damage == "cut":
                os.truncate(pack, 50)
            elif damage == "changed":
                pack.write_bytes(b"?" + before[1:])
            else:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

    backend.arm(on_step)
    said = "Input/output error" if damage == "unreadable" else "is gone or damaged"
    with pytest.raises(StoreUnavailable, match=said):
        repository.commit("train", {}, [made[0].blobs[0], b"new"])
    backend.arm(lambda number, what: None)
    assert repository.snapshots() == made[::-1]
    again = repository.commit("train", {}, [bytes(100), b"new"])
    repository.check(again)
    assert pack_ids(again)[0] != pack_ids(made[0])[0]
    assert {f"packs/{name}" for name in os.listdir(tmp_path / "packs")} >= {packs.pack_name(p) for p in pack_ids(again)}
    assert Repository.open(tmp_path).verify().orphans == ()


def test_a_blob_in_segments_is_the_blob(repository: Repository) -> None:
    parts = (b"ab", memoryview(bytearray(b"cdef")).cast("H"), b"", bytes(5_000_000))
    whole = b"abcdef" + bytes(5_000_000)
    manifest = repository.commit("train", {}, [parts, (), (b"",), whole])
    assert content(repository, manifest) == [whole, b"", b"", whole]
    assert manifest.new_bytes == len(whole), "in segments or in one piece, it is the same blob"
    repository.check(manifest)


def test_segments_are_written_as_they_are_given_and_never_joined(backend: Backend) -> None:
    got: list[int] = []

    class Watched(Stepped):
        def write_new(self, name: str, chunks) -> None:  # type: ignore[no-untyped-def]
            def watched():
                for chunk in chunks:
                    got.append(len(chunk))
                    yield chunk

            super().write_new(name, watched())

    repository = Repository(Watched(backend))
    got.clear()
    repository.commit("train", {}, [(bytes(300), bytes(200)), bytes(100)])
    assert got[:3] == [300, 200, 100]


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[list[tuple[int, int]]]]:
    """How many snapshots are kept; and of each snapshot its blobs: the version of each, and its size."""
    sizes = draw(st.lists(SIZES, min_size=1, max_size=6))
    versions = [0] * len(sizes)
    history = []
    for _ in range(draw(st.integers(1, 25))):
        changed = draw(st.lists(st.integers(0, len(sizes) - 1), max_size=len(sizes)))
        back = draw(st.integers(0, 9))
        for number in changed:
            versions[number] += 1 if back or not versions[number] else -1
        history.append(list(zip(versions, sizes, strict=True)))
    return draw(st.integers(1, 4)), history


def growing(piece_bytes: int, other_bytes: int, count: int) -> list[list[tuple[int, int]]]:
    """Each snapshot leaves one more piece frozen, in a pack with what always changes."""
    return [[*((int(number <= n), piece_bytes) for number in range(count)), (n, other_bytes)] for n in range(count + 5)]


def distinct_bytes(*manifests: Manifest) -> int:
    return sum(ref.size_bytes for ref in {ref for manifest in manifests for ref in manifest.blobs})


@settings(max_examples=100, deadline=None)
@example((1, growing(6, 300, 12)), True)
@example((1, growing(25, 50, 25)), True)
@given(histories(), st.booleans())
def test_packs_stay_below_twice_what_is_needed_and_writing_below_twice_what_is_new(
    drawn: tuple[int, list[list[tuple[int, int]]]], by_reference: bool
) -> None:
    """Exactly: twice the bytes that the kept refer to, and what the two snapshots before them wrote."""
    keep, history = drawn
    backend = Memory()
    repository = Repository(backend)
    made: list[Manifest] = []
    known: dict[tuple[int, int, int], BlobRef] = {}
    new_bytes = 0
    for snapshot in history:
        keys = [(number, *state) for number, state in enumerate(snapshot)]
        blobs = [known[key] if by_reference and key in known else bytes_of(key) for key in keys]
        new_bytes += sum(key[2] for key in keys if key not in known)
        manifest = repository.commit("train", {}, blobs)
        known = dict(zip(keys, manifest.blobs, strict=True))
        assert content(repository, manifest) == [bytes_of(key) for key in keys]
        made.append(manifest)
        repository.prune("train", Retention(keep))
        kept, before = made[-keep:], made[-keep - 2 : -keep]
        held_bytes = sum(packs.sizes_bytes(backend).values())
        assert held_bytes <= 2 * distinct_bytes(*kept) + sum(entry.new_bytes for entry in before)
    assert sum(manifest.new_bytes for manifest in made) <= 2 * new_bytes
    assert repository.verify().problems == ()


def bytes_of(key: tuple[int, int, int]) -> bytes:
    """Content of its own for each blob and version."""
    number, version, size_bytes = key
    return bytes(itertools.islice(itertools.cycle(b"%d.%d " % (number, version)), size_bytes))

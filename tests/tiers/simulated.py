"""A training, its folder, its remote and the thread that uploads, in a time that only passes in here.

What decides is real (``Uploads``, ``Catalogue``, ``Tiered``); the files are only names and sizes. It shows what is
uploaded when, and how old what is durable becomes; not what threads do to each other, nor what anything costs.
"""

import errno
import os
import random
import secrets
from collections.abc import Callable, Iterable, Iterator
from math import inf
from typing import Any

from colab_guard.core.keys import Key
from colab_guard.store import packs
from colab_guard.store.backend import Entry
from colab_guard.store.manifest import BlobRef, Manifest
from colab_guard.store.repository import CONFIG
from colab_guard.tiers.leases import Lease
from colab_guard.tiers.tiered import Tiered
from colab_guard.tiers.uploads import Uploads
from tests.tiers.remotes import Quiet

CELL = "train"
KEEP = 3
BYTES_PER_SECOND = 10_000
KEY = Key(bytes(32), "nowhere", "")


class Memory:
    """Files that are in memory; of packs only their sizes."""

    def __init__(self) -> None:
        self.place = "memory"
        self.files: dict[str, bytes | int] = {CONFIG: 1}

    def write_new(self, name: str, chunks: Iterable[Any]) -> None:
        self.files[name] = b"".join(chunks)

    def read(self, name: str, offset: int, into: memoryview) -> int:
        if name not in self.files:
            raise FileNotFoundError(name)
        return max(0, min(len(into), self.size_bytes(name) - offset))

    def list(self, folder: str) -> Iterator[Entry]:
        for name in list(self.files):
            if name.rpartition("/")[0] == folder:
                yield Entry(name, self.size_bytes(name), 0.0)

    def delete(self, name: str) -> None:
        self.files.pop(name, None)

    def size_bytes(self, name: str) -> int:
        found = self.files[name]
        return found if isinstance(found, int) else len(found)


class Line(Quiet, Memory):
    """A remote behind a line of BYTES_PER_SECOND. ``blocks``: to write takes as long as the line does, as to an object
    store; else files are accepted at once and sent later, one after another, as on Drive.
    """

    def __init__(self, world: "World", blocks: bool) -> None:
        super().__init__()
        self._world, self._blocks = world, blocks
        self._arrive: dict[str, float] = {}
        self.snapshots: list[int] = []  # whose upload was begun
        self.looks = 0

    def write_new(self, name: str, chunks: Iterable[Any]) -> None:
        self._fail()
        world, size_bytes = self._world, sum(map(len, chunks))
        if name.startswith(packs.FOLDER):
            before = [at for other, at in self._arrive.items() if other != CONFIG]
            assert all(at <= world.now for at in before), "one at a time"
            assert name == packs.pack_name(world.newest.blobs[0].pack), "superseded, and uploaded"
            self.snapshots.append(world.newest.seq)
        through = max(world.now, *self._arrive.values(), 0.0) + size_bytes / BYTES_PER_SECOND
        if self._blocks:
            world.pass_until(through)
            self._fail()
        self.files[name], self._arrive[name] = size_bytes, through

    def create(self, name: str, data: bytes) -> bool:
        self._fail()
        self.files[name] = 1
        return True

    def read(self, name: str, offset: int, into: memoryview) -> int:
        self._fail()
        return super().read(name, offset, into)

    def delete(self, name: str) -> None:
        self._fail()
        super().delete(name)
        self._arrive.pop(name, None)

    def confirmed(self, name: str) -> bool | None:
        self._fail()
        self.looks += 1
        return self._arrive.get(name, -inf) <= self._world.now

    def free_bytes(self) -> int | None:
        return None

    def _fail(self) -> None:
        if any(begin <= self._world.now < end for begin, end in self._world.outages):
            raise OSError(errno.EIO, os.strerror(errno.EIO))


class World:
    """Snapshots every ``interval()`` seconds, of which one takes ``upload()`` to send and ``writing`` to be saved."""

    def __init__(
        self,
        interval: Callable[[], float],
        upload: Callable[[], float],
        *,
        blocks: bool = False,
        writing: float = 0.0,
        outages: Iterable[tuple[float, float]] = (),
    ) -> None:
        self.now = self.oldest = 0.0  # the greatest age of what was durable
        self.outages = tuple(outages)
        self.newest: Manifest = None  # type: ignore[assignment]
        self._interval, self._upload, self._writing = interval, upload, writing
        self._next = writing
        self._kept: list[Manifest] = []
        self.local, self.remote = Memory(), Line(self, blocks)
        self.uploads = Uploads(self.local, self.remote, "a", clock=lambda: self.now)
        self.tiered = Tiered(self.uploads, lambda: None)
        self.uploads._leases[CELL] = Lease(CELL, 1)

    def run(self, snapshots: int, after: Callable[[], None] = lambda: None) -> None:
        """What the thread does, until so many snapshots were taken."""
        at_once = 0
        while self.newest is None or self.newest.seq < snapshots:
            self._look()
            then, wait = self.now, self.uploads.step()
            at_once = at_once + 1 if wait == 0 and self.now == then else 0
            assert at_once < 20, "it comes to no rest"
            self.pass_until(self._next if wait is None else self.now + wait)
            after()

    def pass_until(self, then: float) -> None:
        """The training goes on meanwhile."""
        while self._next <= then:
            self.now = self._next
            self._take()
            self._next += self._interval()
        self.now = then

    def _look(self) -> None:
        durable = self.uploads.state(CELL).durable
        self.oldest = max(self.oldest, self.now - (durable.created if durable else 0.0))

    def _take(self) -> None:
        seq, pack = (self.newest.seq if self.newest else 0) + 1, secrets.token_hex(6)
        size_bytes = round(self._upload() * BYTES_PER_SECOND)
        ref = BlobRef("0" * 64, size_bytes, pack, 0)
        self.newest = Manifest(secrets.token_hex(6), seq, CELL, self.now - self._writing, (ref,), {}, size_bytes)
        self.local.files[packs.pack_name(pack)] = size_bytes
        self.tiered.write_new(self.newest.name, [self.newest.to_json(KEY)])
        self._kept.append(self.newest)
        while len(self._kept) > KEEP:
            gone = self._kept.pop(0)
            self.tiered.delete(gone.name)
            self.tiered.delete(packs.pack_name(gone.blobs[0].pack))


def held(*objects: object) -> int:
    """How much lies in the sets, lists and dicts that these have."""
    found = [value for one in objects for value in vars(one).values()]
    return sum(len(value) for value in found if hasattr(value, "__len__") and not isinstance(value, str))


def between(low: float, high: float, seed: int) -> Callable[[], float]:
    """Numbers at random."""
    numbers = random.Random(seed)
    return lambda: numbers.uniform(low, high)

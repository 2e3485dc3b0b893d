"""Copies snapshots to the remote, watches until they are durable, and deletes there; by the rules of the package."""

from __future__ import annotations

import math
import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from colab_guard.core.errors import StoreError, StoreUnavailable
from colab_guard.core.words import size
from colab_guard.store import packs
from colab_guard.store.backend import Backend, Entry
from colab_guard.store.failures import advised
from colab_guard.store.manifest import FOLDER, Manifest
from colab_guard.tiers.catalogue import Catalogue, files_of, order
from colab_guard.tiers.durability import Durability
from colab_guard.tiers.leases import Lease, claim
from colab_guard.tiers.reading import chunks
from colab_guard.tiers.remote import Remote

FIRST_DELAY_SECONDS, LAST_DELAY_SECONDS = 1.0, 300.0  # between two tries at a remote that fails
FIRST_LOOK_SECONDS, LAST_LOOK_SECONDS = 0.05, 10.0  # between two looks whether a snapshot is uploaded
LATE_LOOKS = 12  # after these, some twenty seconds, the remote is asked what its trouble is
MEASURED_BYTES = 100_000  # less says nothing about the bandwidth

FOLDERS = ("", packs.FOLDER, FOLDER)
_JITTER = random.Random()  # one of our own: the module's state is the user's, and part of what is to be exact


@dataclass(frozen=True)
class _Copied:
    snapshot: Manifest
    begun: float
    sent_bytes: int


class Uploads:
    """Between a local folder and a remote. ``step`` is for one thread, all else for any.

    ``session`` names this session in leases. ``key`` is asked, before a snapshot is called durable, whether the key
    that signs is (None: never), and for a sentence why not; ``clock`` is in seconds, from any start.
    """

    def __init__(
        self,
        local: Backend,
        remote: Remote,
        session: str,
        key: Callable[[], tuple[bool | None, str]] = lambda: (True, ""),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.local, self.remote, self.catalogue = local, remote, Catalogue()
        self._session, self._key, self._clock = session, key, clock
        self._watched: deque[_Copied] = deque()  # on the remote, and not known to be durable
        self._sure: set[str] = set()  # files
        self._cut_off: set[str] = set()  # of which the remote may have a part
        self._durable: dict[str, Manifest] = {}
        self._there: dict[str, Manifest] = {}  # durable, as far as the remote can tell
        self._leases: dict[str, Lease] = {}
        self._lost: set[str] = set()  # cells that another session writes
        self._tries = self._looks = 0
        self._not_before = -math.inf  # by the clock: until then a remote that failed is left alone
        self._trouble = self._key_trouble = ""
        self._news: deque[str] = deque()
        self._bandwidth: float | None = None

    def begin(self, local: list[Manifest], remote: list[Manifest], files: list[Entry]) -> None:
        """Takes note of what there is: the manifests that each has, and the remote's files. Raises OSError."""
        sizes = {entry.name: entry.size_bytes for folder in FOLDERS for entry in self.local.list(folder)}
        self.catalogue.begin(local, remote, files, sizes)
        self._watched.extend(_Copied(one, 0.0, 0) for one in self.catalogue.whole())

    # -- for cells and people ------------------------------------------------------------------------

    def claim(self, cell: str) -> None:
        """A cell begins here: from its next upload on this session is the one that writes its snapshots."""
        self._leases.pop(cell, None)
        self._lost.discard(cell)

    def tell(self, text: str) -> None:
        """A sentence for the next who asks."""
        self._news.append(text)

    def news(self) -> list[str]:
        """Sentences to tell, once."""
        return [self._news.popleft() for _ in range(len(self._news))]

    def state(self, cell: str) -> Durability:
        """What is durable of a cell, and what keeps the rest."""
        taken = "another session writes its snapshots now" if cell in self._lost else ""
        return Durability(
            newest=self.catalogue.newest(cell),
            durable=self._durable.get(cell),
            copied=self._there.get(cell),
            trouble=taken or self._trouble or self._key_trouble,
            bytes_per_second=self._bandwidth,
            place=self.remote.place,
        )

    def try_again(self) -> None:
        """A remote that failed is tried at the next step, and often at first if it fails still."""
        self._tries, self._not_before = min(self._tries, 1), -math.inf

    def is_idle(self) -> bool:
        """Whether everything is where it should be."""
        return not self._watched and not self._cut_off and self.catalogue.next(self._lost) is None

    # -- for the thread ------------------------------------------------------------------------------

    def step(self) -> float | None:
        """Does what is to be done next. Returns in how many seconds it wants to be called again; None: when there is
        something new. Raises nothing that a store may raise.

        A remote that failed is not tried before the time is over that was returned then, whatever there is new:
        snapshots come often, and would soon have it tried as seldom as one that was gone for hours.
        """
        if (left := self._not_before - self._clock()) > 0:
            return left
        try:
            wait = self._step()
        except OSError as error:
            return self._failed(self.remote.trouble() or advised(error))
        except StoreError as error:
            return self._failed(str(error))
        if self._tries:
            self._tries, self._trouble = 0, ""
            self.tell(f"snapshots reach {self.remote.place} again.")
        return wait

    def _step(self) -> float | None:
        if self._watched and not self._confirm(self._watched[-1]):
            self._looks += 1
            if self._looks > LATE_LOOKS:
                self._trouble = self.remote.trouble()
            return min(FIRST_LOOK_SECONDS * 1.5**self._looks, LAST_LOOK_SECONDS)
        self._looks, self._trouble = 0, "" if not self._tries else self._trouble
        while self._cut_off:  # or it would lie there for good, once something newer takes its turn
            self.remote.delete(part := min(self._cut_off))
            self._cut_off.discard(part)
        while (name := self.catalogue.deletable(self._there)) is not None:
            self.remote.delete(name)
            self._sure.discard(name)
            self.catalogue.deleted(name)
        if (snapshot := self.catalogue.next(self._lost)) is None:
            return 0.0 if self._watched else None
        self.catalogue.keep(snapshot)
        try:
            self._upload(snapshot)
        finally:
            for name in self.catalogue.release():
                self.local.delete(name)
        return 0.0

    def _upload(self, snapshot: Manifest) -> None:
        begun, cell = self._clock(), snapshot.cell
        lease = self._leases.get(cell) or claim(self.remote, cell, self._session)
        self._leases[cell] = lease
        there = self.catalogue.files()
        sizes = {entry.name: entry.size_bytes for folder in FOLDERS for entry in self.local.list(folder)}
        missing = [name for name in files_of(snapshot) if name not in there]
        needed, free = sum(sizes[name] for name in missing), self.remote.free_bytes()
        if free is not None and needed > free:
            raise StoreUnavailable(
                f"the newest snapshot of {cell!r} needs {size(needed)} there, and only {size(free)} are free. Delete "
                f"something and empty the trash, or save less of the cell (--link, --keep 1)."
            )
        for name in missing:
            if name == snapshot.name and lease.is_lost(self.remote):
                self._lost.add(cell)
                self.catalogue.delete_nothing()
                self.tell(
                    f"another session writes snapshots of {cell!r} to {self.remote.place} now. Those of this one stay "
                    f"on this machine, until you run the cell here again."
                )
                return
            self._put(name, sizes[name])
            self.catalogue.copied(Entry(name, sizes[name], time.time()), snapshot if name == snapshot.name else None)
        self._watched.append(_Copied(snapshot, begun, needed))

    def _put(self, name: str, size_bytes: int) -> None:
        def pieces() -> Iterator[memoryview]:
            return chunks(self.local, name, size_bytes)

        self._cut_off.add(name)
        try:
            self.remote.write_new(name, pieces())
        except FileExistsError:
            self.remote.delete(name)  # what the upload of an earlier process left
            self.remote.write_new(name, pieces())
        self._cut_off.discard(name)

    def _confirm(self, copied: _Copied) -> bool:
        """Whether a snapshot need be watched no longer."""
        snapshot, certain = copied.snapshot, True
        for name in files_of(snapshot):
            if name in self._sure:
                continue
            try:
                answer = self.remote.confirmed(name)
            except FileNotFoundError:  # the remote has lost it, and gets it again
                self.catalogue.forget([name, snapshot.name])
                self._watched.remove(copied)
                return True
            if answer is False:
                return False
            certain = certain and answer is True
            if answer:
                self._sure.add(name)
        key, self._key_trouble = self._key()
        if key is False:
            return False
        if copied.sent_bytes > MEASURED_BYTES:
            self._bandwidth = copied.sent_bytes / max(self._clock() - copied.begun, 1e-6)
        self._watched.remove(copied)
        for kind in (self._there, self._durable) if certain and key else (self._there,):
            if order(snapshot) >= order(kind.get(snapshot.cell, snapshot)):
                kind[snapshot.cell] = snapshot
        return True

    def _failed(self, why: str) -> float:
        if not self._tries:
            self.tell(
                f"snapshots no longer reach {self.remote.place}: {why} Until then they stay on this machine: they "
                f"survive a crash of the kernel, not the end of this machine."
            )
        self._trouble = why.rstrip(".")
        self._tries += 1
        delay = min(FIRST_DELAY_SECONDS * 2.0 ** (self._tries - 1), LAST_DELAY_SECONDS)
        delay *= _JITTER.uniform(0.5, 1.0)
        self._not_before = self._clock() + delay
        return delay

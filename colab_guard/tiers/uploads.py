"""Copies snapshots to the remote, watches until they are durable, and deletes there; by the rules of the package."""

from __future__ import annotations

import errno
import math
import os
import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from colab_guard.core.errors import StoreError, StoreUnavailable
from colab_guard.core.queues import taken
from colab_guard.core.underway import Step, under_way
from colab_guard.core.words import size
from colab_guard.flight.recorder import RECORDER
from colab_guard.store import packs
from colab_guard.store.backend import Backend, Entry
from colab_guard.store.failures import advised
from colab_guard.store.manifest import FOLDER, NAME, Manifest, order, read
from colab_guard.tiers.catalogue import Catalogue, files_of
from colab_guard.tiers.durability import Durability
from colab_guard.tiers.leases import Lease, claim
from colab_guard.tiers.reading import chunks, is_there, listed
from colab_guard.tiers.remote import ArrivedOtherwise, Remote

FIRST_DELAY_SECONDS, LAST_DELAY_SECONDS = 1.0, 300.0  # between two tries at a remote that fails
FIRST_LOOK_SECONDS, LAST_LOOK_SECONDS = 0.05, 10.0  # between two looks whether a snapshot is uploaded
LOOK_SHARE = 0.05  # of the time it has taken so far: that it is uploaded is seen at most so much later
LATE_SECONDS = 20.0  # after these the remote is asked what its trouble is, whenever a longest look's time has passed
NEWS = 20  # sentences that wait for somebody to ask
MEASURED_BYTES = 100_000  # less says nothing about the bandwidth

FOLDERS = ("", packs.FOLDER, FOLDER)
_JITTER = random.Random()  # one of our own: the module's state is the user's, and part of what is to be exact


@dataclass(frozen=True)
class _Copied:
    snapshot: Manifest
    begun: float
    sent_bytes: int


class Uploads:
    """Between a local folder and a remote. ``step`` is for one thread, all else for any; who calls it waits as long as
    it says, whatever is new meanwhile: nothing would come of it sooner.

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
        self._own: set[str] = set()  # files that this process wrote
        self._stale = False  # whether the remote is to be listed anew
        self._tries = 0
        self._trouble = self._key_trouble = ""
        self._news: deque[str] = deque(maxlen=NEWS)
        self._bandwidth: float | None = None
        self._asked = -math.inf

    def begin(self, local: list[Manifest], remote: list[Manifest], files: list[Entry]) -> None:
        """Takes note of what there is: the manifests that each has, and the remote's files. Raises OSError."""
        sizes = self._local_sizes()
        self.catalogue.begin(local, remote, files, sizes)
        self._watch()

    # -- for cells and people ------------------------------------------------------------------------

    def claim(self, cell: str) -> None:
        """A cell begins here: from its next upload on this session is the one that writes its snapshots."""
        self._leases.pop(cell, None)
        self._lost.discard(cell)
        self._stale = True

    def tell(self, text: str) -> None:
        """A sentence for the next who asks."""
        self._news.append(text)

    def news(self) -> list[str]:
        """Sentences to tell, once."""
        return taken(self._news)

    def state(self, cell: str) -> Durability:
        """What is durable of a cell, and what keeps the rest."""
        overtaken = "another session writes its snapshots now" if cell in self._lost else ""
        return Durability(
            cell,
            newest=self.catalogue.newest(cell),
            durable=self._durable.get(cell),
            copied=self._there.get(cell),
            trouble=overtaken or self._trouble or self._key_trouble,
            bytes_per_second=self._bandwidth,
            place=self.remote.place,
            how=self.remote.how(files_of(self._durable[cell])) if cell in self._durable else "",
        )

    @property
    def tries(self) -> int:
        """How often the remote has failed since it last did not."""
        return self._tries

    def to_fetch_bytes(self, cell: str) -> int:
        """What of a cell's newest snapshot only the remote has. Raises OSError."""
        here = {entry.name for entry in self.local.list(packs.FOLDER)}
        return sum(entry.size_bytes for entry in self.catalogue.packs_of_newest(cell) if entry.name not in here)

    def is_idle(self) -> bool:
        """Whether everything is where it should be."""
        return not self._watched and not self._cut_off and self.catalogue.next(self._lost) is None

    # -- for the thread ------------------------------------------------------------------------------

    def step(self) -> float | None:
        """Does what is to be done next. Returns in how many seconds it wants to be called again; None: when there is
        something new. Raises nothing that a store may raise.
        """
        try:
            wait = self._step()
        except OSError as error:
            gone = error.errno == errno.ENOTCONN  # to see whether it is mounted again costs nothing
            why = self.remote.trouble() or advised(error)
            return self._failed(why, LAST_LOOK_SECONDS if gone else LAST_DELAY_SECONDS)
        except StoreError as error:
            return self._failed(str(error))
        if self._tries:
            self._tries, self._trouble = 0, ""
            RECORDER.event("store-back", text=self.remote.place)
            self.tell(f"snapshots reach {self.remote.place} again.")
        return wait

    def _step(self) -> float | None:
        if self._stale:
            self._look()
        if self._watched and not self._confirm(self._watched[-1]):
            waited = self._clock() - self._watched[-1].begun
            if waited > LATE_SECONDS and self._clock() - self._asked >= LAST_LOOK_SECONDS:  # to ask takes milliseconds
                self._asked, self._trouble = self._clock(), self.remote.trouble()
            return min(max(waited * LOOK_SHARE, FIRST_LOOK_SECONDS), LAST_LOOK_SECONDS)
        self._trouble = "" if not self._tries else self._trouble
        while self._cut_off:  # or it would lie there for good, once something newer takes its turn
            self.remote.delete(part := min(self._cut_off))
            self._cut_off.discard(part)
        self._delete()
        if (snapshot := self.catalogue.keep_next(self._lost)) is None:
            return 0.0 if self._watched else None
        try:
            self._upload(snapshot)
        finally:
            for name in self.catalogue.release():
                self.local.delete(name)
        return 0.0

    def _delete(self) -> None:
        """What is to go on the remote, and may by now. Others may just be writing a snapshot: right before a pack goes,
        it is looked whether one needs it; of a pack of this session's own, whether its cells are still this session's.
        """
        while not self._lost and (name := self.catalogue.deletable(self._there)) is not None:
            is_pack, is_own = packs.NAME.fullmatch(name), name in self._own
            held = list(self._leases.values()) if is_pack and is_own else []
            if lost := next((lease for lease in held if lease.is_lost(self.remote)), None):
                self._lose(lost)
            elif is_pack and ((not is_own and not self._look()) or self.catalogue.needs(name)):
                self.catalogue.spared(name)
            else:
                self.remote.delete(name)
                self._sure.discard(name)
                self._own.discard(name)
                self.catalogue.deleted(name)
        if self._lost:
            self.catalogue.delete_nothing()

    def _look(self) -> bool:
        """Lists the remote anew: others may have written and deleted there since the cell began elsewhere, or since the
        remote could last be reached. Whether all that is new there could be read.
        """
        self._stale = False  # first: a cell that begins meanwhile wants another look
        known, there = self.catalogue.files(), [one for folder in FOLDERS[1:] for one in self.remote.list(folder)]
        new = listed(self.remote, (one for one in there if NAME.fullmatch(one.name) and one.name not in known))
        found = [read(data, name) for name, data in new.items()]
        gone = self.catalogue.relist(filter(None, found), there, self._local_sizes())
        self._sure -= gone
        self._own -= gone
        for kind in (self._there, self._durable):
            for cell in [cell for cell, one in kind.items() if not gone.isdisjoint(files_of(one))]:
                del kind[cell]
        self._watched = deque(one for one in self._watched if gone.isdisjoint(files_of(one.snapshot)))
        self._watch()
        return None not in found

    def _watch(self) -> None:
        """The newest snapshots on the remote, whoever wrote them: whether they are durable is found out."""
        known = {one.name for one in self._there.values()} | {one.snapshot.name for one in self._watched}
        more = [_Copied(one, self._clock(), 0) for one in self.catalogue.whole() if one.name not in known]
        self._watched.extendleft(reversed(more))

    def _upload(self, snapshot: Manifest) -> None:
        begun, cell = self._clock(), snapshot.cell
        if (lease := self._leases.get(cell)) is None:
            lease = self._leases[cell] = claim(self.remote, cell, self._session)
        known, sizes = self.catalogue.files(), self._local_sizes()
        *needs, manifest = files_of(snapshot)
        # Others delete what none of their snapshots needs: a manifest must not be there without its packs.
        missing = [name for name in needs if name not in known or not is_there(self.remote, name)] + [manifest]
        if gone := [name for name in missing if name not in sizes]:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"{self.local.place}/{gone[0]}")
        needed, free = sum(sizes[name] for name in missing), self.remote.free_bytes()
        if free is not None and needed > free:
            raise StoreUnavailable(
                f"the newest snapshot of {cell!r} needs {size(needed)} there, and only {size(free)} are free. Delete "
                f"something and empty the trash, or save less of the cell (--link, --keep 1)."
            )
        with under_way(f"uploading {cell}", needed) as step:
            for name in missing:
                if name == snapshot.name and lease.is_lost(self.remote):
                    self._lose(lease)
                    return
                self._put(name, sizes[name], step)
                if name != snapshot.name:
                    self.catalogue.copied(Entry(name, sizes[name], time.time()))
        self._watched.append(_Copied(snapshot, begun, needed))  # first: at no instant there is nothing to be done
        self.catalogue.copied(Entry(snapshot.name, sizes[snapshot.name], time.time()), snapshot)

    def _local_sizes(self) -> dict[str, int]:
        return {entry.name: entry.size_bytes for folder in FOLDERS for entry in self.local.list(folder)}

    def _lose(self, lease: Lease) -> None:
        self._lost.add(lease.cell)
        if self._leases.get(lease.cell) is not lease:  # ``claim`` was called meanwhile: a new one is taken next
            self._lost.discard(lease.cell)
            return
        self.tell(
            f"another session writes snapshots of {lease.cell!r} to {self.remote.place} now. Those of this one stay on "
            f"this machine, until you run the cell here again."
        )

    def _put(self, name: str, size_bytes: int, step: Step) -> None:
        def pieces() -> Iterator[memoryview]:
            for piece in chunks(self.local, name, size_bytes):
                yield piece
                step.more(piece.nbytes)

        self._cut_off.add(name)
        try:
            self.remote.write_new(name, pieces())
        except FileExistsError:
            self.remote.delete(name)  # what the upload of an earlier process left
            self.remote.write_new(name, pieces())
        self._cut_off.discard(name)
        self._own.add(name)

    def _confirm(self, copied: _Copied) -> bool:
        """Whether a snapshot need be watched no longer."""
        snapshot, certain = copied.snapshot, True
        for name in files_of(snapshot):
            if name in self._sure:
                continue
            try:
                answer = self.remote.confirmed(name)
            except FileNotFoundError as error:
                if isinstance(error, ArrivedOtherwise):
                    for bad in (snapshot.name, name):
                        self.remote.delete(bad)
                    self.tell(str(error))
                return self._again(copied, name)
            if answer is False:
                return False
            certain = certain and answer is True
            if answer:
                self._sure.add(name)
        key, self._key_trouble = self._key()
        if key is False:
            return False
        for name in files_of(snapshot):  # last: somebody may just have looked before the manifest was there
            if not is_there(self.remote, name):
                return self._again(copied, name)
        if copied.sent_bytes > MEASURED_BYTES:
            self._bandwidth = copied.sent_bytes / max(self._clock() - copied.begun, 1e-6)
        self._watched.remove(copied)
        for kind in (self._there, self._durable) if certain and key else (self._there,):
            if order(snapshot) >= order(kind.get(snapshot.cell, snapshot)):
                kind[snapshot.cell] = snapshot
        return True

    def _again(self, copied: _Copied, name: str) -> bool:
        """The remote has lost a file of a snapshot, and gets both again: nothing is left to be watched."""
        self.catalogue.forget([name, copied.snapshot.name])
        self._sure.discard(name)
        self._watched.remove(copied)
        return True

    def _failed(self, why: str, most_seconds: float = LAST_DELAY_SECONDS) -> float:
        if not self._tries:
            RECORDER.event("store-lost", text=f"{self.remote.place}: {why}")
            self.tell(
                f"snapshots no longer reach {self.remote.place}: {why} Until then they stay on this machine: they "
                f"survive a crash of the kernel, not the end of this machine."
            )
        self._tries += 1  # first: who hears of the trouble waits for one more try
        self._trouble, self._stale = why.rstrip("."), True
        delay = min(FIRST_DELAY_SECONDS * 2.0 ** min(self._tries - 1, 20), most_seconds)
        return delay * _JITTER.uniform(0.5, 1.0)

"""What each tier holds, what is to be copied next, and what is deleted but for doing it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Iterable, Mapping

from colab_guard.store import packs
from colab_guard.store.backend import Entry
from colab_guard.store.manifest import Manifest, newest_of, order
from colab_guard.store.repository import CONFIG
from colab_guard.store.retention import DEFAULT, choose


class Catalogue:
    """Any thread may ask and tell. After a fork the child calls ``forked``."""

    def __init__(self) -> None:
        self.forked()
        self._local: dict[str, Manifest] = {}
        self._remote: dict[str, Manifest] = {}
        self._files: dict[str, Entry] = {}  # whole, on the remote
        self._hidden: set[str] = set()
        # Of files on the remote, once there of each cell this snapshot or a newer one is.
        self._deletions: deque[tuple[str, list[Manifest]]] = deque()
        self._under_way: Manifest | None = None
        self._held: list[str] = []  # to be deleted in the folder when the upload under way is over

    def forked(self) -> None:
        """The lock may have been held by a thread that is not here."""
        self._lock = threading.Lock()

    # -- what there is -------------------------------------------------------------------------------

    def begin(
        self, local: Iterable[Manifest], remote: Iterable[Manifest], files: Iterable[Entry], sizes: Mapping[str, int]
    ) -> None:
        """The manifests that each tier has, the remote's files, and the sizes of the folder's by name."""
        with self._lock:
            self._local = {one.name: one for one in local}
            self._note(remote, files, sizes)

    def relist(self, found: Iterable[Manifest], listed: Iterable[Entry], sizes: Mapping[str, int]) -> set[str]:
        """What the remote has by now: its packs and manifests, those ``found`` among them that were not known; the
        names of what it had and has no longer.
        """
        with self._lock:
            before = self._files
            config = [before[CONFIG]] if CONFIG in before else []
            known = [*self._remote.values(), *(self._local[name] for name in before if name in self._local), *found]
            self._note(known, [*config, *listed], sizes)
            gone = before.keys() - self._files.keys()
            self._hidden -= gone
            return gone

    def _note(self, remote: Iterable[Manifest], files: Iterable[Entry], sizes: Mapping[str, int]) -> None:
        # One that was cut off is shorter than the folder's, and is copied anew, and so is a snapshot that lacks one.
        self._files = {file.name: file for file in files if sizes.get(file.name) in (None, file.size_bytes)}
        there = (one for one in remote if one.name in self._files)
        self._remote = {one.name: one for one in there if one.name not in self._local or self._is_whole(one)}

    def add(self, snapshot: Manifest) -> None:
        """A snapshot was written to the folder."""
        with self._lock:
            self._local[snapshot.name] = snapshot

    def copied(self, file: Entry, snapshot: Manifest | None = None) -> None:
        """The remote has a file, which is the manifest of a snapshot or a pack."""
        with self._lock:
            self._files[file.name] = file
            if snapshot is not None:
                self._remote[file.name] = snapshot

    def forget(self, names: Iterable[str]) -> None:
        """The remote has these files no longer."""
        with self._lock:
            for name in names:
                self._files.pop(name, None)
                self._remote.pop(name, None)
                self._hidden.discard(name)

    def files(self) -> Mapping[str, Entry]:
        """The remote's, by name."""
        with self._lock:
            return dict(self._files)

    def hidden(self) -> frozenset[str]:
        """The names that nobody is to find."""
        with self._lock:
            return frozenset(self._hidden)

    def newest(self, cell: str) -> Manifest | None:
        """The newest snapshot of a cell in the folder."""
        with self._lock:
            return next(iter(self._of(cell)), None)

    def cells(self) -> list[str]:
        """Those of which the folder has snapshots."""
        with self._lock:
            return list(dict.fromkeys(one.cell for one in self._local.values()))

    def packs_of_newest(self, cell: str) -> list[Entry]:
        """The remote's packs that the newest snapshot of a cell needs, wherever its manifest lies."""
        with self._lock:
            found = [one for one in (*self._local.values(), *self._remote.values()) if one.cell == cell]
            needed = files_of(max(found, key=order))[1:-1] if found else []
            return [self._files[name] for name in needed if name in self._files]

    def whole(self) -> list[Manifest]:
        """Of each cell the newest snapshot on the remote, where nothing of it is missing."""
        with self._lock:
            return [one for one in newest_of(self._remote.values()) if self._is_whole(one)]

    def needs(self, pack: str) -> bool:
        """Whether a snapshot on the remote needs a pack."""
        with self._lock:
            return any(pack in files_of(one) for one in self._remote.values())

    # -- what is to be done --------------------------------------------------------------------------

    def next(self, passed_over: Collection[str]) -> Manifest | None:
        """The snapshot to copy next, none of the cells ``passed_over``."""
        with self._lock:
            return self._next(passed_over)

    def keep_next(self, passed_over: Collection[str]) -> Manifest | None:
        """The same; its files stay in the folder until ``release``."""
        with self._lock:  # one step: what is pruned in between would be gone before it is read
            self._under_way = self._next(passed_over)
            return self._under_way

    def release(self) -> list[str]:
        """The upload is over: what is to be deleted in the folder now."""
        with self._lock:
            self._under_way, held, self._held = None, self._held, []
            self._hidden.difference_update(held)
        for name in held:
            self.delete(name)  # what was copied meanwhile is to go there too
        return held

    def delete(self, name: str) -> bool:
        """A file is to be deleted; whether it must stay in the folder for now."""
        with self._lock:
            gates = newest_of(self._local.values())
            if (snapshot := self._local.get(name) or self._remote.get(name)) is not None:
                # What it gives way to may be another session's, of which it is not known yet that it is whole.
                gates.extend(newest_of(one for one in self._remote.values() if one.cell == snapshot.cell))
            self._local.pop(name, None)
            if name in self._files and name not in self._hidden and gates:
                self._hidden.add(name)
                self._deletions.append((name, gates))
            if self._under_way is None or name not in files_of(self._under_way):
                return False
            self._hidden.add(name)
            self._held.append(name)
            return True

    def deletable(self, there: Mapping[str, Manifest]) -> str | None:
        """The next file to delete on the remote, where ``there`` are the newest that it is known to have, by cell."""
        with self._lock:
            if not self._deletions:
                return None
            name, gates = self._deletions[0]
            return name if all(one.cell in there and order(there[one.cell]) >= order(one) for one in gates) else None

    def deleted(self, name: str) -> None:
        """That file is gone."""
        with self._lock:
            self._deletions.popleft()
        self.forget([name])

    def spared(self, name: str) -> None:
        """That file is not to be deleted after all."""
        with self._lock:
            self._deletions.popleft()
            self._hidden.discard(name)

    def delete_nothing(self) -> None:
        """Somebody else looks after the remote now; what stays there is to be found, and needs its packs."""
        with self._lock:
            self._hidden -= {name for name, _ in self._deletions} - set(self._held)
            self._deletions.clear()

    def _next(self, passed_over: Collection[str]) -> Manifest | None:
        newest = newest_of([*self._local.values(), *self._remote.values()])
        best = (choose(DEFAULT, self._of(one.cell), {}).best for one in newest)
        for one in (*newest, *(one for one in best if one)):
            if one.name in self._local and one.name not in self._remote and one.cell not in passed_over:
                return one
        return None

    def _is_whole(self, snapshot: Manifest) -> bool:
        return self._files.keys() >= set(files_of(snapshot))

    def _of(self, cell: str) -> list[Manifest]:
        return sorted((one for one in self._local.values() if one.cell == cell), key=order, reverse=True)


def files_of(snapshot: Manifest) -> list[str]:
    """What a snapshot needs, in the order in which it is written: the config, packs, and last the manifest."""
    return [
        CONFIG,
        *(packs.pack_name(pack) for pack in dict.fromkeys(blob.pack for blob in snapshot.blobs)),
        snapshot.name,
    ]

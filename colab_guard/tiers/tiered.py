"""A local folder and a remote as one backend: writes go to the folder, reads come from the nearer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from colab_guard.core.errors import CorruptSnapshot, UnknownFormat
from colab_guard.core.words import size
from colab_guard.store import manifest, packs
from colab_guard.store.backend import Entry
from colab_guard.store.manifest import Manifest
from colab_guard.store.repository import CONFIG
from colab_guard.store.sealed import unseal
from colab_guard.tiers.reading import chunks, is_there, listed, whole
from colab_guard.tiers.uploads import FOLDERS, Uploads

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Tiered:
    """See Backend; what is durable when a write returns is only what the folder is. Thread-safe.

    What the remote holds is listed when it is opened, and anew where others may have changed it (``Uploads``). Raises
    OSError where that fails. ``wake`` is called when there is something to upload.
    """

    def __init__(self, uploads: Uploads, wake: Callable[[], None]) -> None:
        self._local, self._remote, self._uploads, self._wake = uploads.local, uploads.remote, uploads, wake
        self._fetching = threading.Lock()
        self._manifests: dict[str, bytes] = {}  # of the remote, when it was opened
        found = [entry for folder in FOLDERS for entry in self._remote.list(folder)]
        files = [entry for entry in found if entry.name != CONFIG or not self._is_cut_off(entry)]
        there = listed(self._local, _manifests(self._local.list(manifest.FOLDER)))
        self._manifests = listed(self._remote, _manifests(files))
        uploads.begin(_readable(there), _readable(self._manifests), files)
        wake()

    @property
    def place(self) -> str:
        """The remote's."""
        return self._remote.place

    def write_new(self, name: str, chunks: Iterable[ReadableBuffer]) -> None:
        """See Backend."""
        if not manifest.NAME.fullmatch(name):
            self._local.write_new(name, chunks)
            return
        data = b"".join(chunks)
        self._local.write_new(name, [data])
        if (snapshot := manifest.read(data, name)) is not None:
            self._uploads.catalogue.add(snapshot)
            self._wake()

    def read(self, name: str, offset: int, into: memoryview) -> int:
        """See Backend. A pack that only the remote has is fetched whole, if the folder has room for it."""
        try:
            return self._local.read(name, offset, into)
        except FileNotFoundError:
            if name in self._manifests:
                part = self._manifests[name][offset : offset + len(into)]
                into[: len(part)] = part
                return len(part)
            entry = self._uploads.catalogue.files().get(name)
            if entry is None:
                raise
        if packs.NAME.fullmatch(name):
            with suppress(OSError):  # the folder's disk is full
                self._fetch(entry)
                return self._local.read(name, offset, into)
        return self._remote.read(name, offset, into)

    def list(self, folder: str) -> Iterator[Entry]:
        """See Backend: what either has."""
        there = {entry.name: entry for entry in self._local.list(folder)}
        for name, entry in self._uploads.catalogue.files().items():
            if name.rpartition("/")[0] == folder:
                there.setdefault(name, entry)
        hidden = self._uploads.catalogue.hidden()
        yield from (entry for name, entry in there.items() if name not in hidden)

    def delete(self, name: str) -> None:
        """See Backend: nobody finds it from now on; on the remote it goes when a newer snapshot is durable."""
        if not self._uploads.catalogue.delete(name):
            self._local.delete(name)

    def drop_copies(self, names: Iterable[str]) -> bool:
        """See HasCopies: the folder's, of what the remote has too."""
        there = self._uploads.catalogue.files()
        dropped = [name for name in names if name in there]
        for name in dropped:
            self._local.delete(name)
        return bool(dropped)

    def _is_cut_off(self, config: Entry) -> bool:
        """Whether a config is damaged. A machine that dies while it writes its first file on Drive leaves one, which
        would keep the next from beginning. It is made anew, for nothing depends on what it says; one of a later format
        is left to the repository to refuse.
        """
        try:
            unseal(whole(self._remote, config), config.name, lambda fields: None)
        except CorruptSnapshot:
            return True
        except UnknownFormat:
            pass
        return False

    def _fetch(self, entry: Entry) -> None:
        with self._fetching:
            if not is_there(self._local, entry.name):
                self._local.write_new(entry.name, chunks(self._remote, entry.name, entry.size_bytes))
                self._uploads.tell(f"{size(entry.size_bytes)} came from {self.place}: this machine had no copy.")


def _readable(found: Mapping[str, bytes]) -> list[Manifest]:
    return [one for name, data in found.items() if (one := manifest.read(data, name)) is not None]


def _manifests(entries: Iterable[Entry]) -> list[Entry]:
    return [entry for entry in entries if manifest.NAME.fullmatch(entry.name)]

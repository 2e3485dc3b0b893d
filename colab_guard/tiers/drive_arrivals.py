"""Whether what was written to Drive is what arrived there: sizes and checksums, by Drive's API."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from colab_guard.tiers.drive_api import DriveApi
from colab_guard.tiers.remote import ArrivedOtherwise

if TYPE_CHECKING:
    from hashlib import _Hash

PATIENCE_SECONDS = 60.0  # for an answer that contradicts: whether Drive shows an upload before its end is not known
BY_API, BY_ID = "confirmed by Drive's API", "by the files' ids"


class Arrivals:
    """For the thread that uploads, but for ``how``."""

    def __init__(self, api: DriveApi) -> None:
        self._api = api
        self._written: dict[str, str] = {}  # MD5 of what is not known to have arrived
        self._doubted: dict[str, float] = {}  # since when
        self._by_api: set[str] = set()

    def checksum(self) -> _Hash | None:
        """To be fed with what is written; None where nobody would ask for it."""
        return hashlib.md5(usedforsecurity=False) if self._api.authorised() else None

    def wrote(self, name: str, checksum: _Hash | None) -> None:
        """A file was written."""
        self.forget(name)
        if checksum is not None:
            self._written[name] = checksum.hexdigest()

    def forget(self, name: str) -> None:
        """A file is gone."""
        self._written.pop(name, None)
        self._doubted.pop(name, None)
        self._by_api.discard(name)

    def is_same(self, name: str, file_id: str, size_bytes: int) -> bool | None:
        """Whether an uploaded file is as it was written; where Drive's API does not tell, it is taken for so. False:
        not yet. None: one that an earlier session wrote is not. Raises ArrivedOtherwise for one that this session did.
        """
        told = self._api.file(file_id)
        written = self._written.get(name)
        if told is None and name not in self._doubted:
            return True
        # Of what an earlier session wrote only the size is known.
        if told and not told.is_trashed and (told.size_bytes, told.md5) == (size_bytes, written or told.md5):
            self.forget(name)
            self._by_api.add(name)
            return True
        if written is None:
            return None
        since = self._doubted.setdefault(name, self._api.clock())
        if self._api.clock() - since < PATIENCE_SECONDS:
            return False
        raise ArrivedOtherwise(
            f"Drive's API says that {name} is {'in the trash' if told and told.is_trashed else 'not what was written'}"
            f": it is uploaded anew."
        )

    def how(self, names: Iterable[str]) -> str:
        """How it is known that all of these are durable, in words."""
        return BY_API if self._by_api.issuperset(names) else BY_ID

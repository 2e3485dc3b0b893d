"""The stores of this process: which of them has two tiers, and who uploads."""

from __future__ import annotations

import atexit
import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from colab_guard.core.errors import KeyUnusable, StoreUnavailable
from colab_guard.core.keys import Key, Keyring
from colab_guard.core.places import is_below_drive, is_drive, local_folder
from colab_guard.core.stores import is_url, store_at
from colab_guard.core.underway import Line, long_ones
from colab_guard.store.backend import Backend
from colab_guard.store.failures import unavailable
from colab_guard.store.folder import Folder
from colab_guard.store.objects import Objects
from colab_guard.store.opening import backend_at
from colab_guard.store.repository import CONFIG, Repository
from colab_guard.tiers.durability import Durability
from colab_guard.tiers.remote import Remote
from colab_guard.tiers.tiered import Tiered
from colab_guard.tiers.uploader import Uploader
from colab_guard.tiers.uploads import Uploads

FINISH_SECONDS = 10.0  # how long a process that ends waits for uploads under way
SESSION = secrets.token_hex(6)  # this process, in leases


@dataclass(frozen=True)
class Tier:
    """A store with two tiers."""

    backend: Tiered
    uploads: Uploads
    uploader: Uploader

    def finish(self, seconds: float, line: Line | None = None) -> bool:
        """Waits until all that is to be uploaded is, for at most so long, or until that fails; whether it is. What
        failed before is tried at once. ``line`` shows how far it is.
        """
        before = self.uploads.tries

        def is_over() -> bool:
            if line is not None:
                for step in long_ones()[:1]:
                    line.show(step)
            return self.uploads.is_idle() or self.uploads.tries > before

        if not self.uploads.is_idle():
            self.uploader.wake(hurry=True)
        self.uploader.wait(is_over, seconds)
        return self.uploads.is_idle()


_tiers: dict[str, Tier] = {}  # by place
_opening = threading.Lock()


def backend_of(store: str | os.PathLike[str], keys: Keyring) -> Backend:
    """The backend for a store, with two tiers if it outlives this machine. One in each process.

    Raises StoreUnavailable, and UsageError for a URL that nothing here can open.
    """
    place = store_at(store)
    with _opening:
        if place not in _tiers and (remote := _remote(place)) is not None:
            with unavailable(place, "the repository can't be opened"):
                uploads = Uploads(Folder(local_folder(place)), remote, SESSION, _key_state(keys, Path(place)))
                uploader = Uploader(uploads)
                _tiers[place] = Tier(Tiered(uploads, uploader.wake), uploads, uploader)
        return _tiers[place].backend if place in _tiers else backend_at(place)


def _remote(place: str) -> Remote | None:
    """What outlives this machine; None for a store that is a single folder. Raises StoreUnavailable, UsageError."""
    if is_url(place):
        return Objects(place)
    if not is_below_drive(place):
        return None
    if not is_drive(place):
        raise StoreUnavailable(
            f"{place} is on Drive, which is not mounted: what is written there now would be lost, and keep Drive from "
            f"being mounted. Mount it (`%guard mount`, or drive.mount), then run the cell again."
        )
    from colab_guard.tiers.drive import Drive  # here, for it brings http.client

    with unavailable(place, "the repository can't be opened"):
        return Drive(Path(place))


def repository(
    store: str | os.PathLike[str],
    *,
    clock: Callable[[], float] = time.time,
    keys: Keyring | None = None,
    trust: bool = False,
) -> Repository:
    """The repository in a store, made where it is missing. Raises StoreError; see ``Repository``."""
    keys = keys or Keyring()
    return Repository(backend_of(store, keys), clock=clock, keys=keys, trust=trust)


def may_hold_snapshots(store: str | os.PathLike[str]) -> bool:
    """Whether a store that can't be read now may hold snapshots: then to start over would be to lose them."""
    place = store_at(store)
    return is_url(place) or is_below_drive(place) or Path(place, CONFIG).exists()


def tier_of(place: str) -> Tier | None:
    """The tiers of a store that was opened; None for one that is a single folder."""
    return _tiers.get(place)


def sides(store: str | os.PathLike[str], keys: Keyring) -> list[Backend]:
    """The backends of a store one by one: the folder and the remote of one with two tiers. Raises as ``backend_of``."""
    backend, tier = backend_of(store, keys), tier_of(store_at(store))
    return [backend] if tier is None else [tier.uploads.local, tier.uploads.remote]


def notes(place: str) -> str:
    """What a status says of a store beside where it is."""
    tier = tier_of(place)
    return tier.uploads.remote.notes() if tier else ""


def try_again() -> None:
    """Every remote that failed is tried now."""
    for tier in list(_tiers.values()):
        tier.uploader.wake(hurry=True)


def to_fetch_bytes(place: str, cell: str) -> int:
    """What of a cell's newest snapshot must come from the remote first. Raises StoreUnavailable."""
    tier = _tiers.get(place)
    with unavailable(place, f"the snapshots of {cell!r} can't be looked at"):
        return 0 if tier is None else tier.uploads.to_fetch_bytes(cell)


def states() -> list[Durability]:
    """What of each cell is durable, in all stores with two tiers."""
    return [tier.uploads.state(cell) for tier in list(_tiers.values()) for cell in tier.uploads.catalogue.cells()]


def finish(seconds: float = FINISH_SECONDS, line: Line | None = None) -> bool:
    """Waits until all that is to be uploaded is, in all stores, see ``Tier.finish``; whether it is."""
    until = time.monotonic() + seconds
    return all(tier.finish(max(0.0, until - time.monotonic()), line) for tier in list(_tiers.values()))


def _key_state(keys: Keyring, store: Path) -> Callable[[], tuple[bool | None, str]]:
    """Tells whether the keys that sign, or did before Drive was mounted, outlive this machine; why they never will."""
    kept: list[tuple[Key, list[Path]]] = []  # to look for them lists folders, on Drive too

    def state() -> tuple[bool | None, str]:
        try:
            signing, files = kept[0] if kept else found()
            if signing.dies_with:
                if is_below_drive(store):
                    os.stat(store)  # between two mounts the key on Drive is not seen
                return None, f"the key that signs dies with {signing.dies_with}"
        except (KeyUnusable, OSError):  # the mount died; a key that is damaged would have stopped the snapshot itself
            return False, ""
        kept[:] = [(signing, files)]
        from colab_guard.tiers.drive import is_uploaded

        answers = {is_uploaded(file) for file in files}
        return (False if False in answers else None if None in answers else True), ""

    def found() -> tuple[Key, list[Path]]:
        signing = keys.signing(store)
        return signing, [Path(key.where) for key in keys.found() if is_below_drive(Path(key.where))]

    return state


def _forked() -> None:
    global _opening
    _opening = threading.Lock()
    for tier in _tiers.values():
        tier.uploads.catalogue.forked()


atexit.register(finish)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)

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
from colab_guard.store.backend import Backend
from colab_guard.store.failures import unavailable
from colab_guard.store.folder import Folder
from colab_guard.store.repository import CONFIG, Repository
from colab_guard.tiers.drive import Drive, is_uploaded
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

    def finish(self, seconds: float) -> bool:
        """Tries a remote that failed, and waits until all is uploaded, for at most so long; whether it is."""
        if not self.uploads.is_idle():
            self.uploader.wake(hurry=True)
        return self.uploader.wait(self.uploads.is_idle, seconds)


_tiers: dict[str, Tier] = {}  # by place
_opening = threading.Lock()


def backend_of(store: str | Path, keys: Keyring) -> Backend:
    """The backend for a store, with two tiers if it is on Drive. One in each process. Raises StoreUnavailable."""
    path = Path(store).expanduser().absolute()  # the cell may change the working directory
    with _opening:
        return _backend(path, str(path), keys)


def _backend(path: Path, place: str, keys: Keyring) -> Backend:
    if place in _tiers:
        return _tiers[place].backend
    with unavailable(place, "the repository can't be opened"):
        if not is_below_drive(path):
            return Folder(path)
        if not is_drive(path):
            raise StoreUnavailable(
                f"{place} is on Drive, which is not mounted: what is written there now would be lost, and keep Drive "
                f"from being mounted. Mount it (`%guard mount`, or drive.mount), then run the cell again."
            )
        uploads = Uploads(Folder(local_folder(place)), Drive(path), SESSION, _key_state(keys, path))
        uploader = Uploader(uploads)
        _tiers[place] = Tier(Tiered(uploads, uploader.wake), uploads, uploader)
    return _tiers[place].backend


def repository(
    store: str | Path, *, clock: Callable[[], float] = time.time, keys: Keyring | None = None, trust: bool = False
) -> Repository:
    """The repository in a store, made where it is missing. Raises StoreError; see ``Repository``."""
    keys = keys or Keyring()
    return Repository(backend_of(store, keys), clock=clock, keys=keys, trust=trust)


def may_hold_snapshots(store: Path) -> bool:
    """Whether a store that can't be read now may hold snapshots: then to start over would be to lose them."""
    return is_below_drive(store.expanduser().absolute()) or (store / CONFIG).exists()


def tier_of(place: str) -> Tier | None:
    """The tiers of a store that was opened; None for one that is a single folder."""
    return _tiers.get(place)


def try_again() -> None:
    """Every remote that failed is tried now."""
    for tier in _tiers.values():
        tier.uploader.wake(hurry=True)


def finish(seconds: float = FINISH_SECONDS) -> bool:
    """Waits until all that is to be uploaded is, in all stores; whether it is."""
    until = time.monotonic() + seconds
    return all(tier.finish(max(0.0, until - time.monotonic())) for tier in _tiers.values())


def _key_state(keys: Keyring, store: Path) -> Callable[[], tuple[bool | None, str]]:
    """Tells whether the key that signs outlives this machine, and why it never will."""
    kept: list[Key] = []  # to look for it lists folders, on Drive too

    def state() -> tuple[bool | None, str]:
        try:
            key = kept[0] if kept else keys.signing(store)
            if key.dies_with:
                os.stat(store)  # between two mounts the key on Drive is not seen
                return None, f"the key that signs dies with {key.dies_with}"
        except (KeyUnusable, OSError):  # the mount died; a damaged key would have stopped the snapshot itself
            return False, ""
        kept[:] = [key]
        path = Path(key.where)
        return (is_uploaded(path) if is_drive(path) else True), ""

    return state


def _forked() -> None:
    global _opening
    _opening = threading.Lock()
    for tier in _tiers.values():
        tier.uploads.catalogue.forked()


atexit.register(finish)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)

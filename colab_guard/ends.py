"""How earlier sessions of a store ended: what is recorded in all of its tiers, judged from where we are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from colab_guard.core.keys import Keyring
from colab_guard.core.places import is_below_drive
from colab_guard.core.stores import is_url, store_at
from colab_guard.flight.reading import Flight, flights
from colab_guard.flight.why import End, ended
from colab_guard.store.backend import Backend
from colab_guard.tiers import opening


def end(store: str, session: str = "", *, notebook: str | None = None, keys: Keyring | None = None) -> End:
    """How the session of that name ended, else the newest of this ``notebook`` that is not our own. Raises UsageError
    where none is recorded, StoreError where the store can't be opened.
    """
    return ended(recorded(store, keys or Keyring()), session, notebook=notebook)


def greeting(flights: Sequence[Flight], notebook: str) -> str | None:
    """One line on how this ``notebook``'s last session ended, unless somebody wanted it so."""
    found = [flight for flight in flights if flight.start.get("notebook") == notebook]
    return ended(found, notebook=notebook).line if found else None


def recorded(store: str, keys: Keyring) -> Sequence[Flight]:
    """The flights in all of a store's tiers, newest first. Raises StoreError where it can't be opened."""
    # A plain folder is not opened, which would make it.
    tiered = is_url(store) or is_below_drive(store)
    places: Sequence[Backend | Path] = opening.sides(store, keys) if tiered else [Path(store_at(store))]
    return flights(*places)

"""Whose manifests are believed: those signed with a key of the user's."""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import Any

from colab_guard.core.errors import AlteredSnapshot, ForeignSnapshot, StoreError, UnsignedSnapshot
from colab_guard.core.keys import Key, Keyring
from colab_guard.store.sealed import DIGEST, ID, canonical, matching

WHY = "Loading a snapshot runs code of whoever wrote it, so nothing of it was loaded."
CHOOSE = (
    "If you trust whoever wrote it, add --trust (trust=True, COLAB_GUARD_TRUST=1) for this one run; "
    "--fresh (fresh=True) starts over."
)


class Trust:
    """The keys of one repository's user, looked up when they are first needed. Thread-safe."""

    def __init__(self, keyring: Keyring, store: Path) -> None:
        self._keyring, self._store = keyring, store
        self._signing: Key | None = None
        self._known: dict[str, Key] | None = None

    def key(self) -> Key:
        """The one that signs, made where there is none. Raises KeyUnusable, or UsageError as ``Keyring`` does."""
        if self._signing is None:
            self._signing = self._keyring.signing(self._store)
            if self._known is not None:  # not read again: where keys lie may be gone by now, and come back
                self._known = {self._signing.id: self._signing, **self._known}
        return self._signing

    def refusal(self, content: dict[str, Any], where: str) -> StoreError | None:
        """Why a manifest at ``where`` is not believed; ``content`` loses its signature.

        Raises KeyError or ValueError for a signature that is none, KeyUnusable as ``known`` does.
        """
        if "signature" not in content:
            return UnsignedSnapshot(
                f"{where} is not signed: it was not written by colab_guard, or its signature was taken away. "
                f"{WHY} {CHOOSE}"
            )
        known, key_id, signature = self.known(), matching(content, "key", ID), matching(content, "signature", DIGEST)
        del content["signature"]
        if key_id not in known:
            yours = ", ".join(f"{key.id} ({key.where})" for key in known.values()) or "none yet"
            return ForeignSnapshot(
                f"{where} is signed with the key {key_id}, which is not yours ({yours}): somebody else wrote it, or "
                f"your key was lost, with a VM perhaps. {WHY} {CHOOSE}"
            )
        if not hmac.compare_digest(known[key_id].sign(canonical(content)), signature):
            return AlteredSnapshot(
                f"{where} was altered after it was signed with your key {key_id}: its signature is not that of its "
                f"content. {WHY} --trust does not change that. Put a copy of the file back; or move it away, or start "
                f"over with --fresh (fresh=True)."
            )
        return None

    def known(self) -> dict[str, Key]:
        """All keys that are believed, by id, the one that signs first. Raises KeyUnusable."""
        known = self._known
        if known is None:
            first = [self._signing] if self._signing else []
            known = self._known = {key.id: key for key in (*first, *self._keyring.found())}
        return known

"""Every error that colab_guard raises on purpose.

::

    ColabGuardError
    ├── UsageError            an option, a name or a call that makes no sense
    ├── StoreError            the place where snapshots are kept
    │   ├── StoreUnavailable  … can't be written or read now: full, read-only, unplugged
    │   ├── UnknownFormat     … was written by a version that this one can't read
    │   ├── CorruptSnapshot   … holds bytes that are not what was written
    │   │   └── AlteredSnapshot   … nor what was signed
    │   ├── UntrustedSnapshot … holds what nobody knows to be the user's
    │   │   ├── UnsignedSnapshot  … with no signature
    │   │   └── ForeignSnapshot   … signed with a key that is not at hand
    │   └── KeyUnusable       a key to sign with is damaged, or open to others
    ├── NoRoom                a snapshot needs a copy that does not fit into the memory
    ├── RestoreError          a sound snapshot can't be put back here
    ├── ExportFailed          plain files of a snapshot could not be written
    ├── EditedCell            the cell is not the one whose run is to be resumed
    ├── Inexact               --exact was asked for, and something stands against it
    └── LostValue             a stand-in, put where a value could not be kept, was used

A message says what happened (with the name or path), why, and what to do next. Beside the tree stands ``Pause``,
which is no error: it ends a cell at a safe point, to be gone on with.
"""

from __future__ import annotations

from collections.abc import Iterable

from colab_guard.core.causes import KNOWN, Cause


class ColabGuardError(Exception):
    """The root of the tree; catch it to catch everything colab_guard raises on purpose."""

    def _render_traceback_(self) -> list[str]:
        # IPython asks an exception for this before it draws a traceback. The message is a sentence
        # to the user; our frames would only bury it.
        return [f"{type(self).__name__}: {self}"]


class Pause(BaseException):
    """Ends a cell at a safe point, to be gone on with in this kernel; a user's ``except`` does not catch it."""

    def _render_traceback_(self) -> list[str]:
        return [f"colab_guard: {self}"]


class UsageError(ColabGuardError):
    """An option, a name or a call makes no sense; nothing was run."""


class StoreError(ColabGuardError):
    """Something about the place where snapshots are kept."""


class StoreUnavailable(StoreError):
    """The store can't be written or read at the moment; what it holds is not in doubt."""


class UnknownFormat(StoreError):
    """The repository or manifest was written in a format this version does not know."""


class CorruptSnapshot(StoreError):
    """Stored bytes are missing or are not those that were written."""


class AlteredSnapshot(CorruptSnapshot):
    """A manifest is whole, but not the one that was signed with the user's key."""


class UntrustedSnapshot(StoreError):
    """A sound snapshot that nobody knows to be the user's; loading one runs code of whoever wrote it."""


class UnsignedSnapshot(UntrustedSnapshot):
    """A manifest has no signature."""


class ForeignSnapshot(UntrustedSnapshot):
    """A manifest is signed with a key that the user has not."""


class KeyUnusable(StoreError):
    """A key to sign with can't be read, is damaged, or others can read it."""


class NoRoom(ColabGuardError):
    """What a snapshot has to copy does not fit into the memory that is free; nothing was changed."""


class RestoreError(ColabGuardError):
    """A sound snapshot can't be put back in this session; the session was left as it was."""


class ExportFailed(ColabGuardError):
    """Plain files of a snapshot could not be written; those that were are removed."""


class EditedCell(ColabGuardError):
    """The cell's code differs, where it already ran, from the run that is to be resumed."""


class Inexact(ColabGuardError):
    """``--exact`` was asked for, and a resumed run might differ from one that was never killed; nothing is lost."""

    def __init__(self, causes: Iterable[Cause]) -> None:
        self.causes = tuple(dict.fromkeys(causes))
        lines = [f"  - {cause.text} [{cause.key}]. {KNOWN[cause.key]}" for cause in self.causes]
        super().__init__(
            "--exact was asked for, but after a death this cell might not end with the same bits:\n"
            + "\n".join(lines)
            + "\nNothing is lost. Mend it, or run the cell without --exact: it then goes on, and says these once."
        )


class LostValue(ColabGuardError):
    """A stand-in for a value that could not be kept was used."""

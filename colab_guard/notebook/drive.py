"""Mounting Drive, and letting the runtime go: what only Colab's own modules can do."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

from colab_guard.core.errors import UsageError
from colab_guard.core.places import drive_mount, on_colab, usual_drive
from colab_guard.tiers import opening

DEAD = {errno.ENOTCONN, errno.ECONNABORTED, errno.EIO, errno.ESTALE}


def mount(tell: Callable[[str], None]) -> None:
    """Mounts Drive, anew where its mount has died; asks in the browser, as Colab does. Raises UsageError."""
    found = drive_mount()
    if found is not None and _is_alive(found):
        tell(f"Drive is mounted at {found} already.")
    else:
        refuse_elsewhere("mount Drive")
        from google.colab import drive

        where = found or usual_drive()
        _refuse_covered(where, mounted=found is not None)
        drive.mount(str(where), force_remount=found is not None)
        tell(f"Drive is mounted at {where}.")
    opening.try_again()


def unassign() -> None:
    """Ends the runtime. Raises UsageError where that is not Colab's."""
    refuse_elsewhere("release the runtime")
    from google.colab import runtime

    runtime.unassign()


def has_died() -> bool:
    """Whether Drive is mounted, and its mount answers no more."""
    found = drive_mount()
    return found is not None and not _is_alive(found)


def _is_alive(path: Path) -> bool:
    try:
        os.listdir(path)
    except OSError as error:
        return error.errno not in DEAD
    return True


def refuse_elsewhere(what: str) -> None:
    """Raises UsageError where this is not Colab."""
    if not on_colab():
        raise UsageError(f"This is not Colab, and only there colab_guard can {what}. Nothing was done.")


def _refuse_covered(where: Path, *, mounted: bool) -> None:
    """Colab refuses to mount over files; they are most often what a cell wrote while Drive was not there."""
    if mounted or not where.is_dir() or not (below := sorted(os.listdir(where))):
        return
    names = ", ".join(below[:5])
    raise UsageError(
        f"{where} holds files of this machine ({names}), written there while Drive was not mounted, and Drive can't be "
        f"mounted over them. Look at them, and move what you need: !mv {where} /content/not_on_drive"
    )

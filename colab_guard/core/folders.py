"""Folders that are made where they are missing: durably, and never in the place of a Drive that is not mounted."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from colab_guard.core.places import is_top_of_drive

# What systems answer that can't fsync a folder (FUSE, network shares). Anything else is a real failure.
NO_FOLDER_FSYNC = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EACCES, errno.EPERM, errno.EBADF, errno.EISDIR}


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Makes a folder where it is missing, and those around it; durable, or the files in it would not be.

    Raises OSError, with ENOTCONN where Drive's own topmost folders are missing: a mount may go at any time, and what is
    made in its place keeps Drive from being mounted again.
    """
    if folder.is_dir():
        return
    if is_top_of_drive(folder):
        raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN), str(folder))
    if not folder.parent.exists():
        make_folder(folder.parent, mode)
    try:
        os.mkdir(folder, mode)
    except FileExistsError:
        if not folder.is_dir():  # another session made it meanwhile
            raise
    sync_folder(folder.parent)


def nearest(folder: Path) -> Path:
    """A folder, or what is there of those around it. Raises OSError where a mount has died."""
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())


def sync_folder(folder: Path) -> None:
    """Makes a rename durable, where the system can do that: Windows can't open a folder."""
    if os.name == "nt":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in NO_FOLDER_FSYNC:
            raise

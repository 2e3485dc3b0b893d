"""Where we are, where snapshots go there by default, and what that place survives."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from colab_guard.core.config import setting

DRIVE = Path("/content/drive")


@dataclass(frozen=True)
class Place:
    """A store, and in words what it survives."""

    path: Path
    survives: str
    outlives_vm: bool = False


def on_colab() -> bool:
    """Whether this is a Colab VM."""
    return "google.colab" in sys.modules or "COLAB_RELEASE_TAG" in os.environ


def on_kaggle() -> bool:
    """Whether this is a Kaggle session."""
    return "KAGGLE_KERNEL_RUN_TYPE" in os.environ


def default_place(folder: str, key: str = "") -> Place:
    """The store that was chosen, else the platform's best place for a notebook or script: there the folder whose name
    ends with its ``key``, else the one of that name.
    """
    chosen = setting("store")
    if chosen:
        return described(Path(chosen))
    if on_colab() and drive_mounted():
        return described(_folder(DRIVE / "MyDrive" / "colab_guard", folder, key))
    if on_kaggle() and not on_colab():
        return described(_folder(Path("/kaggle/working/.colab_guard"), folder, key))
    return described(_folder(Path.cwd() / ".colab_guard", folder, key))


def _folder(around: Path, name: str, key: str) -> Path:
    """The folder of that key, whatever it is called; where there is none, the one of that name."""
    exact = around / name
    if not key or exact.is_dir():
        return exact
    with suppress(OSError):
        for path in sorted(around.iterdir()):
            if path.name.endswith(f"-{key}"):
                return path
    return exact


def described(path: Path) -> Place:
    """A folder with what is known of its chances."""
    path = path.expanduser().absolute()
    if path.is_relative_to(DRIVE):
        if drive_mounted():
            return Place(path, "on Drive: survives this VM once uploaded (unconfirmed)", outlives_vm=True)
        return Place(path, "NOT on Drive: it is not mounted, and what is written there is lost")
    if path.is_relative_to("/content") or "COLAB_RELEASE_TAG" in os.environ:
        return Place(path, "survives a kernel crash, NOT the end of this VM: mount Drive first for that")
    if path.is_relative_to("/kaggle"):
        survives = "survives a kernel crash; the session's end only if the version is saved"
        return Place(path, survives, outlives_vm=True)
    return Place(path, "survives the kernel, on this machine's disk")


def drive_mounted() -> bool:
    """Whether the mount table has a Drive. A folder of that name alone proves nothing."""
    try:
        with open("/proc/self/mounts") as mounts:
            return any(
                fields[2] == "fuse.drive" for fields in map(str.split, mounts) if Path(fields[1]).is_relative_to(DRIVE)
            )
    except OSError:
        return False


def file_stem(told: str) -> str:
    """A notebook's or script's file name without its ending, fit for a folder's name; empty for none."""
    stem = Path(told).stem
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in stem)

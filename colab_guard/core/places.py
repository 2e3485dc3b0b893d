"""Where we are, where snapshots go there by default, and what that place survives."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from colab_guard.core.config import setting
from colab_guard.core.settings import from_environment
from colab_guard.core.stores import is_url, store_at

DRIVE = Path("/content/drive")  # where Colab's own button mounts it; drive.mount() can do so anywhere
MOUNTS = Path("/proc/self/mounts")
DRIVE_TYPE = "fuse.drive"
NOTEBOOKS = Path("MyDrive/colab_guard")  # each has a folder there


@dataclass(frozen=True)
class Place:
    """A store, by its path or URL, and in words what it survives."""

    store: str
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
        return described(chosen)
    if on_colab():
        on_drive = _folder((drive_mount() or usual_drive()) / NOTEBOOKS, folder, key)
        return described(on_drive if is_drive(on_drive) else local_folder(str(on_drive)))
    if on_kaggle():
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


def described(store: str | os.PathLike[str]) -> Place:
    """A store with what is known of its chances. Raises UsageError for a URL that makes no sense."""
    name = store_at(store)
    if name.startswith("memory://"):
        return Place(name, "for trials only: it dies with this process")
    if is_url(name):
        return Place(name, "survives this machine once it is durable", outlives_vm=True)
    if is_drive(name):
        return Place(name, "on Drive: survives this VM once it is durable", outlives_vm=True)
    if is_below_drive(name):
        return Place(name, "NOT on Drive: it is not mounted, and what is written there is lost")
    if Path(name).is_relative_to("/content") or "COLAB_RELEASE_TAG" in os.environ:
        return Place(name, "survives a kernel crash, NOT the end of this VM: mount Drive first for that")
    if Path(name).is_relative_to("/kaggle"):
        survives = "survives a kernel crash; the session's end only if the version is saved"
        return Place(name, survives, outlives_vm=True)
    return Place(name, "survives the kernel, on this machine's disk")


def local_folder(store: str) -> Path:
    """The folder on this machine's disk for what is written to a store that outlives it: one for each store, below
    ``COLAB_GUARD_LOCAL``, else a place that survives the kernel. The same wherever Drive is mounted, and before it is.
    """
    base = from_environment("LOCAL", "") or ("/content/.colab_guard" if on_colab() else "~/.cache/colab_guard")
    around, drive = Path(base).expanduser().absolute(), drive_mount() or usual_drive()
    path = Path(store)
    if path.parent == drive / NOTEBOOKS:
        return _folder(around, path.name, _key(path.name))
    told = str(path.relative_to(drive)) if path.is_relative_to(drive) else store
    return around / f"{file_stem(store)}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"


def _key(name: str) -> str:
    found = re.search(r"-([0-9a-f]{8})$", name)
    return found[1] if found else ""


def drive_mount() -> Path | None:
    """Where Drive is mounted, by the mount table: a folder of that name alone proves nothing. None: nowhere.

    It is looked for on Colab only, or where ``COLAB_GUARD_DRIVE`` says.
    """
    told = from_environment("DRIVE", "")
    if not told and not on_colab():
        return None
    try:
        lines = MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return None
    table = (line.split() for line in lines)
    mounts = [Path(place.replace("\\040", " ")) for _, place, kind, *_ in table if kind == DRIVE_TYPE]
    found = next((mount for mount in mounts if told in ("", str(mount))), None)
    _drives_seen.update([found] if found else [])
    return found


def usual_drive() -> Path:
    """Where Drive would be mounted."""
    return Path(from_environment("DRIVE", "") or DRIVE)


def is_drive(store: str | os.PathLike[str]) -> bool:
    """Whether a store lies on a Drive that is mounted now."""
    mount = drive_mount()
    return mount is not None and Path(store).is_relative_to(mount)


def is_below_drive(store: str | os.PathLike[str]) -> bool:
    """Whether a store lies where Drive is, was or would be mounted."""
    drive_mount()
    return any(Path(store).is_relative_to(seen) for seen in (usual_drive(), *_drives_seen))


def is_top_of_drive(folder: Path) -> bool:
    """Whether it is where Drive is, was or would be mounted, or one of the folders that Drive itself has there."""
    drive_mount()
    return not {folder, folder.parent}.isdisjoint({usual_drive(), *_drives_seen})


_drives_seen: set[Path] = set()  # by this process


def file_stem(told: str) -> str:
    """A notebook's or script's file name without its ending, fit for a folder's name; empty for none."""
    stem = Path(told).stem
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in stem)

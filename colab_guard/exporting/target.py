"""The folder, or the .zip, that an export makes: beside its place first, renamed when it is complete."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from colab_guard.core.errors import ExportFailed, UsageError
from colab_guard.exporting.names import safe
from colab_guard.store.manifest import Manifest

INDEX = "export.json"
TEXTS = (".json", ".csv")  # the rest does not get smaller
FULL_BYTES = 1_000_000  # a disk with less is full
ADVICE = {
    errno.ENOSPC: "Free some space there",
    errno.EDQUOT: "Free some of your quota there",
    errno.EACCES: "Check who may write there",
    errno.EPERM: "Check who may write there",
    errno.EROFS: "It is mounted read-only: mount it for writing",
}


@dataclass(frozen=True)
class Folder:
    """The files of an export that is being made."""

    path: Path

    @contextmanager
    def new(self, name: str) -> Iterator[BinaryIO]:
        """A new file, safely on the disk when it is closed."""
        with open(self.path / name, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())

    def write_json(self, name: str, value: Any) -> None:
        """A JSON text, UTF-8, as every program reads it: without NaN, and without half characters."""
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1)
        try:
            data = text.encode()
        except UnicodeEncodeError:
            data = json.dumps(value, allow_nan=False, indent=1).encode()
        with self.new(name) as file:
            file.write(data)

    def remove(self, names: list[str]) -> None:
        """What turned out not to be wanted."""
        for name in names:
            (self.path / name).unlink(missing_ok=True)


@dataclass
class Target:
    """Where an export will be. ``size_bytes``: of all its files, once it is there."""

    path: Path
    zipped: bool
    size_bytes: int = field(default=0, init=False)

    @classmethod
    def at(cls, to: str | os.PathLike[str] | None, manifest: Manifest, *, zipped: bool) -> Target:
        """The place that was asked for, or a new one in the working directory. Raises UsageError where it is taken."""
        if to is None:
            return cls(_new(Path.cwd(), f"export-{safe(manifest.cell)}-{manifest.seq}", zipped=zipped), zipped)
        path = Path(to).expanduser().resolve()
        if zipped and path.suffix.lower() != ".zip":
            path = path.with_name(f"{path.name}.zip")
        if zipped and path.exists():
            raise UsageError(f"{path} is there already, and nothing is overwritten: give --to another name.")
        if not zipped and path.exists() and not _is_empty_folder(path):
            raise UsageError(f"{path} is no empty folder, and nothing is overwritten: give --to a new one.")
        return cls(path, zipped)

    @contextmanager
    def being_made(self) -> Iterator[Folder]:
        """A folder to fill. It gets its name when all went well; else it is removed. Raises ExportFailed."""
        beside = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}.tmp")
        inside = beside / self.path.stem if self.zipped else beside
        try:
            inside.mkdir(parents=True)
            yield Folder(inside)
            self.size_bytes = sum(file.stat().st_size for file in _files(inside))
            if self.zipped:
                _take_name(_zip(inside, beside / "zip"), self.path)
            else:
                os.rename(inside, self.path)  # which fails where something lies there by now
        except OSError as error:
            raise ExportFailed(self._sentence(error)) from error
        finally:
            shutil.rmtree(beside, ignore_errors=True)

    def _sentence(self, error: OSError) -> str:
        number = error.errno
        if number is None:
            with suppress(OSError):
                number = errno.ENOSPC if shutil.disk_usage(self.path.parent).free < FULL_BYTES else None
        why = os.strerror(number) if number else str(error)
        advice = ADVICE.get(number or 0, "Check that the folder around it can be reached")
        return (
            f"{self.path} could not be written: {why}. Nothing is left of it. {advice}, or choose another place with "
            f"--to."
        )


def _new(folder: Path, name: str, *, zipped: bool) -> Path:
    number = 1
    while (found := folder / (name + (f"-{number}" if number > 1 else "") + (".zip" if zipped else ""))).exists():
        number += 1
    return found


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _zip(folder: Path, path: Path) -> Path:
    """One file of a folder's, which is gone then: the disk never holds all of it twice."""
    with open(path, "xb") as file:
        with zipfile.ZipFile(file, "w", strict_timestamps=False) as archive:  # a file may be of 1970
            for one in sorted(_files(folder)):
                how = zipfile.ZIP_DEFLATED if one.suffix in TEXTS else zipfile.ZIP_STORED
                archive.write(one, one.relative_to(folder.parent), how)
                one.unlink()
        file.flush()
        os.fsync(file.fileno())
    return path


def _take_name(made: Path, path: Path) -> None:
    """Renames a file to a name that nothing has; the empty file in between is replaced at once."""
    path.open("xb").close()
    os.replace(made, path)

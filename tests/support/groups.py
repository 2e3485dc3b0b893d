"""Control groups that kill who takes more memory than they allow, where this process may make them."""

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOTS = {"v1": Path("/sys/fs/cgroup/memory"), "v2": Path("/sys/fs/cgroup")}
LIMITS = {"v1": "memory.limit_in_bytes", "v2": "memory.max"}


class Group:
    """One group, in *folder*."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.members = folder / "cgroup.procs"

    def python(self, python: str, folder: Path) -> Path:
        """A command that runs *python* in the group, from its first byte on; made in *folder*."""
        script = folder / "python-in-group"
        script.write_text(f'#!/bin/sh\necho $$ > "{self.members}"\nexec "{python}" "$@"\n')
        script.chmod(0o755)
        return script

    def enter(self) -> None:
        """Puts the calling process into the group."""
        self.members.write_text(str(os.getpid()))

    def oom_kills(self) -> int:
        """How many of its processes were killed for memory."""
        for name in ("memory.oom_control", "memory.events"):
            with contextlib.suppress(FileNotFoundError):
                counts = dict(line.split() for line in (self._folder / name).read_text().splitlines())
                return int(counts["oom_kill"])
        raise AssertionError("neither version of control groups tells")


@contextlib.contextmanager
def group(limit_bytes: int) -> Iterator[Group]:
    """A group of so many bytes; skips the test where none can be made."""
    version = "v1" if ROOTS["v1"].is_dir() else "v2"
    folder = ROOTS[version] / f"colab_guard-{uuid.uuid4().hex[:8]}"
    try:
        folder.mkdir()
        (folder / LIMITS[version]).write_text(str(limit_bytes))
    except OSError as error:
        pytest.skip(f"control groups can't be made here: {error}")
    try:
        yield Group(folder)
    finally:
        folder.rmdir()

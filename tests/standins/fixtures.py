"""Fixtures for tests anywhere: conftest.py at the root loads this as a plug-in. Nothing heavy is imported here."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.standins.drive import Drive, MountRefusedError

NewDrive = Callable[..., Drive]


@pytest.fixture
def new_drive(tmp_path: Path) -> Iterator[NewDrive]:
    """Makes mounted Drives, `new_drive(delay_seconds=3)`, in folders of their own; all are unmounted at the end.

    Skips where /dev/fuse is missing or nobody may mount. A missing mfusepy or libfuse is a failure: they can be
    installed.
    """
    if not os.path.exists("/dev/fuse"):
        pytest.skip("there is no /dev/fuse here")
    with ExitStack() as drives:
        made = 0

        def make(**settings: Any) -> Drive:
            nonlocal made
            made += 1
            drive = Drive(settings.pop("folder", tmp_path / f"drive-{made}"), **settings)
            try:
                return drives.enter_context(drive)
            except MountRefusedError as error:
                if "No module named" in str(error) or "Unable to find libfuse" in str(error):
                    raise
                pytest.skip(f"nothing can be mounted here: {error}")

        yield make


@pytest.fixture
def drive(new_drive: NewDrive) -> Drive:
    """A Drive that uploads at once."""
    return new_drive()

"""The backends that the shared tests run over, and a repository on each."""

from collections.abc import Callable
from pathlib import Path

import pytest

from colab_guard.store.backend import Backend
from colab_guard.store.folder import Folder
from colab_guard.store.repository import Repository
from tests.store.rough import Faulty, Retried, Slow
from tests.store.steps import Stepped

BACKENDS: dict[str, Callable[[Path], Backend]] = {
    "folder": Folder,
    "stepped": lambda path: Stepped(Folder(path)),
    "faulty": lambda path: Retried(Faulty(Folder(path))),
    "slow": lambda path: Slow(Folder(path)),
}


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    return BACKENDS[request.param](tmp_path / "repository")


@pytest.fixture
def repository(backend: Backend) -> Repository:
    return Repository(backend)

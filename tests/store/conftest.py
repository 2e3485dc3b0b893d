"""The backends that the shared tests run over, and a repository on each."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from colab_guard.store.backend import Backend
from colab_guard.store.folder import Folder
from colab_guard.store.objects import Objects
from colab_guard.store.repository import Repository
from tests.store import moved, s3
from tests.store.rough import Faulty, Retried, Slow
from tests.store.steps import Stepped

BACKENDS: dict[str, Callable[[Path], Backend]] = {
    "folder": Folder,
    "stepped": lambda path: Stepped(Folder(path)),
    "faulty": lambda path: Retried(Faulty(Folder(path))),
    "slow": lambda path: Slow(Folder(path)),
    "memory": lambda path: Objects(f"memory://{path}"),
    "moved": lambda path: Objects(f"{moved.SCHEME}://{path}"),
}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3.Server]:
    with s3.serving(tmp_path_factory.mktemp("s3") / "log") as server:
        yield server


# requirements/ say on which interpreters there is a server.
SERVED = ["s3"] if importlib.util.find_spec("moto") else []


@pytest.fixture(params=[*BACKENDS, *SERVED])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    if request.param == "s3":
        found: s3.Server = request.getfixturevalue("server")
        return found.objects(found.url())
    return BACKENDS[request.param](tmp_path / "repository")


@pytest.fixture
def repository(backend: Backend) -> Repository:
    return Repository(backend)

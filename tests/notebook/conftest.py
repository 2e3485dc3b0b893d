"""Notebooks whose kernels may die: what the tests in this folder run their cells in."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.notebook.book import Book
from tests.support.page import Page, opened

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def python(request: pytest.FixtureRequest) -> str:
    """The interpreter that kernels run on: this one, or that with Colab's pins (see `BOTH` in book.py)."""
    if getattr(request, "param", "newest") == "newest":
        return sys.executable
    found = Path(os.environ.get("COLAB_PINS_PYTHON") or CHECKOUT / ".venv-colab/bin/python")
    if not found.exists():
        pytest.skip("no Python with Colab's pins: set COLAB_PINS_PYTHON, or run `make venvs`")
    return str(found)


@pytest.fixture(scope="module")
def book(python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    """One notebook for all tests of a module: each uses names of its own, none kills the kernel."""
    with Book(tmp_path_factory.mktemp("book"), python) as book:
        yield book


@pytest.fixture(scope="module")
def panel_book(python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    """Likewise, with the panel, and no snapshots but those that are asked for."""
    environment = {"COLAB_GUARD_PANEL": "on", "COLAB_GUARD_EVERY": "1h"}
    with Book(tmp_path_factory.mktemp("book"), python, environment) as book:
        yield book


@pytest.fixture(scope="module")
def page(panel_book: Book) -> Page:
    """A page that was there when the panel of that notebook was shown, and sees it."""
    return opened(panel_book.kernel)


@pytest.fixture
def new_book(python: str, tmp_path: Path) -> Iterator[Callable[..., Book]]:
    """Makes notebooks for a test that kills kernels or needs an environment of its own."""
    books: list[Book] = []

    def make(**environment: str) -> Book:
        books.append(Book(tmp_path, python, environment))
        return books[-1]

    yield make
    for book in books:
        book.close()

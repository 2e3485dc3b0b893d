"""In a notebook, a .zip of an export goes to the user's own machine through the browser."""

import zipfile
from collections.abc import Callable

from tests.notebook.book import Book

SAVED = "import colab_guard as cg\nnumber = 3\ncg.save(store='store')"
EXPORTED = "cg.export('number', store='store', to={!r}, zip=True)"
COLAB = """
import sys, types
for name in ("google", "google.colab", "google.colab.files"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["google.colab"].files = sys.modules["google.colab.files"]
sys.modules["google.colab.files"].download = lambda path: print("downloads", path)
"""


def test_jupyter_shows_a_link_and_colab_downloads(new_book: Callable[..., Book]) -> None:
    """For Colab's module a stand-in, since it can't be installed; that a browser then gets the file is not shown."""
    book = new_book()
    book.run(SAVED).check()
    shown = book.run(EXPORTED.format("mine")).check()
    assert any("href='mine.zip'" in one.get("text/html", "") for one in shown.displays)
    assert "1 variable of snapshot no. 1" in shown.text
    book.run(COLAB).check()
    told = book.run(EXPORTED.format("other")).check()
    assert f"downloads {book.folder / 'other.zip'}" in told.text
    with zipfile.ZipFile(book.folder / "other.zip") as archive:
        assert sorted(archive.namelist()) == ["other/export.json", "other/variables.json"]

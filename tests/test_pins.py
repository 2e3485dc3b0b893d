"""What holds with the newest packages holds with Colab's, on the Pythons that Colab has had."""

import os
import re
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
# The first two are slow for the programs and workers they start, and depend on nothing that is pinned; the last runs
# a kernel, whose old client warns of its own dates.
NEWEST_ONLY = [
    "--ignore=tests/cell/test_programs.py",
    "--ignore=tests/capture/test_replay.py",
    "--deselect=tests/capture/test_bars.py::test_the_notebooks_bar_is_shown_once",
]
PURE = (
    "tests/core",
    "tests/cell",
    "tests/capture",
    "tests/resume",
    "tests/running",
    "tests/saving",
    "tests/store",
    "tests/variables",
)
NEED_TORCH = [
    f"--ignore={path.relative_to(CHECKOUT)}"
    for folder in PURE
    for path in sorted((CHECKOUT / folder).glob("test_*.py"))
    if re.search(r"^(import|from) (torch|tests\.support\.linked)", path.read_text(), re.MULTILINE)
]


@pytest.mark.parametrize(
    ("variable", "without"),
    [
        ("COLAB_PINS_PYTHON", ()),
        ("COLAB_PINS_PYTHON313", NEED_TORCH),
    ],
    ids=["Python 3.11", "Python 3.13, no torch"],
)
def test_the_layers_below_the_notebook(variable: str, without: tuple[str, ...]) -> None:
    python = os.environ.get(variable)
    if not python:
        pytest.skip("no interpreter with Colab's pins: `make test` makes it where it finds Python 3.11 and 3.13")
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *PURE, *NEWEST_ONLY, *without]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]

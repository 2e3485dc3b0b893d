"""What holds with the newest packages holds with Colab's, on the Pythons that Colab has had.

Each interpreter runs what may come out otherwise there: 3.11, which all tests run on, what meets pinned packages;
3.13, Colab's own, all layers; 3.12, what knows of frames and byte code.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
# The first six are slow for the programs, loaders, workers and waits they need, and what of them depends on what is
# pinned is in others too (torch is the same), as is what several deaths in a row show; nor does what needs tensorboard,
# nor what the store's files are like; one test runs a kernel, whose old client warns of its own dates; and Lightning is
# not in Colab's image.
NEWEST_ONLY = [
    "--ignore=tests/store/test_objects_faults.py",
    "--ignore=tests/cell/test_programs.py",
    "--ignore=tests/capture/test_replay.py",
    "--ignore=tests/capture/test_fast_forward.py",
    "--ignore=tests/saving/test_memory.py",
    "--ignore=tests/saving/test_soak.py",
    "--ignore=tests/capture/test_logs.py",
    "--ignore=tests/store/test_damage.py",
    "--ignore=tests/store/test_power.py",
    "-k not repeatedly",
    "--deselect=tests/capture/test_bars.py::test_the_notebooks_bar_is_shown_once",
    "--deselect=tests/integrations/test_frameworks.py::test_ends_as_a_training_that_never_died[lightning]",
    "--deselect=tests/integrations/test_frameworks.py::test_it_is_shown_before_the_cell_ever_ran[lightning]",
]
ON_VALUES = ("tests/capture", "tests/saving", "tests/variables")
ON_FRAMES = ("tests/cell", "tests/running")
PURE = ("tests/core", *ON_FRAMES, *ON_VALUES, "tests/resume", "tests/exporting", "tests/store")
ON_TORCH = ("tests/exporting/test_torch.py", "tests/integrations/test_frameworks.py")
ON_ERRORS = "tests/gpumem/test_keepers.py"
ON_SERVERS = ("tests/store/test_objects.py", "tests/store/test_backend.py")
NEED_TORCH = [
    f"--ignore={path.relative_to(CHECKOUT)}"
    for folder in PURE
    for path in sorted((CHECKOUT / folder).glob("test_*.py"))
    if re.search(r"^(import|from) (torch|tests\.support\.linked)", path.read_text(), re.MULTILINE)
]


@pytest.mark.parametrize(
    ("variable", "what"),
    [
        ("COLAB_PINS_PYTHON", (*ON_VALUES, "tests/running", *ON_SERVERS, *ON_TORCH)),
        ("COLAB_PINS_PYTHON313", (*PURE, ON_ERRORS, *NEED_TORCH, f"--ignore={ON_SERVERS[0]}")),
        ("PYTHON312", (*ON_FRAMES, ON_ERRORS, *NEED_TORCH)),
    ],
    ids=["Colab's pins", "Colab's pins, Python 3.13, no torch", "Python 3.12, no torch"],
)
def test_the_layers_below_the_notebook(variable: str, what: tuple[str, ...]) -> None:
    python = os.environ.get(variable)
    if not python:
        pytest.skip("no such interpreter: `make test` makes it where it finds Python 3.11, 3.12 and 3.13")
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *NEWEST_ONLY, *what]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]

"""What holds for the checkout as a whole."""

import ast
import re
import subprocess
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest

import colab_guard

CHECKOUT = Path(__file__).parents[1]
MODULE_LINES = 320  # a module that outgrows this holds two ideas
MACHINE_PATHS = re.compile(rb"/(?:work|root)/")
REGISTRIES = re.compile(rb"pypi[.]org|pythonhosted[.]org|download[.]pytorch[.]org|npmjs[.](?:org|com)")
SKIPS = {"skip", "skipif", "importorskip", "xfail", "exit"}

# Where a test may be skipped, and why. A skip that is not here is a test that nobody misses.
ALLOWED_SKIPS = {
    "tests/browser/test_stacks.py": "Colab's pins need Python 3.11",
    "tests/chaos/test_chaos.py": "kernels with Colab's pins need Python 3.11 and 3.13",
    "tests/chaos/test_compare.py": "values of numpy, torch and pandas",
    "tests/chaos/test_harness.py": "cells that need numpy, torch or pandas",
    "tests/guards/test_fullness.py": "a small tmpfs needs root",
    "tests/notebook/conftest.py": "Colab's pins need Python 3.11 and 3.13",
    "tests/saving/test_torch.py": "memory on a GPU needs one",
    "tests/standins/test_colab.py": "Colab's pins need Python 3.11",
    "tests/standins/fixtures.py": "mounting the stand-in for Drive needs /dev/fuse and the right to mount",
    "tests/store/test_faults.py": "a full disk is a small tmpfs, which root mounts",
    "tests/support/fake_gpu.py": "what only a GPU shows, and what only a machine without one does",
    "tests/support/disks.py": "a small tmpfs needs root",
    "tests/support/groups.py": "a control group is made by root",
    "tests/test_pins.py": "Colab's pins need Python 3.11 and 3.13",
    "tests/test_tree.py": "an unpacked archive has no list of committed files",
}


def committed() -> list[Path]:
    """The files under version control."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, check=False)
    if listing.returncode:
        pytest.skip("not a git checkout")
    paths = [CHECKOUT / name for name in listing.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_modules_are_small() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in (CHECKOUT / "colab_guard").rglob("*.py")}
    assert {path: count for path, count in lines.items() if count > MODULE_LINES} == {}


def test_nothing_committed_names_a_folder_of_one_machine() -> None:
    assert [path for path in committed() if MACHINE_PATHS.search(path.read_bytes())] == []


def test_nothing_committed_names_a_package_registry() -> None:
    assert [path for path in committed() if REGISTRIES.search(path.read_bytes())] == []


def test_notebooks_are_committed_without_outputs() -> None:
    with_outputs = re.compile(r'"outputs": \[[^\]]|"execution_count": \d')
    notebooks = [path for path in committed() if path.suffix == ".ipynb"]
    assert [path for path in notebooks if with_outputs.search(path.read_text())] == []


def test_tests_are_skipped_only_where_the_list_says() -> None:
    modules = [path for path in (CHECKOUT / "tests").rglob("*.py") if path.parent.name != "cells"]  # not Python
    found = {str(path.relative_to(CHECKOUT)) for path in modules if any(_skips(path))}
    assert found - set(ALLOWED_SKIPS) == set()


def test_the_tests_run_on_what_is_installed() -> None:
    """And that is this very tree: a wheel older than its sources would be tested in their place."""
    installed = Path(colab_guard.__file__).parent
    sources = CHECKOUT / "colab_guard"
    assert distribution("colab-guard").version == colab_guard.__version__
    assert [
        p.relative_to(sources)
        for p in sources.rglob("*.py")
        if (installed / p.relative_to(sources)).read_bytes() != p.read_bytes()
    ] == []


def _skips(path: Path) -> Iterator[ast.Attribute]:
    """The places in *path* that say `pytest.skip`, `pytest.mark.skipif` and the like."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr in SKIPS:
            root = node.value.value if isinstance(node.value, ast.Attribute) else node.value
            if isinstance(root, ast.Name) and root.id == "pytest":
                yield node

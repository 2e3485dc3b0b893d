"""What sets a kernel up runs again in a new one: all of it that is the same there, and nothing else."""

import ast
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from colab_guard.cell.rerun import again
from tests.support.dying import lives, plain

SETUP = [
    "sys.path.append('src')",
    "sys.path.insert(0, os.path.join(os.path.expanduser('~'), 'src'))",
    "sys.path.extend(['a', str(3) ])",
    "os.environ['A'] = '1'",
    "os.environ['A'] = os.environ['B'] = os.sep",
    "os.environ.setdefault('A', '1')",
    "os.environ.update({'A': '1'}, B='2')",
]
NOT_SETUP = [
    "sys.path.append(folder)",
    "sys.path.append(config.folder)",
    "sys.path.append(os.getcwd())",
    "sys.path.append(os.path.abspath('src'))",
    "sys.path.remove('src')",
    "sys.path += ['src']",
    "sys.path = ['src']",
    "os.environ['A'] = mode",
    "os.environ['A'] = os.environ['B']",
    "os.environ['A'] = x['A'] = '1'",
    "os.environ['A'] += '1'",
    "os.environ[name] = '1'",
    "os.environ.update(settings)",
    "os.environ.update({**settings})",
    "os.environ.update(**settings)",
    "os.environ.pop('A')",
    "del os.environ['A']",
    "path.append('src')",
    "environ['A'] = '1'",
    "if x:\n    os.environ['A'] = '1'",
]


def runs(source: str, *, new_kernel: bool) -> bool:
    return bool(again(ast.parse(source).body, new_machine=False, new_kernel=new_kernel))


@pytest.mark.parametrize("source", SETUP)
def test_setup_runs_again_in_a_new_kernel_only(source: str) -> None:
    assert runs(source, new_kernel=True)
    assert not runs(source, new_kernel=False), "what was changed there since counts"


@pytest.mark.parametrize("source", NOT_SETUP)
def test_what_may_be_another_in_a_new_kernel_does_not_run_again(source: str) -> None:
    assert not runs(source, new_kernel=True)


ABOVE = """
import sys
def forget():
    sys.path[:] = [place for place in sys.path if place != {folder!r}]
    for kind, name in ((sys.modules, "set_up_by_a_cell"), (__import__("os").environ, "SET_UP_BY_A_CELL")):
        kind.pop(name, None)
forget()
del sys
"""
CELL = """
try:
    import os, sys
finally:
    seen = []
sys.path.append({folder!r})
os.environ["SET_UP_BY_A_CELL"] = "yes"
import set_up_by_a_cell
for i in range(3):
    seen.append((i, set_up_by_a_cell.here, os.environ["SET_UP_BY_A_CELL"]))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "set_up_by_a_cell.py").write_text("here = 1\n")
    path = list(sys.path)
    yield str(tmp_path)
    sys.path[:] = path
    sys.modules.pop("set_up_by_a_cell", None)
    os.environ.pop("SET_UP_BY_A_CELL", None)


def test_a_cell_goes_on_with_its_path_and_its_environment(folder: str) -> None:
    above, cell = ABOVE.format(folder=folder), CELL.format(folder=folder)
    wanted = plain(cell, above)["seen"]
    ends = [end["seen"] for _, end in lives(cell, above)]
    assert len(ends) > 5
    assert all(end == wanted for end in ends)

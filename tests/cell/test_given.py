"""``cg.guard``: a cell that dies inside a function of a module that was given over, at any safe point, ends as if it
never had.
"""

import math
import sys

import pytest

import colab_guard as cg
from colab_guard.core.errors import UsageError
from colab_guard.integrations import given
from tests.support.dying import count, lives, plain

MODULE = """
import random

SCALE = 3

def scaled(x):
    for _ in range(2):
        x = x * SCALE % 1001
    return x

def train(rounds, log):
    def step(n):
        for half in range(2):
            log.append((n, half, random.random()))
        return len(log)
    total = 0
    for n in range(rounds):
        seen = step(n)
        total = scaled(total + seen)
    return total

class Trainer:
    def __init__(self):
        self.log = []
    def fit(self, rounds):
        for n in range(rounds):
            self.log.append((n, random.random()))
        return self.log
"""
CELLS = {
    "a function": ("import colab_guard as cg\nimport mine\ncg.guard(mine.train)", "log = []\nend = mine.train(4, log)"),
    "an object, in the cell": (
        "import colab_guard as cg\nfrom mine import Trainer",
        "trainer = cg.guard(Trainer())\nlog = trainer.fit(3)\nlog = trainer.fit(2)\ndel trainer",
    ),
    "its methods overridden in the notebook": (
        """import colab_guard as cg
import mine
cg.guard(mine)
class Mine(mine.Trainer):
    def fit(self, rounds):
        for n in range(2):
            got = super().fit(rounds)
        return got""",
        "trainer = Mine()\nlog = trainer.fit(3)\ndel trainer",
    ),
}


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A module of the user's."""
    (tmp_path / "mine.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(given, "_given", set())
    yield
    del sys.modules["mine"]


@pytest.mark.parametrize("name", CELLS)
def test_dies_at_every_safe_point(mine, name):
    above, cell = CELLS[name]
    expected = plain(cell, above)
    points = count(cell, above)
    assert points > 8, "the module's loops are not entered"
    for number, end in lives(cell, above, stride=3):
        assert end == expected, f"died at point {number} of {points}"


def test_without_that_line_a_modules_function_is_one_piece(mine):
    assert count("log = []\nend = mine.train(4, log)", "import mine") < 4


def test_it_gives_back_what_it_was_given_and_refuses_what_has_no_source():
    assert cg.guard(test_dies_at_every_safe_point) is test_dies_at_every_safe_point
    for thing in (math.sin, math, 3, [], sys):
        with pytest.raises(UsageError, match="has no source in Python"):
            cg.guard(thing)
    with pytest.raises(UsageError, match=r"cg\.guard\(trainer\), without the quotes"):
        cg.guard("trainer")

"""A cell that dies inside a framework's own loop, at any safe point of it, ends as if it never had.

The framework is a small one, made for this: the shapes of code that the real ones are written in. What it can't show is
that those are entered; tests/integrations does that.
"""

import sys
import textwrap
import types

import pytest

from colab_guard.integrations import names
from tests.running.test_progress import IN_FUNCTIONS, looks, loops
from tests.support.dying import count, lives, plain

FRAMEWORK = """
import functools
import random

RATE = 2

def quiet(function):
    @functools.wraps(function)
    def handler(*args, **kwargs):
        trace = None
        try:
            given = function(*args, **kwargs)
            args[0].log.append("given")
            return given
        except ValueError as error:
            raise error.with_traceback(trace) from None
        finally:
            del trace
    return handler

class Loader:
    def __init__(self, items):
        self.items, self.rounds = items, 0
    def __iter__(self):
        items = iter(self.items)
        current = next(items)
        while True:
            try:
                following = next(items)
                yield current
                current = following
            except StopIteration:
                self.over = True
                yield current
                break
        self.rounds += 1

class Engine:
    def __init__(self):
        self.log, self.__seen = [], 0
    @quiet
    def fit(self, items, *, rounds=2, after=None):
        loader, run = Loader(items), functools.partial(self._round, after=after)
        for number in range(rounds):
            run(number, loader)
        return self.log, loader.rounds
    def _round(self, number, loader, after):
        reader, taken = iter(loader), 0
        while taken < len(loader.items):
            item = next(reader)
            for half in range(2):
                self.__seen += 1
                self.log.append((number, item * RATE, half, self.__seen, random.random()))
            taken += 1
            if after is not None:
                after(self)
        next(reader, None)
"""
FUNCTIONS = frozenset({"Engine.fit", "Engine._round"})

CELLS = {
    "a call in the cell": ("", "log, rounds = Engine().fit([3, 4, 5])"),
    "a call in a function, in a loop": (
        """
        def main(n, out):
            for i in range(n):
                end = Engine().fit([i, 1], rounds=1)
                out.append(end)
            return out
        """,
        "ends = main(2, [])",
    ),
    "a subclass, whose method calls the framework's": (
        """
        class Mine(Engine):
            def _round(self, number, loader, after):
                for i in range(2):
                    self.log.append(i)
                return super()._round(number, loader, after)
        """,
        "log, rounds = Mine().fit([3, 4], after=lambda engine: engine.log.append('after'))",
    ),
}


@pytest.fixture
def framework(tmp_path, monkeypatch):
    """The framework, as a module that can be imported and is entered."""
    (tmp_path / "tiny_framework.py").write_text(FRAMEWORK)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(names.LOOPS, "tiny_framework", "of_tiny")
    known = types.SimpleNamespace(FUNCTIONS=FUNCTIONS)
    monkeypatch.setitem(sys.modules, "colab_guard.integrations.of_tiny", known)
    yield "from tiny_framework import Engine\nRATE = 'not the one of the framework'\n"
    del sys.modules["tiny_framework"]


@pytest.mark.parametrize("name", CELLS)
def test_dies_at_every_safe_point(framework, name):
    above, cell = framework + textwrap.dedent(CELLS[name][0]), CELLS[name][1]
    expected = plain(cell, above)
    points = count(cell, above)
    assert points > 15, "the framework's loops are not entered"
    ends = dict(lives(cell, above, stride=5))
    assert list(ends) == list(range(1, points + 1))
    for number, end in ends.items():
        assert end == expected, f"died at point {number}"


def test_its_loops_are_counted(framework, tmp_path):
    found = looks(tmp_path, "Engine().fit([3, 4], after=lambda engine: look())\n", framework)
    assert [loops(one) for one in found] == [[["number", index, 2]] * IN_FUNCTIONS for index in (1, 1, 2, 2)]

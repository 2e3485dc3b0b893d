"""Nothing is kept alive longer than in a plain run: not by the rewriting, nor by snapshots, nor by a resume."""

import ast
import gc
import textwrap
import types
from collections.abc import Iterator

import pytest

from colab_guard.running.stack import Frame
from colab_guard.running.standing import Place
from tests.support.dying import DyingRun, plain, session_with

ABOVE = textwrap.dedent("""
    import weakref
    class Token:
        def __init__(self, name): self.name = name
        def step(self, log):
            for i in range(2):
                log.append(count())
            return self
        def __enter__(self): return self
        def __exit__(self, *_): pass
    class Alive:
        known = weakref.WeakSet()
        def __reduce__(self): return (Alive, ())
    alive = Alive()
    def new(name):
        token = Token(name)
        alive.known.add(token)
        return token
    def count():
        return sorted(token.name for token in alive.known)
    def tokens(n):
        for i in range(n):
            yield new(f"t{i}")
    def batches(n): return [new(f"b{i}") for i in range(n)]
    def consume(token, log):
        for i in range(2):
            log.append(count())
        del token
        for i in range(2):
            log.append(count())
        return count()
    def temporary(log):
        big = new("big")
        for i in range(2):
            big = new(f"big{i}")
            log.append(count())
        del big
        left = consume(new("given"), log)
        log.append(left)
        for batch in batches(2):
            log.append(count())
        log.append(count())
        def inner():
            return held
        held = new("held")
        kept = inner()
        del kept
        for i in range(1):
            log.append(count())
        held = None
        for i in range(1):
            log.append(count())
""")
CELLS = {
    "iterators end with their loop": """
        log = []
        for token in tokens(3):
            log.append(count())
        log.append(count())
        del token
        log.append(count())
        for token in batches(3):
            if token.name == "b1":
                break
        log.append(count())
        token = None
        log.append(count())
    """,
    "contexts end with their block": """
        log = []
        for i in range(3):
            log.append(count())
            with new(f"c{i}"):
                if i == 1:
                    continue
                for j in range(2):
                    log.append(count())
            log.append(count())
            for j in range(2):
                log.append(count())
        for i in range(3):
            log.append(count())
            try:
                with new("raised"):
                    for j in range(2):
                        if j: raise ValueError
            except ValueError:
                log.append(count())
        log.append(count())
    """,
    "functions end with their call": """
        log = []
        temporary(log)
        log.append(count())
        consumed = consume(new("loose"), log)
        log.append(count())
        name = new("method").step(log).name
        log.append(count())
        new("statement").step(log)
        log.append(count())
        for i in range(2):
            consume(new("looped"), log)
            log.append(count())
        log.append(count())
    """,
}


class Saving(DyingRun):
    """Takes a snapshot at every safe point, and dies at none."""

    def reached(self, frame: Frame, number: int, python: types.FrameType) -> None:
        here = frame.points[number]
        self._take(Place(frame, here.path, here.line, python), spare=False)


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    """What is let go of must go at once, and not because the collector came by."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("kind", [DyingRun, Saving], ids=["rewritten", "with snapshots"])
@pytest.mark.parametrize("cell", CELLS)
def test_objects_die_when_they_would(cell: str, kind: type[DyingRun]) -> None:
    source = textwrap.dedent(CELLS[cell])
    expected = plain(source, ABOVE)["log"]
    assert any(expected), "tokens were alive"
    assert [] in expected, "and died"
    run = kind(session_with(ABOVE), source, 10**9)
    run.execute()
    assert run.namespace["log"] == expected


def test_a_rewritten_cell_keeps_the_users_lines() -> None:
    run = DyingRun(session_with(""), "x = 1\nfor i in range(2):\n    x += i\n", 0)
    tree = ast.Module(run.statements(), [])
    assert {node.lineno for node in ast.walk(tree) if hasattr(node, "lineno")} == {1, 2, 3}

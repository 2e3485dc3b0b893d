"""Random programs that die at their safe points end as those that never died."""

from collections import Counter

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from tests.cell.definitions import render
from tests.cell.known import KNOWN, MENDED
from tests.cell.programs import Tree, features, trees
from tests.cell.proof import NEVER, DifferentError, every, prove, some

# Of statements and of what they do, but for the rarest: each is in some programs.
KINDS = {
    "Break", "Continue", "Delete", "For", "If", "Lambda", "ListComp", "Match", "NamedExpr", "Raise", "Return", "Try",
    "While", "With", "Yield", "add()", "append()", "attribute assigned", "call as a context",
    "call as a statement", "call as an argument", "call as an iterable", "call assigned", "call in an expression",
    "call through a dict", "closure", "decorated function", "default argument",
    "discard()", "else of a loop", "else of a try", "except", "finally", "exception through several frames",
    "for over a list that changes", "function", "function with a loop",
    "function with a loop that calls one with a loop", "global", "item assigned", "method", "mutable default",
    "nested loop", "nonlocal", "pop()", "random draw", "recursion", "remove()", "return of a call", "super()",
    "tuple target", "while True",
}  # fmt: skip
IN_CI = settings(
    max_examples=70,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
)


@IN_CI
@hypothesis.given(tree=trees(), first=st.integers(0, 30), stride=st.sampled_from([NEVER, 20, 5]))
def test_a_death_changes_nothing(tree: Tree, first: int, stride: int) -> None:
    program = render(tree)
    hypothesis.note(str(program))
    prove(program, some(first))
    if stride != NEVER:
        prove(program, lambda points: [1] if points else [], stride)


@pytest.mark.parametrize("name", MENDED)
def test_what_random_programs_found_is_mended(name: str) -> None:
    assert prove(MENDED[name], every) > 0


@pytest.mark.parametrize("name", KNOWN)
def test_what_is_known_to_fail_fails(name: str) -> None:
    """So that what random programs leave out is asked for as soon as it holds."""
    with pytest.raises(DifferentError):
        prove(KNOWN[name], every)


def test_programs_make_use_of_the_whole_language() -> None:
    ran: Counter[str] = Counter()

    @settings(IN_CI, max_examples=300)
    @hypothesis.given(trees())
    def run(tree: Tree) -> None:
        ran.update((+features(render(tree))).keys())

    run()
    assert KINDS - ran.keys() == set()


def test_a_program_that_fails_is_made_small() -> None:
    def asked(tree: Tree) -> bool:
        ran = features(render(tree))
        return bool(ran["function with a loop"] and ran["except"])

    smallest = hypothesis.find(trees(), asked, settings=settings(IN_CI, max_examples=300))
    assert len(str(render(smallest)).splitlines()) < 40

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

# Of 300 programs, how many must really run a statement of each kind: some half of what there are, so that it is
# noticed where one goes missing.
EXPECTED = {
    **{"Break": 30, "Continue": 5, "Delete": 40, "For": 70, "If": 90, "Lambda": 20, "ListComp": 30, "Match": 50},
    **{"NamedExpr": 50, "Raise": 40, "Return": 70, "Try": 70, "While": 40, "With": 60, "Yield": 20, "YieldFrom": 1},
    **{"add()": 25, "append()": 130, "attribute assigned": 60, "call as a context": 15, "call as a statement": 25},
    **{"call as an argument": 30, "call as an iterable": 5, "call assigned": 50, "call in an expression": 40},
    **{"call into a tuple target": 8, "call through a dict": 20, "closure": 20, "decorated function": 20},
    **{"default argument": 15, "discard()": 20, "else of a loop": 60, "else of a try": 60, "except": 60, "finally": 60},
    **{"exception through several frames": 10, "for over a list that changes": 35, "function": 70},
    **{"function with a loop": 40, "function with a loop that calls one with a loop": 5, "global": 8},
    **{"item assigned": 50, "method": 50, "mutable default": 15, "nested loop": 50, "nonlocal": 12, "pop()": 40},
    **{"random draw": 30, "recursion": 7, "remove()": 10, "return of a call": 6, "super()": 45, "tuple target": 70},
    **{"while True": 20, "yield from a call": 1},
}
IN_CI = settings(
    max_examples=300,
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

    @IN_CI
    @hypothesis.given(trees())
    def run(tree: Tree) -> None:
        ran.update((+features(render(tree))).keys())

    run()
    assert {name: ran[name] for name, least in EXPECTED.items() if ran[name] < least} == {}


def test_a_program_that_fails_is_made_small() -> None:
    def asked(tree: Tree) -> bool:
        ran = features(render(tree))
        return bool(ran["Break"] and ran["function with a loop"] and ran["except"])

    smallest = hypothesis.find(trees(), asked, settings=settings(IN_CI, max_examples=300))
    assert len(str(render(smallest)).splitlines()) < 40

"""Random programs that die at their safe points end as those that never died."""

from collections import Counter

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from tests.cell.definitions import render
from tests.cell.programs import Program, Tree, features, trees
from tests.cell.proof import DifferentError, every, prove, some
from tests.support import dying

PROGRAMS = 300
IN_CI = settings(
    max_examples=PROGRAMS,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
)


@IN_CI
@hypothesis.given(tree=trees(), first=st.integers(0, 30), stride=st.sampled_from([10**9, 7, 1]))
def test_a_death_changes_nothing(tree: Tree, first: int, stride: int) -> None:
    program = render(tree)
    hypothesis.note(str(program))
    prove(program, some(first))
    if stride < 10**9:
        prove(program, lambda points: [1] if points else [], stride)


# Programs of 300 that must really run a statement of each kind; about half of what there are, so that a
# generator that lost one is noticed.
EXPECTED: dict[str, int] = {}


def test_programs_make_use_of_the_whole_language() -> None:
    ran: Counter[str] = Counter()

    @IN_CI
    @hypothesis.given(trees())
    def run(tree: Tree) -> None:
        ran.update(dict.fromkeys((+features(render(tree))).keys(), 1))

    run()
    print(dict(sorted(ran.items(), key=lambda pair: pair[1])))
    assert {name: ran[name] for name, least in EXPECTED.items() if ran[name] < least} == {}

"""Random programs that die at their safe points end as those that never died."""

from collections import Counter

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from tests.cell.definitions import render
from tests.cell.known import PROGRAMS
from tests.cell.programs import Tree, features, trees
from tests.cell.proof import NEVER, DifferentError, every, prove, some

# Of 300 programs, how many must really run a statement of each kind: some half of what there are, so that it is
# noticed where one goes missing.
EXPECTED: dict[str, int] = {}
IN_CI = settings(
    max_examples=300,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
)


@IN_CI
@hypothesis.given(tree=trees(), first=st.integers(0, 30), stride=st.sampled_from([NEVER, 7, 1]))
def test_a_death_changes_nothing(tree: Tree, first: int, stride: int) -> None:
    program = render(tree)
    hypothesis.note(str(program))
    prove(program, some(first))
    if stride != NEVER:
        prove(program, lambda points: [1] if points else [], stride)


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_known_to_fail_fails(name: str) -> None:
    """So that what random programs leave out is asked for as soon as it holds."""
    with pytest.raises(DifferentError):
        prove(PROGRAMS[name], every)


def test_programs_make_use_of_the_whole_language() -> None:
    ran: Counter[str] = Counter()

    @IN_CI
    @hypothesis.given(trees())
    def run(tree: Tree) -> None:
        ran.update((+features(render(tree))).keys())

    run()
    print(dict(sorted(ran.items(), key=lambda pair: pair[1])))
    assert {name: ran[name] for name, least in EXPECTED.items() if ran[name] < least} == {}


def test_a_program_that_fails_is_made_small() -> None:
    def asked(tree: Tree) -> bool:
        ran = features(render(tree))
        return bool(ran["Break"] and ran["function with a loop"] and ran["except"])

    smallest = hypothesis.find(trees(), asked, settings=settings(IN_CI, max_examples=1000))
    assert len(str(render(smallest)).splitlines()) < 30

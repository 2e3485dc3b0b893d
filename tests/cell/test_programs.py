"""Random programs that die at their safe points end as those that never died."""


import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from tests.cell.definitions import render
from tests.cell.programs import Tree, trees
from tests.cell.proof import prove, some

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

"""How fast a cell goes on, and when it will be over, from looks ten seconds apart."""

import pytest

from colab_guard.running.pace import Estimate, Pace
from colab_guard.running.progress import Loop


def looks(pace: Pace, seconds: float, *loops_at) -> list[Estimate]:
    return [pace.look("run", loops, number * seconds) for number, loops in enumerate(loops_at)]


def test_a_loop_at_an_even_pace_tells_its_rate_and_its_end():
    found = looks(Pace(), 10.0, *((Loop("i", 1 + 20 * number, 1000),) for number in range(10)))
    assert found[0] == Estimate(None, None)
    assert found[-1].rate == pytest.approx(2.0)
    assert found[-1].eta == pytest.approx((1000 - 181 + 1) / 2.0)


def test_before_the_first_epoch_is_over_the_inner_loop_tells_how_far_it_is():
    found = looks(Pace(), 10.0, *((Loop("epoch", 1, 5), Loop("batch", 1 + 10 * n, 100)) for n in range(6)))
    assert found[-1].rate == pytest.approx(1.0)
    assert found[-1].eta == pytest.approx(500 - 50)


def test_later_whole_epochs_count_whatever_else_is_in_them():
    """Each epoch trains for 60 s, and is validated for 40 s in another loop."""
    pace, found = Pace(), Estimate()
    for second in range(0, 350, 10):
        epoch, within = divmod(second, 100)
        inner = Loop("batch", within + 1, 60) if within < 60 else Loop("batch", (within - 60) * 10 + 1, 400)
        found = pace.look("run", (Loop("epoch", epoch + 1, 10), inner), float(second))
    assert found.eta == pytest.approx(1000 - 340)


def test_the_rate_counts_on_through_the_loop_around_it():
    pace = Pace()
    pace.look("run", (Loop("epoch", 1, 9), Loop("batch", 90, 100)), 0.0)
    assert pace.look("run", (Loop("epoch", 2, 9), Loop("batch", 10, 100)), 10.0).rate == pytest.approx(2.0)


def test_a_loop_without_end_has_a_rate_only():
    found = looks(Pace(), 10.0, *((Loop("batch", 1 + 5 * number, None),) for number in range(3)))
    assert found[-1] == Estimate(0.5, None)


def test_nothing_is_carried_over_to_another_loop_or_cell():
    pace = Pace()
    looks(pace, 10.0, *((Loop("i", 1 + 20 * number, 1000),) for number in range(10)))
    assert pace.look("run", (Loop("i", 1, 1000),), 100.0) == Estimate()
    assert pace.look("run", (Loop("k", 50, 1000),), 110.0) == Estimate()
    assert pace.look("another", (Loop("k", 60, 1000),), 120.0) == Estimate()
    assert pace.look("another", (), 130.0) == Estimate()
    assert pace.look("another", (Loop("k", 70, 1000),), 140.0) == Estimate()

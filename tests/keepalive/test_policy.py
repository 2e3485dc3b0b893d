"""When keep-alive acts, over twelve hours by a clock that is set; and the countdown to the runtime's end."""

import pytest

from colab_guard.keepalive.countdown import COUNTDOWN_SECONDS, Countdown
from colab_guard.keepalive.policy import HOUR, LINGER_SECONDS, Policy, Work, decide

START = 1_795_000_000.0


def acts(policy: Policy, work: Work, at: float, *, paused: bool = False) -> bool:
    return decide(policy, work, START, START + at, paused=paused).acts


def test_it_acts_while_a_cell_runs_and_ten_minutes_behind_it_and_not_a_second_longer():
    ran = Work(None, START + 3 * HOUR)
    assert acts(Policy(), Work(START), 3 * HOUR)
    assert acts(Policy(), ran, 3 * HOUR + LINGER_SECONDS - 1)
    assert not acts(Policy(), ran, 3 * HOUR + LINGER_SECONDS)
    assert acts(Policy(), Work(START + 4 * HOUR, START + 3 * HOUR), 4 * HOUR), "it acts again when the next one runs"


def test_it_rests_if_nothing_is_run_within_ten_minutes_of_turning_it_on():
    assert acts(Policy(), Work(None, START - HOUR), LINGER_SECONDS - 1)
    assert not acts(Policy(), Work(None, START - HOUR), LINGER_SECONDS)


@pytest.mark.parametrize("always", [False, True])
def test_it_never_acts_longer_than_it_was_told_whatever_runs(always):
    policy, running = Policy(max_hours=12, always=always), Work(START)
    seconds = [second for second in range(0, 24 * 3600, 60) if acts(policy, running, second)]
    assert seconds == list(range(0, 12 * 3600, 60))


def test_always_acts_while_nothing_runs_and_says_what_that_costs():
    decision = decide(Policy(always=True), Work(None, START), START, START + 6 * HOUR)
    assert decision.acts
    assert "burns compute units" in decision.why


def test_what_is_paused_does_not_act():
    assert not acts(Policy(always=True), Work(START), 60, paused=True)


def test_it_says_until_when():
    decision = decide(Policy(), Work(None, START + 60), START, START + 120)
    assert decision.until == START + 60 + LINGER_SECONDS
    assert not decide(Policy(), Work(None, START + 60), START, decision.until).acts


def test_the_countdown_begins_when_all_is_durable_and_anew_when_a_cell_came_between():
    waiting = Countdown().step(durable=False, working=False, now=START)
    assert waiting.at is None
    counting = waiting.step(durable=True, working=False, now=START + 5)
    assert counting.at == START + 5 + COUNTDOWN_SECONDS
    assert counting.step(durable=True, working=False, now=START + 30) == counting
    again = counting.step(durable=True, working=True, now=START + 40).step(durable=True, working=False, now=START + 50)
    assert again.at == START + 50 + COUNTDOWN_SECONDS
    assert [again.is_over(START + 50 + seconds) for seconds in (0, COUNTDOWN_SECONDS - 1, COUNTDOWN_SECONDS)] == [
        False, False, True,
    ]  # fmt: skip
    assert not waiting.is_over(START + 24 * HOUR), "what is not durable is waited for"

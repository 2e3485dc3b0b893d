"""What is asked of a cell from outside."""

from colab_guard.running.signals import Signals


def test_what_became_due_while_a_safe_point_could_not_be_left_follows():
    signals, done = Signals(lambda: None, lambda frame: False), []
    with signals.doing():
        signals._no_safe_point_came(lambda: done.append("it comes"))
        assert done == []
    assert done == ["it comes"]

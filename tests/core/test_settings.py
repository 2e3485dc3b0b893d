"""Options as people write them."""

import pytest

from colab_guard.core.errors import UsageError
from colab_guard.core.settings import Interval, parse_interval
from colab_guard.core.words import ago, size


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("60s", Interval(seconds=60)),
        ("0.5s", Interval(seconds=0.5)),
        ("250ms", Interval(seconds=0.25)),
        ("5m", Interval(seconds=300)),
        ("1.5h", Interval(seconds=5400)),
        ("100it", Interval(iterations=100)),
    ],
)
def test_an_interval_is_a_number_and_a_unit(text: str, interval: Interval) -> None:
    assert parse_interval(text) == interval


@pytest.mark.parametrize("text", ["0", "0s", "0it", "5", "-1s", "1.5it", "5 epochs", "nans", "infs", "", "s", "1e3s"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="60s, 5m or 1h"):
        parse_interval(text)


@pytest.mark.parametrize(
    ("text", "say"),
    [("5 minutes", "5m"), ("60 s", "60s"), ("60sec", "60s"), ("2 Hrs", "2h"), ("100 iterations", "100it")],
)
def test_units_in_words_are_told_how_to_be_written(text: str, say: str) -> None:
    with pytest.raises(UsageError, match=f"say --every {say}\\."):
        parse_interval(text)


def test_figures_in_words() -> None:
    assert [ago(0.4), ago(59), ago(600), ago(3600 * 5)] == ["0 s ago", "59 s ago", "10 min ago", "5 h ago"]
    assert [size(0), size(999), size(1000), size(123_456), size(2.5e9)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "123 kB",
        "2.5 GB",
    ]

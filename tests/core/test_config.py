"""The last that says something decides: built in, environment, %guard config. What is no setting is refused at once."""

from __future__ import annotations

import pytest

from colab_guard.core import config
from colab_guard.core.config import SETTINGS, configure, limit_seconds, origin, parse_limit, setting
from colab_guard.core.errors import UsageError
from colab_guard.core.settings import AUTO, parse_interval
from colab_guard.store.retention import KEEP


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "_chosen", {})
    for name in SETTINGS:
        monkeypatch.delenv(f"COLAB_GUARD_{name.upper()}", raising=False)


def test_what_is_built_in_is_what_the_rest_of_the_code_has():
    assert setting("keep") == str(KEEP)
    assert parse_interval(setting("every")) == AUTO
    assert {origin(name) for name in SETTINGS} == {"built in"}


def test_the_environment_then_the_config_goes_before(monkeypatch):
    monkeypatch.setenv("COLAB_GUARD_EVERY", "5m")
    assert (setting("every"), origin("every")) == ("5m", "the environment variable COLAB_GUARD_EVERY")
    configure({"every": "100it"})
    assert (setting("every"), origin("every")) == ("100it", "%guard config")
    configure({"every": ""})
    assert (setting("every"), origin("every")) == ("5m", "the environment variable COLAB_GUARD_EVERY")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("12h", 43200), ("90m", 5400), ("3600s", 3600), ("1h30m", 5400), ("1.5h", 5400), ("5min", 300)],
)
def test_a_limit_is_a_duration(text, seconds):
    assert parse_limit(text) == seconds
    configure({"limit": text})
    assert limit_seconds() == seconds


def test_there_need_be_no_limit():
    assert limit_seconds() is None


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [
        ("limit", "12", "12h, 90m or 1h30m"),
        ("limit", "0h", "12h, 90m or 1h30m"),
        ("limit", "12 h", "12h, 90m or 1h30m"),
        ("limit", "h12", "12h, 90m or 1h30m"),
        ("limit", "-1h", "12h, 90m or 1h30m"),
        ("every", "5", "every=5 is no interval: give a number"),
        ("every", "5 minutes", "say every=5m."),
        ("keep", "0", "keep=0 is no number of snapshots"),
        ("keep", "-1", "such as 5"),
        ("keep", "²", "such as 5"),
        ("notebook", "/", "such as notebook=train"),
        ("notebook", "x" * 101, "at most 100 characters"),
        ("notebook", "a\nb", "such as notebook=train"),
        ("store", "/etc/hostname", "is no folder"),
        ("store", "a\0b", "is no folder"),
        ("evry", "5m", "There is no setting evry. There are: notebook= a name"),
    ],
)
def test_what_is_none_is_refused_with_nothing_changed(name, text, form):
    with pytest.raises(UsageError) as refused:
        configure({"keep": "7", name: text})
    assert form in str(refused.value)
    assert config._chosen == {}

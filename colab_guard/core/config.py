"""Settings, weakest first: built in, the environment (``COLAB_GUARD_*``), ``%guard config``, a call's own options.

What ``%guard config`` sets holds for this process, and is checked when it is set; what stands in the environment is
checked where it is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from colab_guard.core.errors import UsageError
from colab_guard.core.settings import UNITS_SECONDS, from_environment, parse_interval
from colab_guard.core.stores import folder_at, is_url

CONFIG = "%guard config"
NAME_CHARS = 100


@dataclass(frozen=True)
class Setting:
    """A setting: its value where nobody said any, what it may be, and what raises UsageError where it is not."""

    built_in: str
    forms: str
    check: Callable[[str], object]


def _notebook(text: str) -> None:
    if len(text) > NAME_CHARS or not text.isprintable() or not any(c.isalnum() for c in text):
        raise UsageError(
            f"notebook={text!r:.120} is no name for a notebook: give one of at most {NAME_CHARS} characters, with a "
            f"letter or digit in it, such as notebook=train."
        )


def _store(text: str) -> None:
    if not is_url(text) and ("\0" in text or folder_at(text).is_file()):
        raise UsageError(f"store={text} is no folder. Give the path of one, such as /content/snapshots, or a URL.")


def _keep(text: str) -> None:
    if not text.isdecimal() or not int(text):
        raise UsageError(f"keep={text} is no number of snapshots: give one from 1 on, such as 5.")


def parse_limit(text: str) -> float:
    """Seconds of a duration such as ``12h``, ``90m``, ``3600s`` or ``1h30m``. Raises UsageError for anything else."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(s|min|m|h)", text)
    seconds = sum(float(number) * UNITS_SECONDS[unit] for number, unit in parts)
    if not seconds or "".join(number + unit for number, unit in parts) != text:
        raise UsageError(
            f"limit={text} is no duration: give numbers with their units and no space, such as 12h, 90m or 1h30m."
        )
    return seconds


def _panel(text: str) -> None:
    if text not in ("on", "off"):
        raise UsageError(f"panel={text} is neither on nor off: panel=on shows the panel at %load_ext.")


def parse_share(text: str) -> float:
    """A share of all memory such as ``97%``, from 0 to 1. Raises UsageError for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)%", text)
    if not match or not 50 <= float(match[1]) < 100:
        raise UsageError(f"stop_at={text} is no share of the RAM: give one from 50% to 99%, such as 97%.")
    return float(match[1]) / 100


SETTINGS: Mapping[str, Setting] = {
    "notebook": Setting("", "a name, such as train", _notebook),
    "store": Setting("", "a folder, such as /content/snapshots", _store),
    "panel": Setting("on", "on or off: whether %load_ext shows the panel", _panel),
    "every": Setting("auto", "an interval: auto, 60s, 5m, 100it", lambda text: parse_interval(text, "every=")),
    "keep": Setting("3", "a number of snapshots from 1 on, such as 5", _keep),
    "limit": Setting("", "how long the runtime lives, such as 12h or 90m", parse_limit),
    "stop_at": Setting("", "the share of the RAM at which a cell is stopped, such as 97%", parse_share),
}
_chosen: dict[str, str] = {}


def setting(name: str, built_in: str | None = None) -> str:
    """The text of a setting; ``built_in`` where nobody said any. Empty: there is none."""
    default = SETTINGS[name].built_in if built_in is None else built_in
    return _chosen.get(name) or from_environment(name.upper(), default)


def origin(name: str) -> str:
    """Where a setting's value comes from, in words."""
    if name in _chosen:
        return CONFIG
    return f"the environment variable COLAB_GUARD_{name.upper()}" if from_environment(name.upper(), "") else "built in"


def configure(words: Mapping[str, str]) -> None:
    """Sets each of ``words`` for this process, or takes it back where its text is empty; all or none of them.

    Raises UsageError, which names the accepted forms, with nothing changed.
    """
    for name, text in words.items():
        if name not in SETTINGS:
            forms = "; ".join(f"{name}= {known.forms}" for name, known in SETTINGS.items())
            raise UsageError(f"There is no setting {name}. There are: {forms}. Nothing was changed.")
        if text:
            SETTINGS[name].check(text)
    for name, text in words.items():
        _chosen.pop(name, None)
        if text:
            _chosen[name] = text


def limit_seconds() -> float | None:
    """How long the runtime lives, as far as the user said so. Raises UsageError for what is no duration."""
    return _parsed("limit", parse_limit)


def stop_share() -> float | None:
    """The share of the RAM at which a guarded cell is to be stopped, as far as the user said so. Raises UsageError for
    what is no share.
    """
    return _parsed("stop_at", parse_share)


def _parsed(name: str, parse: Callable[[str], float]) -> float | None:
    text = setting(name)
    try:
        return parse(text) if text else None
    except UsageError as error:
        raise UsageError(f"{error} It comes from {origin(name)}.") from None

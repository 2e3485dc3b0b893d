"""What a check is given, and what it gives: a fact, a situation, a finding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from colab_guard.selfchecks.drive import Trial
    from colab_guard.selfchecks.page import Answer


class NotHere(Exception):
    """What a check needs is not here; the message says what. No error, so not told as one."""


@dataclass(frozen=True)
class Finding:
    """How a fact stands here, and in words what was seen, or why nothing was."""

    verdict: Literal["confirmed", "different", "could not be checked"]
    text: str


def confirmed(text: str) -> Finding:
    """What we assume is so."""
    return Finding("confirmed", text)


def different(text: str) -> Finding:
    """It is not so."""
    return Finding("different", text)


def unchecked(why: str) -> Finding:
    """Nothing was learnt."""
    return Finding("could not be checked", why)


@dataclass
class Situation:
    """What checks share. Not thread-safe."""

    shell: Any  # IPython's, where this is a notebook's kernel; else None
    mount: Path | None  # of Drive
    wait_seconds: float  # for uploads, at most
    trial: Trial | None = None  # the files that are being uploaded
    answer: Answer | None = None  # of the page, once it was asked


@dataclass(frozen=True)
class Fact:
    """Something that is assumed of Colab. Without a ``check`` only a person can tell: ``by_hand`` says how."""

    key: str
    assumed: str
    check: Callable[[Situation], Finding] | None = None
    in_kernel: bool = False  # needs the notebook's own kernel: a command has no front end
    by_hand: str = ""

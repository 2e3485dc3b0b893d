"""The report: each fact in its turn, one line as soon as it is known; nothing raises, nothing is left behind."""

from __future__ import annotations

import platform
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

from colab_guard.core.places import on_colab
from colab_guard.selfchecks import drive, machine, page, person
from colab_guard.selfchecks.facts import Fact, Finding, NotHere, Situation, unchecked
from colab_guard.selfchecks.masking import masked, reason

WAIT_SECONDS = 300.0  # an upload to Drive may take minutes
# Uploads stand behind what is known at once: they may take minutes.
FACTS: tuple[Fact, ...] = (*machine.FACTS, *page.FACTS, *drive.FACTS, *person.FACTS)
ONLY_KERNEL = "only the notebook can: run `import colab_guard as cg; cg.selfcheck()` in a cell"
NOT_COLAB = (
    "This is not Colab (google.colab is not loaded, and COLAB_RELEASE_TAG not set): what follows is true of this "
    "machine, and says nothing of Colab."
)
PASTE = (
    "Paste all of this into an issue at the project's page. It holds no file names, addresses or tokens, and of ids no "
    "more than their first characters; do read it before."
)


def run(wait_seconds: float = WAIT_SECONDS, say: Callable[[str], object] = print) -> Counter[str]:
    """Checks each fact, and says a line for each; how often there was which verdict.

    Waits for uploads at most ``wait_seconds`` in all, and some seconds more for the page. Raises nothing: an interrupt
    ends the checking, not the report. In a notebook it must be called from the main thread.
    """
    counts: Counter[str] = Counter()
    for line in _head():
        say(line)
    situation = Situation(_shell(), drive.mount_point(), wait_seconds)
    try:
        for fact in FACTS:
            _tell(fact, _finding(fact, situation), counts, say)
    except KeyboardInterrupt:
        say("Interrupted: the rest could not be checked.")
    if situation.trial is not None:
        for line in situation.trial.remove():
            say(line)
    say(", ".join(f"{count} {verdict}" for verdict, count in counts.items()) + ".")
    say(PASTE)
    return counts


def _tell(fact: Fact, finding: Finding, counts: Counter[str], say: Callable[[str], object]) -> None:
    counts[finding.verdict] += 1
    say(f"- {fact.key}: we assume that {fact.assumed}. {_capital(finding.verdict)}: {masked(finding.text)}.")


def _finding(fact: Fact, situation: Situation) -> Finding:
    if fact.check is None:
        return unchecked(f"only a person can. {fact.by_hand}")
    if fact.in_kernel and situation.shell is None:
        return unchecked(ONLY_KERNEL)
    try:
        return fact.check(situation)
    except NotHere as what:
        return unchecked(str(what))
    except Exception as error:  # noqa: BLE001 - whatever it is, the other facts can still be checked
        return unchecked(reason(error))


def _head() -> list[str]:
    versions = [f"Python {platform.python_version()}"]
    for name in ("IPython", "ipykernel", "ipywidgets", "colab_guard"):
        if version := getattr(sys.modules.get(name), "__version__", None):
            versions.append(f"{name} {version}")
    where = "in a notebook's kernel" if _shell() is not None else "as a command, which has no front end"
    lines = [f"colab_guard selfcheck, {where}: {', '.join(versions)}."]
    return lines if on_colab() else [*lines, NOT_COLAB]


def _shell() -> Any:
    """IPython's shell, where it is a kernel's."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return shell if hasattr(shell, "kernel") else None


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

"""The five channels, each in its true state. Pure: from what is known, and the time."""

from __future__ import annotations

from dataclasses import dataclass

from colab_guard.core.words import ago, count_of
from colab_guard.keepalive.beats import Beat
from colab_guard.keepalive.contact import MISSED
from colab_guard.keepalive.policy import Decision

IN_FORCE, WAITING, OFF, NOT_POSSIBLE = "in force", "waiting", "off", "not possible"
HOSTS = {
    "Kaggle": "the script knows Colab's page, and no other",
    "VS Code": "VS Code has no page that a script could run in",
    "Jupyter": "JupyterLab and Notebook reconnect by themselves: there is nothing to press",
    "IPython": "a terminal has no page",
}


@dataclass(frozen=True)
class Channel:
    """One channel: ``since`` when its state holds, its ``last`` sign, in seconds since 1970; ``why``, in a clause."""

    name: str
    state: str
    since: float | None
    last: float | None
    why: str


@dataclass(frozen=True)
class Signs:
    """The signs of one channel that have come without a gap: since when, and the newest; seconds since 1970."""

    since: float
    last: float


def following(signs: Signs | None, at: float, interval: float) -> Signs:
    """With one more, sent at ``at``: they go on, or begin anew."""
    if signs is None:
        return Signs(at, at)
    return Signs(signs.since if at - signs.last <= MISSED * interval else at, max(at, signs.last))


@dataclass(frozen=True)
class Facts:
    """What is known. ``no_frame``, ``no_output``, ``no_record``: why there can be none, empty where there is one.
    ``beat``: the newest, of which ``frame`` and ``page`` are the signs, by this machine's clock. ``deaf``: a cell runs
    that lets no message through. ``outside``: its state and words.
    """

    platform: str
    on: bool
    decision: Decision
    interval: float
    no_frame: str = ""
    frame: Signs | None = None
    page: Signs | None = None
    beat: Beat | None = None
    deaf: bool = False
    no_output: str = ""
    output: Signs | None = None
    no_record: str = ""
    record: Signs | None = None
    outside: tuple[str, str] = (OFF, "")


def channels(facts: Facts, now: float) -> tuple[Channel, ...]:
    """All five, whatever is known."""
    return (_page(facts, now), _frame(facts, now), _output(facts, now), _kernel(facts), _outside(facts))


def is_fresh(signs: Signs | None, interval: float, now: float) -> bool:
    """Whether the newest sign is no older than it may be while the channel is in force."""
    return signs is not None and now - signs.last <= MISSED * interval


def _page(facts: Facts, now: float) -> Channel:
    signs, page = facts.page, facts.beat.page if facts.beat else None
    if facts.platform != "Colab":
        return Channel("page", NOT_POSSIBLE, None, None, HOSTS.get(facts.platform, "this is not Colab's page"))
    if not facts.on:
        return _off("page", signs)
    if signs is not None and page is not None and is_fresh(signs, facts.interval, now):
        pressed = f", pressed {count_of(page.presses, 'time')} so far"
        return Channel("page", IN_FORCE, signs.since, signs.last, f"the connect button is {page.connect}{pressed}")
    last = None if signs is None else signs.last
    if facts.no_frame:
        return Channel("page", WAITING, None, last, "it is heard of through the frame only, which can't be shown here")
    if facts.deaf:
        return Channel("page", WAITING, None, last, "it is heard of through the frame")
    return Channel("page", WAITING, None, last, "start it in the page: the bookmarklet, the snippet or the userscript")


def _frame(facts: Facts, now: float) -> Channel:
    signs, beat = facts.frame, facts.beat
    if facts.no_frame:
        return Channel("frame", NOT_POSSIBLE, None, None, facts.no_frame)
    if not facts.on:
        return _off("frame", signs)
    if signs is not None and beat is not None and is_fresh(signs, facts.interval, now):
        took = f"there and back in {beat.rtt * 1000:,.0f} ms" if beat.rtt is not None else "no answer has come back yet"
        extras = [
            f"{name} {text}"
            for name, text in (("audio", beat.audio), ("wake lock", beat.wake_lock), ("notices", beat.notify))
        ]
        said = [text for text in extras if not text.endswith((" ", " off"))]
        seen = ["hidden tab"] if beat.hidden else []
        return Channel("frame", IN_FORCE, signs.since, signs.last, ", ".join([took, *seen, *said]))
    last = None if signs is None else signs.last
    if facts.deaf:
        return Channel(
            "frame", WAITING, None, last, "a cell runs that lets no message through: its beats wait for that"
        )
    if not facts.decision.acts:
        return Channel("frame", WAITING, None, last, "it sends nothing while keep-alive rests")
    if signs is None:
        return Channel("frame", WAITING, None, None, "no beat yet: the output of %keepalive must be in an open page")
    return Channel(
        "frame", WAITING, None, last, f"no beat for longer than it may take: the last was sent {ago(now - signs.last)}"
    )


def _output(facts: Facts, now: float) -> Channel:
    if facts.no_output:
        return Channel("output", NOT_POSSIBLE, None, None, facts.no_output)
    if not facts.on or facts.output is None:
        return _off("output", facts.output)
    if not facts.decision.acts:
        return Channel("output", WAITING, None, facts.output.last, "it is left alone while keep-alive rests")
    state = IN_FORCE if is_fresh(facts.output, facts.interval, now) else WAITING
    return Channel(
        "output", state, facts.output.since, facts.output.last, "the lines under %keepalive are kept up to date"
    )


def _kernel(facts: Facts) -> Channel:
    if facts.record is None:
        return Channel("kernel", NOT_POSSIBLE, None, None, facts.no_record or "nothing is recorded in this process")
    state = WAITING if facts.no_record else IN_FORCE
    why = facts.no_record or "the flight recorder's beat, by which %guard why tells how a session ended"
    return Channel("kernel", state, facts.record.since, facts.record.last, why)


def _outside(facts: Facts) -> Channel:
    state, why = facts.outside
    return Channel("outside", state, None, None, why)


def _off(name: str, signs: Signs | None) -> Channel:
    return Channel(name, OFF, None, None if signs is None else signs.last, "%keepalive turns it on")

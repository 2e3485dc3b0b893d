"""What ended a session: one cause, or none where the evidence does not carry one.

The rules are tried in order, the surest evidence first: what the session said itself (released, told to end, a fatal
signal), what its last cell failed with, what the machine counts (kills for memory), and last, where the machine has
gone, its age and what ran. A rule that could be as well another's is none: the answer is then ``unknown``, with what
was seen. Nothing is asked here: ``Here`` holds what is known at the reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from colab_guard.core.words import size, span
from colab_guard.flight.facts import END_SECONDS, Facts, Line
from colab_guard.flight.reading import Flight
from colab_guard.guards.lifetime import HOUR

LIMITS = {"colab": (12 * HOUR, 24 * HOUR), "kaggle": (12 * HOUR,)}  # docs/flight.md says how they are known
BEFORE_LIMIT, BEHIND_LIMIT = 600.0, 900.0  # how far from it the last beat may be: copies are made every 5 min
IDLE, SURELY_IDLE = 1800.0, 4500.0  # Colab's timer is said to take 90 min, and at times much less
ALIVE = 420.0  # a copy is never older in the durable store, while a session lives
SOON = 1800.0  # after a failure somebody ends the session because of it
FULL, NEARLY_FULL, HIGH = 0.99, 0.92, 0.7  # shares of RAM or disk
OWN_SHARE = 0.4  # of all RAM in this one process
FRAME = re.compile(r'File "([^"]*)", line (\d+) in (.+)')
GAP = 300.0  # of what a durable copy may not tell


class Cause(StrEnum):
    """What may end a session; docs/flight.md has a row for each."""

    RAM = "ram"
    GPU = "gpu-memory"
    DISK = "disk"
    STORE = "store"
    RESTARTED = "restarted"
    SHUT_DOWN = "shut-down"
    ENDED = "ended"
    SIGNAL = "signal"
    LIMIT = "limit"
    IDLE = "idle"
    RECLAIMED = "reclaimed"
    RELEASED = "released"
    RUNNING = "running"
    UNKNOWN = "unknown"


CERTAIN, ALMOST, PROBABLY, NOT_SURE = "certain", "almost certain", "probable", "not known"


@dataclass(frozen=True)
class Here:
    """What is known where a flight is read. ``boot`` and ``group``: the boot id and the control group for memory;
    ``oom_kills``: their counters now; ``alive``: whether the flight's own process is still there, None where that
    can't be told; ``log``: telling lines of Colab's log, with their times; ``successor``: whether this is a session
    of the same notebook on the same kind of host, so that another boot id means that the machine has gone.
    """

    t: float
    boot: str | None = None
    group: str | None = None
    oom_kills: dict[str, int] | None = None
    alive: bool | None = None
    log: tuple[tuple[float, str], ...] = ()
    successor: bool = True


@dataclass(frozen=True)
class Verdict:
    """A cause; how sure it is, in words; the evidence; ``seen``: what was so, too, but did not end the session."""

    cause: Cause
    sure: str
    because: tuple[str, ...]
    seen: tuple[str, ...] = ()
    signal: str = ""


def cause_of(flight: Flight, here: Here) -> Verdict:
    """What ended the session of this flight. Raises nothing."""
    facts = Facts(flight)
    verdict = next(_verdicts(facts, here))
    return replace(verdict, seen=tuple(_seen(facts, verdict)))


def _verdicts(facts: Facts, here: Here) -> Iterator[Verdict]:
    gone = _gone(facts, here)
    if here.alive:
        yield Verdict(Cause.RUNNING, CERTAIN, ("Its process is still there.",))
    yield from _said(facts)
    failed = _failed(facts)
    shutdown, exit_, term = facts.final("shutdown"), facts.final("exit"), facts.final("signal")
    if failed and (shutdown or exit_):
        yield failed
    if shutdown:
        yield _told(shutdown)
    if exit_:
        yield Verdict(Cause.ENDED, ALMOST, ("The interpreter came to its end in order, and nobody had told it to.",))
    if gone is None and here.t - facts.end < ALIVE and here.alive is None:
        yield Verdict(Cause.RUNNING, PROBABLY, (f"It was heard of {span(here.t - facts.end)} ago.",))
    if term and not gone:
        text = f"{term.get('signal', 'SIGTERM')} came from outside, and the session ended with it."
        yield Verdict(Cause.SIGNAL, CERTAIN if gone is False else PROBABLY, (text,), (), str(term.get("signal")))
    if gone is False:
        yield from _silent(facts, here)
    else:
        yield from _taken_away(facts, failed, gone is True, "" if term is None else str(term.get("signal")))
    yield Verdict(Cause.UNKNOWN, NOT_SURE, _no_trace(facts, here, gone))


def _gone(facts: Facts, here: Here) -> bool | None:
    """Whether the machine of the flight is no more; None where that can't be told."""
    if not facts.flight.boot or not here.boot:
        return None
    if facts.flight.boot == here.boot:
        return False
    # Colab and Kaggle give a notebook one machine; elsewhere another one may be at work on the same store.
    may_live = facts.host not in LIMITS and here.t - facts.end < ALIVE
    return True if here.successor and not may_live else None


def _said(facts: Facts) -> Iterator[Verdict]:
    """What the session said itself, with its last words."""
    if facts.final("released"):
        yield Verdict(Cause.RELEASED, CERTAIN, ("%guard release, or the end of the work, gave the runtime back.",))
    crash = facts.final("crash")
    if crash and (name := fatal_signal(str(crash.get("text", "")))):
        text = f"Python's fault handler wrote of {name}{_where(str(crash['text']))}."
        yield Verdict(Cause.SIGNAL, CERTAIN, (text,), (), name)


def _where(text: str) -> str:
    """Where the thread that failed stood, by the fault handler's text: innermost, and in the notebook's own code."""
    _, _, current = text.partition("Current thread")
    frames = FRAME.findall(current)
    if not frames:
        return ""
    file, line, name = frames[0]
    own = next(((line, name) for file, line, name in frames[1:] if "ipykernel_" in file or name == "<module>"), None)
    called = f", called from line {own[0]} of a cell ({own[1]})" if own else ""
    return f", in {name} ({file.rpartition('/')[2]}, line {line}){called}"


def fatal_signal(text: str) -> str:
    """The signal that the fault handler's first line speaks of; empty where it speaks of none."""
    names = {
        "Segmentation fault": "SIGSEGV", "Aborted": "SIGABRT", "Bus error": "SIGBUS",
        "Floating": "SIGFPE", "Illegal instruction": "SIGILL",
    }  # fmt: skip
    first = text.strip().partition("\n")[0]
    return next(
        (name for words, name in names.items() if first.startswith("Fatal Python error") and words in first), ""
    )


def _failed(facts: Facts) -> Verdict | None:
    """The failure of the last cell that did anything, where it wanted something that was not there."""
    failure = facts.failure
    if failure is None:
        return None
    cause = {"gpu-memory": Cause.GPU, "ram": Cause.RAM, "disk": Cause.DISK, "store": Cause.STORE}[
        facts.class_of(failure) or ""
    ]
    after = facts.end - failure["t"]
    text = f"{_cell(failure)} failed with {failure.get('error', 'an error')}: {_short(failure.get('text', ''))}"
    because = (text, f"The session ended {span(after)} later, and nothing had run well since.")
    return Verdict(cause, ALMOST if after < SOON else PROBABLY, because)


def _told(shutdown: Line) -> Verdict:
    if shutdown.get("restart"):
        return Verdict(Cause.RESTARTED, ALMOST, ("The kernel was told to end, to be started again.",))
    return Verdict(Cause.SHUT_DOWN, ALMOST, ("The kernel was told to end, by a person or by the server.",))


def _silent(facts: Facts, here: Here) -> Iterator[Verdict]:
    """The machine is the same, and the kernel went without a word: whether it was killed for memory."""
    in_group, on_machine = _kills(facts, here)
    ram = facts.share("ram")
    text = _memory(facts)
    if in_group is not None and in_group > 0:
        yield Verdict(Cause.RAM, ALMOST, (f"The system killed for memory in the kernel's own control group. {text}",))
    large = (ram or 0) >= HIGH or _own_share(facts) >= OWN_SHARE
    if on_machine is not None and on_machine > 0 and large and in_group is None:
        yield Verdict(Cause.RAM, PROBABLY, (f"The system killed a process for memory since the last beat. {text}",))
    counted = in_group if in_group is not None else on_machine
    if counted is None and ram is not None and ram >= NEARLY_FULL:
        yield Verdict(Cause.RAM, PROBABLY, (f"The kernel went without a word while the memory was full. {text}",))
    if counted is None and (large_alloc := _large_alloc(facts, here)) and (ram or 0) >= HIGH:
        yield Verdict(Cause.RAM, PROBABLY, (f"Colab's log: {large_alloc}. {text}",))


def _kills(facts: Facts, here: Here) -> tuple[int | None, int | None]:
    """How often the system has killed for memory since the last beat: in the kernel's control group, if that is the
    reader's, too; on the whole machine.
    """
    now, then = here.oom_kills or {}, facts.oom_kills
    same = here.group is not None and here.group == facts.flight.start.get("group")
    in_group = now["cgroup"] - then["cgroup"] if same and "cgroup" in now and "cgroup" in then else None
    return in_group, now["machine"] - then["machine"] if "machine" in now and "machine" in then else None


def _taken_away(facts: Facts, failed: Verdict | None, gone: bool, term: str) -> Iterator[Verdict]:
    """The machine has gone (or this can't be told): its age, what ran, who looked."""
    evidence = ["The machine that it was on is no more."] if gone else []
    if term:
        evidence.append(f"{term} came just before.")
    browser = facts.beat.get("browser")
    idle = (
        facts.host in LIMITS and facts.running is None and facts.idle >= IDLE and (browser is None or browser >= IDLE)
    )
    limit = _limit(facts)
    if limit and idle and (browser is not None or facts.idle >= SURELY_IDLE):
        return  # either may have been
    if limit:
        text = f"It was up for {span(facts.age or 0)}; the limit is {span(limit)}."
        yield Verdict(Cause.LIMIT, ALMOST if gone else PROBABLY, (*evidence, text))
    if idle and gone and (browser is not None or facts.idle >= SURELY_IDLE):
        nobody = "" if browser is None else f", and no browser had asked for anything for {span(browser)}"
        sure = ALMOST if browser is not None and min(browser, facts.idle) >= SURELY_IDLE else PROBABLY
        yield Verdict(Cause.IDLE, sure, (*evidence, f"No cell had run for {span(facts.idle)}{nobody}."))
    if failed and gone and not idle:
        yield replace(failed, sure=PROBABLY, because=(*failed.because, *evidence))
    if facts.running is not None and gone and not _may_fill(facts):
        text = f"{_cell(facts.running)} was running, {span(facts.age or 0)} into the machine's life."
        doubt = "That its kernel had died just before can't be ruled out."
        yield Verdict(Cause.RECLAIMED, PROBABLY, (*evidence, text, doubt))


def _limit(facts: Facts) -> float | None:
    """The limit that the machine's age was at, if there is one there."""
    limits = LIMITS.get(facts.host, ()) if facts.limit is None else (facts.limit,)
    # Where no runtime has an age limit, one that the user sets counts from the session's start.
    age = facts.age if facts.host in LIMITS else facts.end - facts.flight.start.get("t", facts.end)
    if age is None:
        return None
    return next((limit for limit in limits if limit - BEFORE_LIMIT <= age <= limit + BEHIND_LIMIT), None)


def _may_fill(facts: Facts) -> bool:
    """Whether RAM may have run out behind the last beat."""
    ram = facts.beat.get("ram")
    return ram is not None and ram[0] + facts.growth("ram") * GAP >= NEARLY_FULL * ram[1]


def _own_share(facts: Facts) -> float:
    ram = facts.beat.get("ram")
    return float(facts.beat.get("rss", 0) / ram[1]) if ram else 0.0


def _large_alloc(facts: Facts, here: Here) -> str:
    return next((text for t, text in here.log if t >= facts.end - GAP and "large alloc" in text), "")


def _memory(facts: Facts) -> str:
    ram = facts.beat.get("ram")
    if not ram:
        return ""
    grew = facts.growth("ram")
    rate = f", and it grew by {size(grew * 60)} a minute" if grew * 60 > 0.005 * ram[1] else ""
    return f"RAM at the last beat: {size(ram[0])} of {size(ram[1])}{rate}."


def _no_trace(facts: Facts, here: Here, gone: bool | None) -> tuple[str, ...]:
    if gone is False:
        text = "The kernel went without a word, on a machine that lives: somebody's SIGKILL, or os._exit()."
        in_group, on_machine = _kills(facts, here)
        counted = on_machine if in_group is None else in_group
        logged = [f"Colab's log: {line}." for t, line in here.log if t >= facts.end - END_SECONDS]
        if counted is None:
            return (text, *logged)
        if counted > 0:
            return (text, *logged, f"Or memory: something on this machine was killed for it since. {_memory(facts)}")
        return (text, *logged, "Not for memory: the system's count of such kills did not rise.")
    if gone:
        return ("The machine that it was on is no more, and nothing tells why.",)
    return ("Whether its machine is still there can't be told from here.",)


def _seen(facts: Facts, verdict: Verdict) -> Iterator[str]:
    if facts.store_lost and verdict.cause is not Cause.STORE:
        ago = span(facts.end - facts.store_lost["t"])
        yield f"The durable store was lost {ago} before the end: {_short(facts.store_lost.get('text', ''))}"
    if (ram := facts.share("ram")) is not None and ram >= NEARLY_FULL and verdict.cause is not Cause.RAM:
        yield _memory(facts)
    if (disk := facts.share("disk")) is not None and disk >= FULL and verdict.cause is not Cause.DISK:
        yield f"The disk was full: {size(facts.beat['disk'][0])} of {size(facts.beat['disk'][1])}."
    if (gpu := facts.share("gpu")) is not None and gpu >= NEARLY_FULL and verdict.cause is not Cause.GPU:
        yield f"The GPU's memory was {gpu:.0%} full."
    failed = _failed(facts)
    if failed is not None and failed.cause is not verdict.cause:
        yield failed.because[0]


def _cell(line: Line) -> str:
    name = line.get("name")
    return f"The cell {name}" if name else "A cell"


def _short(text: object) -> str:
    first = str(text).strip().partition("\n")[0]
    return first if len(first) <= 160 else f"{first[:160]} …"

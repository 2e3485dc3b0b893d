"""What ``%guard why`` says: the end in a sentence, the evidence, the last hour, and what to change next time."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator, Sequence

from colab_guard.core.words import ago, size, span
from colab_guard.flight.causes import LIMITS, Cause, Here, Verdict
from colab_guard.flight.facts import SHARES, Facts, share
from colab_guard.flight.reading import Flight
from colab_guard.guards.lifetime import HOUR

WIDTH = 110
BARS = "▁▂▃▄▅▆▇█"
LONG = 1800.0  # seconds in which memory fills bit by bit
COLUMNS = 60  # of the last hour: a minute each
ENDS = {
    Cause.RAM: "RAM was exhausted",
    Cause.GPU: "the GPU's memory was exhausted",
    Cause.DISK: "the disk was full",
    Cause.STORE: "the mount of the durable store was lost",
    Cause.RESTARTED: "the kernel was restarted, by a person or by the server",
    Cause.SHUT_DOWN: "the kernel was shut down, by a person or by the server",
    Cause.ENDED: "the program ended itself (exit() or quit())",
    Cause.SIGNAL: "the kernel crashed by {signal}",
    Cause.LIMIT: "the runtime reached its maximum age",
    Cause.IDLE: "the runtime was idle, and was taken away",
    Cause.RECLAIMED: "the runtime was taken away while a cell ran",
    Cause.RELEASED: "the runtime was released by colab_guard",
    Cause.RUNNING: "it still runs",
    Cause.UNKNOWN: "the cause is not known",
}


def why_text(flight: Flight, verdict: Verdict, here: Here) -> str:
    """Everything there is to say of one session's end."""
    facts = Facts(flight)
    lines = [textwrap.fill(f"{_session(facts, here)}: {ending(verdict)}.", WIDTH), *_items("", verdict.because)]
    lines += _items("Also: ", verdict.seen)
    lines += [f"  {line}" for line in (*_state(facts), *_bars(facts))]
    if steps := list(advice(facts, verdict)):
        lines += ["Next time:", *_items("- ", steps)]
    return "\n".join(lines)


def why_line(flight: Flight, verdict: Verdict, here: Here) -> str | None:
    """The end in one line, for a greeting; None where somebody wanted it so."""
    if verdict.cause in (Cause.RUNNING, Cause.RELEASED, Cause.ENDED, Cause.RESTARTED):
        return None
    return f"the last session ended {ago(here.t - flight.last)}: {ending(verdict)}. %guard why says more."


def advice(facts: Facts, verdict: Verdict) -> Iterator[str]:
    """What to change, with this session's own figures."""
    beat, cell = facts.beat, facts.running or {}
    match verdict.cause:
        case Cause.RAM:
            yield from _ram(facts)
        case Cause.GPU:
            gpu = beat.get("gpu", [])
            held = max((pair[0] for pair in beat.get("torch", [])), default=0)
            of = f" (torch held {size(held)} of {size(gpu[0][1])} in tensors)" if held and gpu else ""
            yield f"%gpumem suggest gives a batch size that fits{of}; %gpumem clear frees what an error still holds."
        case Cause.DISK:
            used = beat.get("disk")
            yield f"Free disk space{f' ({size(used[1])} in all)' if used else ''}: downloads that are unpacked, caches."
            yield "Keep fewer snapshots: --keep 2, or --budget 5GB."
        case Cause.STORE:
            yield "%guard mount mounts Drive again. Copy the data to the local disk before the loop, and read it there."
        case Cause.SIGNAL if verdict.signal in ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE"):
            yield "A crash in native code: undo the latest %pip install, or try the step alone, with fewer threads."
            if verdict.signal == "SIGBUS":
                yield "SIGBUS often means that /dev/shm or the disk is full: fewer DataLoader workers."
        case Cause.LIMIT:
            yield from _limit(facts, cell)
        case Cause.IDLE:
            yield "Run all cells at once, so that nothing waits; %guard release gives the runtime back when it is done."
        case Cause.RECLAIMED:
            yield "Keep the tab open and awake: without a browser Colab takes a runtime away, busy or not."
            yield from _eta(cell)
        case Cause.UNKNOWN:
            logs = "Runtime → View runtime logs" if facts.host == "colab" else "The server's own log"
            yield f"{logs} may say more."
    if verdict.cause not in (Cause.RUNNING, Cause.RELEASED, Cause.RESTARTED, Cause.ENDED, Cause.SHUT_DOWN):
        yield "Run all cells: a guarded cell goes on from its newest snapshot."


def _ram(facts: Facts) -> Iterator[str]:
    ram = facts.beat.get("ram")
    if not ram:
        return
    grew = facts.growth("ram") * 60
    if grew > 0.005 * ram[1]:
        rates = [rate for beat in facts.flight.beats[-6:] if (rate := (beat.get("cell") or {}).get("rate"))]
        each = f", about {size(grew / 60 / rates[-1])} an iteration" if rates else ""
        yield f"It grew by {size(grew)} a minute{each}: look for what is kept in a list, as losses with their graph."
    elif facts.growth("ram", LONG) * LONG > 0.2 * ram[1]:
        yield "It had filled bit by bit: look for what is kept in a list, such as losses with their graph."
    else:
        yield f"One step took more than the {size(ram[1] - ram[0])} that were free: do it in pieces."
    yield "Fewer DataLoader workers, a smaller batch, or a runtime with more RAM."
    yield "%guard config stop_at=95% stops a guarded cell in time, saved and resumable."


def _limit(facts: Facts, cell: dict[str, object]) -> Iterator[str]:
    each = facts.limit or LIMITS.get(facts.host, (12 * HOUR,))[0]
    yield from _eta(cell)
    eta = cell.get("eta")
    if isinstance(eta, int | float) and eta > 0:
        parts = int(eta // each) + 1
        more = "one more" if parts == 1 else f"{parts} more"
        yield f"At {span(each)} a session that takes {more}; a guarded cell goes on in each by itself."
    else:
        yield f"Plan for {span(each)} a session: a guarded cell goes on in the next one."


def _eta(cell: dict[str, object]) -> Iterator[str]:
    eta = cell.get("eta")
    if isinstance(eta, int | float):
        yield f"{span(eta)} of work were left in {cell.get('name', 'the cell')}."


def _session(facts: Facts, here: Here) -> str:
    start = facts.flight.start.get("t")
    began = time.strftime("%d %b %H:%M", time.localtime(start)) if start else "an unknown time"
    lasted = f", {span(facts.end - start)} long" if start else ""
    return f"The session of {began}{lasted}, last heard of {ago(here.t - facts.end)}"


def ending(verdict: Verdict) -> str:
    text = ENDS[verdict.cause].format(signal=verdict.signal)
    return text if verdict.cause is Cause.UNKNOWN else f"{text} ({verdict.sure})"


def _state(facts: Facts) -> Iterator[str]:
    """Where the cell stood, and what was saved."""
    cell, beat = facts.running, facts.beat
    if cell is not None:
        loops = ", ".join(
            f"{name} {index}" if total is None else f"{name} {index}/{total}"
            for name, index, total in cell.get("loops") or ()
        )
        line = f" at line {cell['line']}" if cell.get("line") else ""
        yield f"Running: {cell.get('name') or 'a cell'}{line}{f' ({loops})' if loops else ''}."
    ages = [f"{word} {ago(beat[key])}" for key, word in (("saved", "saved"), ("durable", "durable")) if key in beat]
    if ages:
        yield f"The newest snapshot at the last beat: {', '.join(ages)}."


def _bars(facts: Facts) -> Iterator[str]:
    """The last hour as bars, a minute each: RAM, the GPU, the disk."""
    for word, key in SHARES.items():
        shares: dict[int, float] = {}
        for beat in facts.flight.beats:
            if (now := share(beat, key)) is not None:
                minute = int((facts.end - beat["t"]) // 60)
                shares[minute] = min(max(now, shares.get(minute, 0.0)), 1.0)
        row = [shares.get(minute) for minute in range(COLUMNS - 1, -1, -1)]
        while row and row[0] is None:
            row.pop(0)
        if len(row) > 1:
            known = [one for one in row if one is not None]
            bars = "".join(" " if one is None else BARS[min(7, int(one * 8))] for one in row)
            yield f"{word:<5}{bars}  {known[0]:.0%} → {known[-1]:.0%}, the last {len(row)} min"


def _items(head: str, texts: Sequence[str]) -> list[str]:
    return [textwrap.fill(f"{head}{text}", WIDTH, initial_indent="  ", subsequent_indent="    ") for text in texts]

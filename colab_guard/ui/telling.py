"""A state as text, for a terminal, and as plain HTML: what the page would draw of it."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from colab_guard.core.underway import words
from colab_guard.core.words import size

TIMED = re.compile(r"\{(age|in|clock):([\d.]+)\}")
COLOURS = {"safe": "#1a7f4b", "saving": "#1a7f4b", "risk": "#9a6100", "bad": "#b3261e"}


def span(seconds: float) -> str:
    """A time span as people say it: 12 s, 1 min 40 s, 4 h 12 min."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole < 600 and whole % 60 else "")
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def filled(text: str, now: float) -> str:
    """A text of a state with its ages as they are ``now``, and its times as they are on this machine."""

    def put(found: re.Match[str]) -> str:
        at = float(found[2])
        return time.strftime("%H:%M", time.localtime(at)) if found[1] == "clock" else span(abs(now - at))

    return TIMED.sub(put, text)


def text_of(state: Mapping[str, Any]) -> str:
    """The facts, a line each."""
    rows = list(rows_of(state))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {said}".rstrip() for name, said in rows)


def html_of(state: Mapping[str, Any]) -> str:
    """The facts as a table that needs nothing."""
    (word, why), *rows = rows_of(state)
    # A bar of colour beside the word: colours of words would have to know the host's theme.
    style = f"text-align:left;border-left:4px solid {COLOURS.get(state['verdict']['tone'], 'gray')}"
    lines = [f'<tr><th style="{style}">{html.escape(word)}</th><td>{html.escape(why)}</td></tr>']
    lines += [f'<tr><th style="text-align:left">{html.escape(a)}</th><td>{html.escape(b)}</td></tr>' for a, b in rows]
    return f"<table>{''.join(lines)}</table>"


def rows_of(state: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and words of each fact that there is."""
    now = state["now"]
    yield state["verdict"]["word"], _plain(state["verdict"]["why"], now)
    if (notice := state["notice"]) and notice["resume"]:
        yield "Resume", " · ".join(filter(None, [_plain(notice["resume"], now), _plain(notice["lost"], now)]))
    for key, name in (("saved", "Saved"), ("durable", "Durable")):
        if found := state[key]:
            yield name, " · ".join(filter(None, _kept(found, now)))
    if cell := state["cell"]:
        yield cell["name"], " · ".join(filter(None, _cell(cell, now)))
    if jobs := state["jobs"]:
        yield jobs["name"], jobs["text"]
    for gpu in state["gpus"]:
        held = f" · torch holds {size(gpu['torch'])}" if gpu["torch"] is not None else ""
        yield f"GPU {gpu['name']}", f"{size(gpu['used'])} of {size(gpu['total'])}{held}"
    for key, name in (("ram", "RAM"), ("disk", "Disk")):
        if found := state[key]:
            yield name, f"{size(found['used'])} of {size(found['total'])}"
    limit = f" of {span(state['age']['limit'])}" if state["age"]["limit"] else ""
    yield "Age", f"{span(state['age']['up'])}{limit}"
    for channel in state["channels"]:
        yield channel["name"], _plain(channel["text"], now).removeprefix(channel["name"]).lstrip(":, ")
    for one in state["progress"]:
        yield one["what"], words(one["done"], one["total"], one["unit"], one["rate"], one["eta"])
    if log := state["log"]:
        yield time.strftime("%H:%M:%S", time.localtime(log["at"])), _plain(log["text"], now)


def _kept(found: Mapping[str, Any], now: float) -> Iterator[str]:
    yield f"{span(now - found['at'])} ago" if found["at"] is not None else "not yet"
    yield found["where"]
    yield size(found["bytes"]) if found.get("bytes") else ""
    if found.get("kept"):
        yield f"{found['kept']} kept"
    yield _plain(found["note"], now)
    if found.get("next"):
        yield f"next in {span(found['next'] - now)}"


def _cell(cell: Mapping[str, Any], now: float) -> Iterator[str]:
    yield "running" if cell["running"] else "not running"
    if not cell["guarded"]:
        yield "not guarded"
    for name, index, total in cell["loops"]:
        yield f"{name} {index:,}" + (f" of {total:,}" if total else "")
    if cell["rate"]:
        yield f"{cell['rate']:.3g} it/s"
    if cell["ends"]:
        yield f"ends about {time.strftime('%H:%M', time.localtime(cell['ends']))}"
    yield _plain(cell["warning"], now)


def _plain(text: str, now: float) -> str:
    return filled(text, now).replace("`", "")

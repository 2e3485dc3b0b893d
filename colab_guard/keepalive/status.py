"""Keep-alive in words: for ``%keepalive status``, its output, and the panel."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

from colab_guard.core.words import ago, span
from colab_guard.guards.lifetime import HOUR
from colab_guard.keepalive.board import Board
from colab_guard.keepalive.channels import IN_FORCE, Channel
from colab_guard.keepalive.contact import LOST, Step
from colab_guard.keepalive.culling import Culling
from colab_guard.keepalive.idle import IDLE_SECONDS, left_text

KAGGLE = "Kaggle ends idle interactive sessions after a time that it does not publish; nothing in a cell prevents that."


def rows(board: Board, server: Culling | str, release: str) -> list[tuple[str, str]]:
    """Names and words: the decision, each channel, the idle limit. ``server``: what is known of the server's culling,
    ``release``: of the end of the runtime, empty where that was not asked for.
    """
    now, decision = board.clock(), board.decision()
    head = f"off: {decision.why}"
    if board.on_since is not None:
        on = f"on for {span(now - board.on_since)} of {span(board.policy.max_hours * HOUR)}"
        head = f"{on} · {'acts' if decision.acts else 'rests'}: {decision.why}"
    found = [("keep-alive", head)]
    shown = board.channels()
    found += [(channel.name, channel_text(channel, now)) for channel in shown]
    found += [("limit", _limit(board, shown, server, now))]
    return [*found, ("release", release)] if release else found


def status_text(board: Board, server: Culling | str, release: str = "") -> str:
    """The rows, a line each."""
    return "\n".join(f"{name:<10} {words}" for name, words in rows(board, server, release))


def status_bundle(board: Board, server: Culling | str, release: str = "") -> dict[str, str]:
    """Both, for an output."""
    return {"text/plain": status_text(board, server, release), "text/html": status_html(board, server, release)}


def status_html(board: Board, server: Culling | str, release: str = "") -> str:
    """The same as a table."""
    style = "text-align:left;vertical-align:top"
    lines = [
        f'<tr><td style="{style};white-space:nowrap"><b>{html.escape(name)}</b></td>'
        f'<td style="{style}">{html.escape(words)}</td></tr>'
        for name, words in rows(board, server, release)
    ]
    return f"<table>{''.join(lines)}</table>"


def channel_text(channel: Channel, now: float) -> str:
    """One channel's state, and why."""
    if channel.state == IN_FORCE and channel.since is not None and channel.last is not None:
        signs = f"in force for {span(now - channel.since)}, last sign {ago(now - channel.last)}"
        return f"{signs}: {channel.why}"
    last = f", last sign {ago(now - channel.last)}" if channel.last is not None else ""
    return f"{channel.state}{last}: {channel.why}"


def _limit(board: Board, shown: tuple[Channel, ...], server: Culling | str, now: float) -> str:
    working = board.work.since is not None
    if board.platform == "Colab":
        paged = any(channel.name == "page" and channel.state == IN_FORCE for channel in shown)
        return left_text(board.interaction(), now, working=working, paged=paged)
    if board.platform == "Kaggle":
        return KAGGLE
    if isinstance(server, str) or server.idle_timeout <= 0 or (working and not server.busy):
        return str(server)
    last = board.last_activity()
    if last is None:
        return str(server)
    return f"{server}; about {span(last + server.idle_timeout - now)} left, counted from what this kernel last sent"


def chips(board: Board, *, reconnects: bool) -> list[dict[str, Any]]:
    """The panel's line: docs/panel.md, ``channels``."""
    return list(_chips(board, reconnects))


def _chips(board: Board, reconnects: bool) -> Iterator[dict[str, Any]]:
    if board.countdown is not None and (at := board.countdown.at) is not None:
        yield {"name": "release", "state": "warn", "text": f"the runtime is released in {{in:{at:.0f}}}", "at": at}
    if board.is_on:
        decision, shown = board.decision(), board.channels()
        held = [one.name for one in shown if one.state == IN_FORCE and one.name not in ("kernel", "outside")]
        at = max((one.last for one in shown if one.last is not None and one.name in held), default=None)
        seen = "frame" in held or "page" in held
        state = "off" if not decision.acts or (board.is_deaf and not seen) else "ok" if seen else "warn"
        words = ", ".join(held) if held else "nothing in force"
        text = f"keep-alive: {words}" + (" (beats wait for the cell)" if board.is_deaf and not seen else "")
        if not decision.acts:
            last = board.interaction() if board.platform == "Colab" and "page" not in held else None
            left = f", {{in:{last.at + IDLE_SECONDS:.0f}}} left at the most" if last is not None else ""
            text = f"keep-alive {'paused' if board.paused else 'rests'}{left}"
        yield {"name": "keep-alive", "state": state, "text": text, "at": at}
    if reconnects:
        lost = board.contact.state == LOST
        text = f"no browser for {{age:{board.contact.since:.0f}}}" if lost else f"reconnect: {board.contact.state}"
        yield {"name": "reconnect", "state": "warn" if lost else "ok", "text": text, "at": board.contact.since or None}


def log_text(steps: list[Step], now: float) -> str:
    """The transitions, newest last, a line each."""
    lines = [f"{ago(now - one.at):>14}  {one.who:<6}  {_step(one)}" for one in steps]
    return "\n".join(lines) if lines else "no transition was seen so far"


def _step(step: Step) -> str:
    moved = step.after if step.before == step.after else f"{step.before} → {step.after}"
    return f"{moved}: {step.why}" if step.why else moved

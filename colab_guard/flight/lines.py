"""The names of a flight's files, and its lines as bytes: docs/flight.md."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

FOLDER = "flight"
NAME = re.compile(rf"{FOLDER}/(?P<started>\d{{8}}T\d{{6}}Z)-(?P<session>.+?)(-(?P<number>\d{{4,}})\.jsonl|\.crash)")
FILE_BYTES = 500_000  # then a new file is begun
SESSIONS = 5  # whose flights a store keeps
TEXT_CHARS = 300  # of each text in an event


def file_name(started: float, session: str, number: int) -> str:
    """The name of a flight's file; ``started`` in seconds since 1970."""
    return f"{_stem(started, session)}-{number:04d}.jsonl"


def crash_name(started: float, session: str) -> str:
    """The name of the file in which Python's fault handler writes, should this session die by a fatal signal."""
    return f"{_stem(started, session)}.crash"


def session_of(name: str) -> tuple[str, str] | None:
    """When a file's session began, and which it is, so that later sessions sort behind; None for another file."""
    match = NAME.fullmatch(name)
    return None if match is None else (match["started"], match["session"])


def number_of(name: str) -> int:
    """Which of its session's files it is; 0 for any other file."""
    match = NAME.fullmatch(name)
    return int(match["number"] or 0) if match else 0


def too_old(names: Iterable[str], own: str) -> list[str]:
    """Of these files those whose sessions are not among the newest SESSIONS, of which that of the file ``own`` always
    is one: a session that flies for long has younger ones beside it.
    """
    sessions = {name: found for name in names if (found := session_of(name))}
    others = sorted({*sessions.values()} - {session_of(own)}, reverse=True)
    return [name for name, session in sessions.items() if session in others[SESSIONS - 1 :]]


def encoded(line: Mapping[str, Any]) -> bytes:
    """One line, its end included; what JSON does not know as text."""
    text = json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def decoded(data: bytes) -> Iterator[dict[str, Any]]:
    """The lines that can be read: not one that was cut off, in the middle or at the end."""
    for raw in data.split(b"\n"):
        try:
            line = json.loads(raw)
        except ValueError:
            continue
        if isinstance(line, dict) and isinstance(line.get("t"), int | float):
            yield line


def _stem(started: float, session: str) -> str:
    return f"{FOLDER}/{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(started))}-{session}"

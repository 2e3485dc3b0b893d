"""The Jupyter server of a Colab VM, asked which notebook this kernel runs.

Colab tells a kernel the server's address by its environment (the address itself is not the same everywhere,
googlecolab/colabtools#3207). The list has one session for each notebook; a session's path is ``fileId=`` and the
notebook's id on Drive, or, for one opened from GitHub, its address.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

WAIT_SECONDS = 0.1  # to connect, and for the answer: the server runs on the same VM
MAX_BYTES = 1_000_000
ENDING = ".ipynb"


@dataclass(frozen=True)
class Listed:
    """A notebook's ``name`` without its ending, and its ``file_id``; either may be empty."""

    name: str
    file_id: str


def listed(wait_seconds: float = WAIT_SECONDS) -> Listed | None:
    """The notebook of this kernel as the server lists it; None where there is no such server, or none that answers so.

    Waits at most ``wait_seconds`` for each of its steps, of which a server that hangs gets to one. Thread-safe.
    """
    session = _own(_sessions(wait_seconds) or [], sys.argv)
    return None if session is None else _listed(session)


def has_notebook(wait_seconds: float = WAIT_SECONDS) -> bool | None:
    """Whether the server lists a notebook for this kernel; None where it does not answer, or the kernel's id is not
    known. Waits as ``listed`` does.
    """
    own = _kernel_id(sys.argv)
    sessions = _sessions(wait_seconds) if own else None
    return None if sessions is None else any(_id_in(session) == own for session in sessions)


def _sessions(wait_seconds: float) -> list[dict[str, Any]] | None:
    host, port = os.environ.get("COLAB_JUPYTER_IP"), os.environ.get("KMP_TARGET_PORT", "9000")
    if not host or not port.isdecimal():
        return None
    import http.client  # brings a dozen modules along, and few places need it

    token = os.environ.get("COLAB_JUPYTER_TOKEN")
    try:
        connection = http.client.HTTPConnection(host, int(port), timeout=wait_seconds)
        try:
            headers = {"Authorization": f"token {token}"} if token else {}
            connection.request("GET", "/api/sessions", headers=headers)
            sessions = json.loads(connection.getresponse().read(MAX_BYTES))
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException):
        return None
    return [one for one in sessions if isinstance(one, dict)] if isinstance(sessions, list) else None


def _own(sessions: Sequence[dict[str, Any]], arguments: Sequence[str]) -> dict[str, Any] | None:
    """The session of this kernel, which its arguments name; where they don't, the only one there is."""
    if own := _kernel_id(arguments):
        for session in sessions:
            if _id_in(session) == own:
                return session
    return sessions[0] if len(sessions) == 1 else None


def _kernel_id(arguments: Sequence[str]) -> str:
    match = re.search(r"kernel-([\w-]+)\.json", " ".join(arguments))
    return match[1] if match else ""


def _id_in(session: dict[str, Any]) -> Any:
    kernel = session.get("kernel")
    return kernel.get("id") if isinstance(kernel, dict) else None


def _listed(session: dict[str, Any]) -> Listed:
    path = str(session.get("path") or "")
    file_id = parse_qs(path.lstrip("/?")).get("fileId", [""])[0]
    name = unquote(str(session.get("name") or ""))
    return Listed(name.removesuffix(ENDING), file_id)

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
    session = _own(sessions if isinstance(sessions, list) else [], sys.argv)
    return None if session is None else _listed(session)


def _own(sessions: Sequence[Any], arguments: Sequence[str]) -> dict[str, Any] | None:
    """The session of this kernel, which its arguments name; where they don't, the only one there is."""
    known = [session for session in sessions if isinstance(session, dict)]
    text = " ".join(arguments)
    if match := re.search(r"kernel-([\w-]+)\.json", text):
        for session in known:
            kernel = session.get("kernel")
            if isinstance(kernel, dict) and kernel.get("id") == match[1]:
                return session
    return known[0] if len(known) == 1 else None


def _listed(session: dict[str, Any]) -> Listed:
    path = str(session.get("path") or "")
    file_id = parse_qs(path.lstrip("/?")).get("fileId", [""])[0]
    name = unquote(str(session.get("name") or ""))
    return Listed(name.removesuffix(ENDING), file_id)

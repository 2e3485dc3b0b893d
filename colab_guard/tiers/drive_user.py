"""The user's own authorisation to ask Google's APIs, where they gave it. They are asked nothing, and waited for never.

On Colab ``google.colab.auth.authenticate_user()`` gives it. That imports google.auth, so where nothing did, nobody
authorised anything in this process, and nothing is imported to find out. From then on the user's tokens come from the
VM's metadata server, where ``USE_AUTH_EPHEM`` is 1, as on Colab, else from a file. Other machines of Google's have such
a server, too, but their tokens are a service account's, and that is nobody's authorisation.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LOGGERS = ("google.auth._default", "google.auth.compute_engine._metadata")  # what they say would appear in a cell


class User:
    """Tokens for who authorised this process. Any thread may ask."""

    def __init__(self) -> None:
        self._credentials: Any = None

    def token(self) -> str | None:
        """An access token; None where there is none of the user's. May wait for the network, and raises nothing."""
        if "google.auth" not in sys.modules:
            return None
        try:
            with _silent():
                credentials = self._refreshed()
        except Exception:  # noqa: BLE001 - of many types; and whatever it is, there is no token that can be used
            self._credentials = None
            return None
        return str(credentials.token) if _is_users(credentials) else None

    def _refreshed(self) -> Any:
        from google import auth
        from google.auth.transport.requests import Request

        credentials = self._credentials or auth.default()[0]
        if not credentials.valid:
            credentials.refresh(Request())
        self._credentials = credentials
        return credentials


def _is_users(credentials: Any) -> bool:
    kind = type(credentials).__module__
    if kind == "google.auth.compute_engine.credentials":
        of_machine = credentials.service_account_email.endswith("gserviceaccount.com")
        return os.environ.get("USE_AUTH_EPHEM") == "1" and not of_machine
    return kind == "google.oauth2.credentials"


@contextmanager
def _silent() -> Iterator[None]:
    """Keeps what this thread makes google.auth log to itself; the user's own calls are none of our business."""
    thread = threading.get_ident()

    def is_others(record: logging.LogRecord) -> bool:
        return record.thread != thread

    loggers = [logging.getLogger(name) for name in LOGGERS]
    for logger in loggers:
        logger.addFilter(is_others)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_others)

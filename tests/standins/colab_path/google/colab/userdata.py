"""The user's secrets, which the page has."""

import threading

from google.colab import _message, errors

_lock = threading.Lock()


class NotebookAccessError(Exception):
    """The secret is there, and this notebook may not read it."""


class SecretNotFoundError(errors.Error):
    """There is no such secret."""


class TimeoutException(errors.Error):
    """The page did not answer."""


def get(key):
    """A secret's value."""
    with _lock:
        answer = _message.blocking_request("GetSecret", request={"key": key}, timeout_sec=10)
    if not answer:
        raise TimeoutException(f"Requesting secret {key} timed out. Secrets can only be fetched from the Colab UI.")
    if not answer.get("exists"):
        raise SecretNotFoundError(f"Secret {key} does not exist.")
    if not answer.get("access"):
        raise NotebookAccessError(f"Notebook does not have access to secret {key}")
    return answer.get("payload", "")

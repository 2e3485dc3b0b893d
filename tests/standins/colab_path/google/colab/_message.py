"""Requests to the page on iopub, its answers on stdin. Like the real one not thread-safe: answers to others are
dropped.
"""

import itertools
import time

import IPython
import zmq
from google.colab import errors

POLL_SECONDS = 0.025
_numbers = itertools.count(1)


class MessageError(errors.Error):
    """The page answered with an error."""


def send_request(request_type, request_body, parent=None, expect_reply=True):
    """Publishes a request; its number, or None where no answer is expected."""
    kernel = IPython.get_ipython().kernel
    number = next(_numbers) if expect_reply else None
    metadata = {"colab_request_type": request_type}
    if expect_reply:
        metadata["colab_msg_id"] = number
    if parent is None:  # belongs to the session and to no cell
        parent = {"header": {"session": kernel.get_parent()["header"]["session"]}}
    message = kernel.session.msg("colab_request", content={"request": request_body}, metadata=metadata, parent=parent)
    kernel.session.send(kernel.iopub_socket, message)
    return number


def read_reply_from_input(message_id, timeout_sec=None):
    """Waits for the answer of that number, for ever without a time; None once it is over, MessageError for an error."""
    kernel = IPython.get_ipython().kernel
    deadline = time.time() + timeout_sec if timeout_sec else None
    while deadline is None or time.time() < deadline:
        try:
            _, reply = kernel.session.recv(kernel.stdin_socket, zmq.NOBLOCK)
        except Exception:  # noqa: BLE001 - so does the real one, and users' code must live with that
            reply = None
        value = (reply or {}).get("content", {}).get("value")
        if not isinstance(value, dict):
            time.sleep(POLL_SECONDS)
        elif value.get("type") == "colab_reply" and value.get("colab_msg_id") == message_id:
            if "error" in value:
                raise MessageError(value["error"])
            return value.get("data")
    return None


def blocking_request(request_type, request="", timeout_sec=5, parent=None):
    """Asks the page and waits; None where it does not answer in time."""
    return read_reply_from_input(send_request(request_type, request, parent=parent), timeout_sec)

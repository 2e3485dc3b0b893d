"""JavaScript in the page, and functions that it may call."""

import json
import types

import IPython
from google.colab import _message

_functions = {}
_widgets = types.SimpleNamespace(_installed_url=None)  # what widgets of third parties put beside what they show


class _widgets:  # noqa: N801 - its name there
    """Where anywidget looks whether another widgets' manager was installed."""

    _installed_url = None


def eval_js(script, ignore_result=False, timeout_sec=None):
    """What the page makes of a script; waits for ever where none is attached, or *timeout_sec*, and gives None then."""
    parent = IPython.get_ipython().kernel.get_parent()
    number = _message.send_request("cell_javascript_eval", {"script": script}, parent=parent)
    return None if ignore_result else _message.read_reply_from_input(number, timeout_sec)


def register_callback(function_name, callback):
    """Lets the page call *callback* by a name."""
    _functions[function_name] = callback


def unregister_callback(function_name):
    """Ends that; ValueError for an unknown name."""
    if _functions.pop(function_name, None) is None:
        raise ValueError(f"Callback function not registered: {function_name}.")


def _invoke_function(function_name, json_args, json_kwargs):
    """How the page calls one."""
    if function_name not in _functions:
        raise ValueError(f"Function not found: {function_name}")
    return _functions[function_name](*json.loads(json_args), **json.loads(json_kwargs))


def clear(wait=False, output_tags=()):
    """Clears the cell's output; the real one only that under the tags."""
    IPython.display.clear_output(wait)


def enable_custom_widget_manager():
    """Nothing to do here."""


def disable_custom_widget_manager():
    """Nothing to do here."""

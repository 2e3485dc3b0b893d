"""The texts of what runs in a browser: the frame's module; the page's script as userscript, bookmarklet and snippet.

The modules of js/ are joined as they are: a module's imports come before it, each once, and lose their ``export``. That
works for what they keep to, and tests hold: named imports of each other, one a line, ``export`` only at the start of a
line, and no two names alike. Parameters are put in as JSON, and only as the argument of one call.

The modules lie beside this file in a wheel, in js/ in a checkout. All functions are pure, for any thread, and raise
FileNotFoundError where a module is missing.
"""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from colab_guard.keepalive.policy import Policy

MATCH = "https://colab.research.google.com/*"
_IMPORT = re.compile(r'^import \{ [\w, ]+ \} from "\./(\w+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function |const )", re.MULTILINE)
_COMMENTS = re.compile(r"^ *(?://.*|/\*\*(?:(?!\*/)[\s\S])*\*/)\n|^\s+", re.MULTILINE)  # and indentation

_HEADER = f"""\
// ==UserScript==
// @name         colab_guard
// @namespace    colab_guard
// @version      {{version}}
// @description  Presses Colab's Reconnect when a runtime is lost in the middle of work, and nothing else.
// @match        {MATCH}
// @grant        none
// @noframes
// @run-at       document-idle
// ==/UserScript==

"""


def frame_module() -> str:
    """The ES module of the frame: an anywidget."""
    return _joined("keepalive.js")


def userscript() -> str:
    """The page's script for a userscript manager. It is there again after a reload, so that it may reload the page."""
    return _HEADER.format(version=version("colab-guard")) + _script(stays=True)


def snippet() -> str:
    """The page's script, to be pasted into the console of Colab's page."""
    return _COMMENTS.sub("", _script(stays=False))


def bookmarklet() -> str:
    """The page's script as the address of a bookmark, in which no character needs to be escaped for HTML."""
    return "javascript:" + quote(snippet(), safe="")


def _script(*, stays: bool) -> str:
    usual = Policy()
    numbers = {"interval_s": usual.interval, "max_hours": usual.max_hours}
    parameters = {"version": version("colab-guard"), **numbers, "stays": stays}
    return f'(() => {{\n"use strict";\n{_joined("page.js")}\nkeepPage({json.dumps(parameters)});\n}})();\n'


def _joined(name: str) -> str:
    texts: dict[str, str] = {}

    def add(module: str) -> None:
        if module not in texts:
            text = _text(module)
            for imported in _IMPORT.findall(text):
                add(imported)
            texts[module] = _EXPORT.sub("", _IMPORT.sub("", text))

    add(name)
    return "\n".join(texts.values())


def _text(module: str) -> str:
    beside = Path(__file__).with_name(module)
    return (beside if beside.exists() else Path(__file__).parents[2] / "js" / module).read_text(encoding="utf-8")

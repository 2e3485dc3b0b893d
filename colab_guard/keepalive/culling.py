"""Whether the Jupyter server that started this kernel ends idle ones: read where that can be read, and said where not.

jupyter_server's ``MappingKernelManager`` has four settings (https://jupyter-server.readthedocs.io/en/latest/other/full-config.html).
They are looked for where a server takes them from: its command line, then its files ``jupyter_*config.json`` and
``.py``. Those files are not run: of a ``.py`` only assignments of constants are read, and any other is named. What a
program sets by itself (a hub, a container's entry) is not seen.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colab_guard.core.procfiles import PROC, read
from colab_guard.core.words import span

CLASSES = ("MappingKernelManager", "AsyncMappingKernelManager")
DEFAULTS: Mapping[str, Any] = {
    "cull_idle_timeout": 0, "cull_interval": 300, "cull_connected": False, "cull_busy": False,
}  # fmt: skip
FILES = ("jupyter_config", "jupyter_notebook_config", "jupyter_server_config", "jupyter_lab_config")  # later ones win
MOST_BYTES = 1_000_000
NOT_KNOWN = "whether this kernel's server ends idle kernels is not known: "


@dataclass(frozen=True)
class Culling:
    """The four settings; ``where`` each that was found was found; ``unread``: what may say otherwise."""

    idle_timeout: float
    interval: float
    connected: bool
    busy: bool
    where: Mapping[str, str]
    unread: tuple[str, ...] = ()

    def __str__(self) -> str:
        doubt = f" ({', '.join(self.unread)} may say otherwise)" if self.unread else ""
        if self.idle_timeout <= 0:
            told = self.where.get("cull_idle_timeout")
            how = f"cull_idle_timeout is 0, {told}" if told else "cull_idle_timeout is not set where it could be read"
            return f"the server ends no idle kernels: {how}{doubt}"
        when = "also while a page is connected" if self.connected else "but not while a page is connected"
        busy = ", even a busy one" if self.busy else ""
        return (
            f"the server ends a kernel{busy} that was idle for {span(self.idle_timeout)}, {when} "
            f"({self.where.get('cull_idle_timeout', 'built in')}){doubt}"
        )


def culling(environ: Mapping[str, str] = os.environ, proc: Path = PROC) -> Culling | str:
    """Of the server that started this kernel; a sentence where it can't be asked. Reads a dozen small files."""
    parent = environ.get("JPY_PARENT_PID", "")
    if not parent.isdecimal() or int(parent) <= 1:
        return f"{NOT_KNOWN}what started it is not named in its environment"
    process = proc / parent
    try:
        words = [word for word in read(process / "cmdline").split("\0") if word]
    except OSError as error:
        return f"{NOT_KNOWN}process {parent}, which started it, can't be looked at ({error.strerror})"
    if not words:
        return f"{NOT_KNOWN}process {parent}, which started it, is no more"
    found, where, unread = dict(DEFAULTS), dict[str, str](), list[str]()
    for path in _files(process, words):
        values, problem = _read(path)
        unread += [f"{path}: {problem}"] if problem else []
        for name, value in values.items():
            found[name], where[name] = value, str(path)
    for name, value in _arguments(words):
        found[name], where[name] = value, "its command line"
    timeout, interval = (float(found[name]) for name in ("cull_idle_timeout", "cull_interval"))
    return Culling(timeout, interval, bool(found["cull_connected"]), bool(found["cull_busy"]), where, tuple(unread))


def _arguments(words: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """``--Class.name=value`` and ``--Class.name value``."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        option, equals, value = word.partition("=")
        owner, _, name = option.lstrip("-").partition(".")
        if word.startswith("--") and owner in CLASSES and name in DEFAULTS:
            with suppress(ValueError, SyntaxError):
                read = ast.literal_eval(value if equals else following)
                if isinstance(read, int | float):
                    yield name, read


def _files(process: Path, words: Sequence[str]) -> Iterator[Path]:
    """Those that are there, in the order in which later ones win; of the server's own surroundings, not of ours."""
    surroundings = _environ(process)
    home = Path(surroundings.get("HOME", "/nonexistent"))
    folders = [Path("/etc/jupyter"), Path("/usr/local/etc/jupyter")]
    if len(python := Path(words[0]).parts) > 2 and python[-2] == "bin":
        folders.append(Path(words[0]).parents[1] / "etc/jupyter")
    folders += [Path(one) for one in reversed(surroundings.get("JUPYTER_CONFIG_PATH", "").split(os.pathsep)) if one]
    folders.append(Path(surroundings.get("JUPYTER_CONFIG_DIR") or home / ".jupyter"))
    with suppress(OSError):
        folders.append(Path(os.readlink(process / "cwd")))
    for folder in folders:
        for name in FILES:
            for ending in (".py", ".json"):
                path = folder / f"{name}{ending}"
                with suppress(OSError):
                    if path.is_file():
                        yield path
    for word in words:
        if word.startswith("--config="):
            yield Path(word.removeprefix("--config=")).expanduser()


def _environ(process: Path) -> dict[str, str]:
    with suppress(OSError):
        lines = read(process / "environ").split("\0")
        return dict(line.split("=", 1) for line in lines if "=" in line)
    return {}


def _read(path: Path) -> tuple[dict[str, Any], str]:
    """The settings in a file; what of it could not be read."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES).decode(errors="replace")
        return _of_json(text) if path.suffix == ".json" else _of_python(text)
    except (OSError, ValueError, SyntaxError, RecursionError) as error:
        return {}, f"{type(error).__name__} when it was read"


def _of_json(text: str) -> tuple[dict[str, Any], str]:
    told = json.loads(text)
    found: dict[str, Any] = {}
    for owner in CLASSES:
        values = told.get(owner) if isinstance(told, dict) else None
        for name in DEFAULTS:
            if isinstance(values, dict) and isinstance(values.get(name), int | float):
                found[name] = values[name]
    return found, ""


def _of_python(text: str) -> tuple[dict[str, Any], str]:
    """Of ``c.MappingKernelManager.cull_idle_timeout = 600`` and the like."""
    found: dict[str, Any] = {}
    problem = ""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Assign([ast.Attribute(ast.Attribute(attr=owner), attr=name)], value) if owner in CLASSES:
                if name not in DEFAULTS:
                    continue
                try:
                    found[name] = float(ast.literal_eval(value))
                except (ValueError, TypeError):
                    problem = f"{name} is computed"
    return found, problem

"""Real notebooks in a real browser: a Jupyter server of its own, one notebook, Chromium.

    with Server(folder, "lab", python) as server:
        book = Book(server, page, ["1 + 1", "2 + 2"])
        book.run(0)

Ends what it started, the kernels included, by the server's own process.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from playwright.sync_api import Page

from tests.support.ports import reserved

START_SECONDS = 120.0
COMMANDS = {
    "lab": ["jupyterlab", "--LabApp.expose_app_in_browser=True"],
    "notebook": ["notebook", "--JupyterNotebookApp.expose_app_in_browser=True"],
    "classic": ["notebook"],
    "server": [
        "jupyter_server",
        "--ServerApp.allow_origin=*",
        "--ServerApp.disable_check_xsrf=True",
    ],  # for other pages
}
# What people put into custom.css, so that classic Notebook is dark where their system is.
DUSK = "@media (prefers-color-scheme: dark) { body, #site, #notebook-container { background: #111; color: #ddd } }"
PATHS = {"lab": "lab/tree/book.ipynb", "notebook": "notebooks/book.ipynb", "classic": "notebooks/book.ipynb"}


class Server:
    """A Jupyter server on a free port of this machine, with nobody's settings; *kind* as in COMMANDS. *more* is what
    its kernels find in their environment.
    """

    def __init__(self, folder: Path, kind: str, python: str, more: Mapping[str, str] | None = None) -> None:
        self.folder, self.kind = folder, kind
        self._reserved = reserved()
        self.port = self._reserved.getsockname()[1]
        app = "NotebookApp" if kind == "classic" else "ServerApp"
        options = {"ip": "127.0.0.1", "port": self.port, "port_retries": 0, "token": "", "password": ""}
        flags = [f"--{app}.{name}={value}" for name, value in options.items()] + ["--no-browser", "--allow-root"]
        settings = folder / "home/lab/@jupyter-widgets/jupyterlab-manager/plugin.jupyterlab-settings"
        settings.parent.mkdir(parents=True)
        settings.write_text('{"saveState": true}')
        dusk = folder / "home/config/custom/custom.css"
        dusk.parent.mkdir(parents=True)
        dusk.write_text(DUSK)
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("JUPYTER")},
            "COLAB_GUARD_PANEL": "on",
            "HOME": str(folder / "home"),
            "JUPYTER_CONFIG_DIR": str(folder / "home/config"),
            "JUPYTER_DATA_DIR": str(folder / "home/data"),
            "JUPYTER_RUNTIME_DIR": str(folder / "home/runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / "home/lab"),
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / "home/workspaces"),
            "JUPYTER_PREFER_ENV_PATH": "1",
            **(more or {}),
        }
        self._log = (folder / "server.log").open("wb")
        self._process = subprocess.Popen(
            [python, "-m", *COMMANDS[kind], *flags], cwd=folder, env=environment, stdout=self._log, stderr=self._log
        )

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.ask("api")
            except OSError:
                assert self._process.poll() is None, (self.folder / "server.log").read_text()[-2000:]
                assert time.monotonic() < deadline, "the Jupyter server did not come up"
                time.sleep(0.1)
            else:
                return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)  # it ends its kernels
        self._process.wait(START_SECONDS)
        self._reserved.close()
        self._log.close()

    def ask(self, path: str, method: str = "GET") -> Any:
        """What its REST interface answers."""
        request = urllib.request.Request(f"{self.url}/{path}", method=method, data=b"{}" if method == "POST" else None)
        with urllib.request.urlopen(request, timeout=START_SECONDS) as answer:
            return json.load(answer)


class Book:
    """One notebook, open in *page*."""

    def __init__(self, server: Server, page: Page, cells: list[str]) -> None:
        self.server, self.page, self.classic = server, page, server.kind == "classic"
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        book = {"nbformat": 4, "nbformat_minor": 4, "metadata": {"kernelspec": kernel}, "cells": []}
        cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        book["cells"] = [{**cell, "source": source} for source in cells]
        (server.folder / "book.ipynb").write_text(json.dumps(book))
        page.goto(f"{server.url}/{PATHS[server.kind]}")
        self.ready()

    def ready(self) -> None:
        """Waits until the notebook is there and its kernel answers."""
        if self.classic:
            self.page.wait_for_function(
                "() => window.Jupyter?.notebook?._fully_loaded && Jupyter.notebook.kernel?.is_connected()"
                " && Jupyter.notebook.kernel.widget_manager"
            )
            # The widgets' manager restores, and says nowhere when it has; asked to do so again, it ends behind that.
            self.page.evaluate("async () => { await Jupyter.notebook.kernel.widget_manager._loadFromKernel() }")
        else:
            self.page.wait_for_function(
                "() => window.jupyterapp?.shell.currentWidget?.content?.widgets?.length"
                " && jupyterapp.shell.currentWidget.sessionContext.session?.kernel"
            )
            self.page.evaluate("async () => { await jupyterapp.shell.currentWidget.sessionContext.ready }")

    def reload(self) -> None:
        """Loads the page anew."""
        self.page.reload()
        self.ready()

    def kill(self) -> None:
        """The kernel dies, as by the system's want of memory; the server starts another."""
        [kernel] = self.server.ask("api/kernels")
        for found in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if kernel["id"].encode() in found.read_bytes():
                    os.kill(int(found.parent.name), signal.SIGKILL)

    def run(self, cell: int) -> None:
        """Asks for one cell, and does not wait for it."""
        if self.classic:
            self.page.evaluate("n => Jupyter.notebook.execute_cells([n])", cell)
        else:
            self.page.evaluate(
                """n => {
                    jupyterapp.shell.currentWidget.content.activeCellIndex = n;
                    void jupyterapp.commands.execute("notebook:run-cell");
                }""",
                cell,
            )

    def save(self) -> None:
        """Writes the notebook's file, outputs and widgets included."""
        if self.classic:
            self.page.evaluate("() => Jupyter.notebook.save_notebook()")
        else:
            self.page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")

    def save_widgets(self) -> None:
        """The same for classic Notebook, which keeps widgets only where a person asks for it, in the menu Widgets."""
        if not self.classic:
            return self.save()
        self.page.evaluate(
            """() => new Promise(done => {
                Jupyter.notebook.events.one("notebook_saved.Notebook", () => done());
                Jupyter.actions.call("widgets:save-with-widgets");
            })"""
        )

    def darken(self) -> None:
        """The dark theme; of classic Notebook, which has none, DUSK."""
        if self.classic:
            self.page.emulate_media(color_scheme="dark")
        else:
            self.page.evaluate("jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Dark' })")

    def mode(self) -> str:
        """Where keys go: "command" or "edit"."""
        book = "Jupyter.notebook" if self.classic else "jupyterapp.shell.currentWidget.content"
        return str(self.page.evaluate(f"{book}.mode"))

    def busy(self) -> bool:
        """Whether the kernel runs a cell."""
        return bool(self.server.ask("api/kernels")[0]["execution_state"] == "busy")

"""Records a notebook's session (``colab_guard.flight``): its cells, its kernel's end, where the guarded cell stands.

Callbacks of IPython's raise nothing and print nothing; they take some 10 µs each beside the writing of a line.
"""

from __future__ import annotations

import atexit
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from colab_guard import __version__
from colab_guard.capture.process import machine_id
from colab_guard.core.config import setting
from colab_guard.core.places import is_below_drive, local_folder
from colab_guard.core.secrets import mask
from colab_guard.core.stores import is_url
from colab_guard.flight.copies import Remote
from colab_guard.flight.failures import kind_of
from colab_guard.flight.machine import facts, identity, probes
from colab_guard.flight.recorder import RECORDER
from colab_guard.notebook.guarded import guarded_name
from colab_guard.notebook.platforms import asked_at, cell_number, platform_name
from colab_guard.running.pace import Pace
from colab_guard.running.progress import Loop, progress, running
from colab_guard.running.run import Run
from colab_guard.session import Session
from colab_guard.tiers import opening

EXIT_SECONDS = 2.0  # that the end of the interpreter waits for the last copy on the durable store


def root_of(store: str) -> Path:
    """The folder on this machine in whose ``flight/`` the sessions of a store are recorded."""
    return local_folder(store) if is_url(store) or is_below_drive(store) else Path(store)


class Recording:
    """Of one shell, whose notebook is called ``label``. ``begin`` and ``end`` are for the thread that runs cells."""

    def __init__(self, shell: Any, session: Session, label: str) -> None:
        self._shell, self._session, self._label = shell, session, label
        self._store = ""
        self._cells: list[dict[str, Any]] = []  # that are running: a magic may run one inside of another
        self._before: list[dict[str, Run]] = []
        self._heard: float | None = None
        self._pace = Pace()
        self._hooks = {"pre_run_cell": self._began, "post_run_cell": self._ended}
        self._shutdown: Callable[..., Any] | None = None

    def begin(self) -> None:
        """Records from now on."""
        self._store = self._session.store
        root = root_of(self._store)
        start = {
            "session": self._session.id, "machine": machine_id(), "host": platform_name(self._shell).lower(),
            "notebook": self._label, "version": __version__, "limit": setting("limit") or None, **identity(),
        }  # fmt: skip
        own = {"cell": self._cell, "browser": self._browser, "snapshots": self._snapshots}
        RECORDER.begin(root, start, lambda: facts(root), {**probes(root), **own}, self._remote, self._session.clock)
        for name, hook in self._hooks.items():
            self._shell.events.register(name, hook)
        self._watch_kernel()
        atexit.register(self._exit)

    def end(self) -> None:
        """Records no more, and leaves the shell as it was."""
        RECORDER.end()
        for name, hook in self._hooks.items():
            with suppress(ValueError):
                self._shell.events.unregister(name, hook)
        if self._shutdown is not None:
            vars(self._shell.kernel).pop("do_shutdown", None)
            self._shutdown = None
        atexit.unregister(self._exit)

    # -- events --------------------------------------------------------------------------------------------

    def _began(self, info: Any) -> None:
        with suppress(Exception):
            name = guarded_name(str(info.raw_cell))
            cell = {"name": name or f"In[{cell_number(self._shell)}]", "guarded": name is not None}
            self._cells.append({**cell, "since": self._session.clock()})
            self._before.append(dict(self._session.runs))
            self.heard(asked_at(self._shell))
            if self._store != self._session.store:
                self._store = self._session.store
                RECORDER.move(root_of(self._store))
            RECORDER.event("cell-began", **cell)

    def _ended(self, result: Any) -> None:
        with suppress(Exception):
            if not self._cells:
                return  # it was the cell that loaded us
            cell, before = self._cells.pop(), self._before.pop()
            name = next((name for name, run in self._session.runs.items() if before.get(name) is not run), cell["name"])
            error = result.error_before_exec or result.error_in_exec
            if error is not None:
                kind = {"class": found} if (found := kind_of(error)) else {}
                RECORDER.event("cell-failed", name=name, error=type(error).__name__, text=mask(str(error)), **kind)
            RECORDER.event("cell-ended", name=name, guarded=cell["guarded"])

    def _watch_kernel(self) -> None:
        """Hears that the kernel is told to end; there is no event for it."""
        kernel = getattr(self._shell, "kernel", None)
        if kernel is None or not hasattr(kernel, "do_shutdown"):
            return
        self._shutdown = original = kernel.do_shutdown

        def do_shutdown(restart: bool, *arguments: Any, **options: Any) -> Any:
            RECORDER.event("shutdown", restart=bool(restart))
            return original(restart, *arguments, **options)

        kernel.do_shutdown = do_shutdown

    def _exit(self) -> None:
        RECORDER.event("exit")
        if self._remote() is not None:
            RECORDER.finish(EXIT_SECONDS)
        RECORDER.end()

    # -- what a beat tells; in the background ------------------------------------------------------------

    def _cell(self) -> Mapping[str, Any]:
        cell = next(iter(self._cells[-1:]), None)
        run = running(self._session.namespace)
        if cell is None:
            return {"cell": None}
        if run is not None:
            stands = progress(run)
            cell = {**cell, "name": run.cell.name, "guarded": True, **_known({"line": stands.line})}
            loops = stands.loops
        else:
            loops = _own_loops()
        pace = self._pace.look(id(run), loops, time.monotonic())
        found = {
            "loops": [[loop.name, loop.index, loop.total] for loop in loops] if loops or run is not None else None,
            "rate": pace.rate and float(f"{pace.rate:.4g}"), "eta": pace.eta and round(pace.eta, 1),
        }  # fmt: skip
        return {"cell": {**cell, **_known(found)}}

    def _browser(self) -> Mapping[str, Any]:
        return {} if self._heard is None else {"browser": round(time.time() - self._heard, 1)}

    def _snapshots(self) -> Mapping[str, Any]:
        """Of the guarded cell that is running, else of the last one."""
        run = running(self._session.namespace) or next(iter(list(self._session.runs.values())[-1:]), None)
        if run is None:
            return {"store": RECORDER.copies_trouble or "ok"}
        now, durability, newest = self._session.clock(), run.saver.durability, run.saver.newest
        durable = durability and durability.durable
        return _known({
            "saved": newest and round(now - newest.created, 1),
            "durable": durable and round(now - durable.created, 1),
            "store": run.saver.trouble or (durability and durability.trouble) or RECORDER.copies_trouble or "ok",
        })  # fmt: skip

    # -- where to ----------------------------------------------------------------------------------------

    def _remote(self) -> Remote | None:
        tier = opening.tier_of(self._session.store)
        return None if tier is None else tier.uploads.remote

    def heard(self, at: float | None) -> None:
        """A browser sent something, at ``at`` in seconds since 1970; for any thread."""
        if at is not None:
            self._heard = max(at, self._heard or at)


def _own_loops() -> tuple[Loop, ...]:
    """Those under ``cg.loop``, if any was ever begun."""
    if "colab_guard.loops.live" not in sys.modules:
        return ()
    from colab_guard.loops.progress import under_way

    return tuple(Loop(*one) for one in under_way())


def _known(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}

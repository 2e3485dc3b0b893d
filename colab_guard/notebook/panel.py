"""The panel in a notebook: shows it, hears of cells, and lends it what only a notebook can do."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from colab_guard import ends, free_gpu_memory
from colab_guard.core.config import setting
from colab_guard.core.underway import show_lines
from colab_guard.core.watch import WATCH
from colab_guard.core.words import size
from colab_guard.flight.machine import probes
from colab_guard.flight.recorder import RECORDER
from colab_guard.guards import machine
from colab_guard.guards.lifetime import HOUR
from colab_guard.notebook.drive import mount
from colab_guard.notebook.flight import root_of
from colab_guard.notebook.identity import identity
from colab_guard.notebook.listening import Listener
from colab_guard.notebook.platforms import cell_number, default_place
from colab_guard.notebook.pumping import Pump
from colab_guard.running.pace import Pace
from colab_guard.running.progress import progress, running
from colab_guard.session import Session
from colab_guard.ui.abilities import Abilities, End
from colab_guard.ui.panel import NAME, Panel
from colab_guard.ui.readings import Readings
from colab_guard.ui.telling import html_of, text_of

POINTS = 120  # of the last session's memory, in its last hour
TIMELINE_SECONDS = 1.0  # how long the first look at the store is waited for, where the facts are shown as text


class NotebookPanel:
    """One shell's panel. Used on the main thread, but for what the panel says of itself."""

    def __init__(self, shell: Any, session: Session) -> None:
        self._shell, self._session = shell, session
        self._kernel: Any = getattr(shell, "kernel", None)
        self._widget: Any = None
        self._pump: Pump | None = None
        self._listener: Listener | None = None
        self._first: Mapping[str, Any] = {}
        self._end: End | None = None
        self._pace = Pace()
        self._depth = 0  # of cells that run
        self._also: set[str] = set()  # widgets beside the panel, by their comms
        able = Abilities(
            hears=False,
            waits=lambda: self._pump is not None and self._pump.is_waiting(),
            pump=self._take,
            soon=self._soon,
            mount=self._mount,
            arm=str,
            free=_free,
            end=lambda: self._end,
            where=self._where,
        )
        self.panel = Panel(session, able, Readings(self._beat), machine.process_id())

    def show(self) -> None:
        """Shows the panel, as a widget where there are any."""
        if self._kernel is not None and self._has_widget():
            self._widget.text = _text_of_now(self.panel.state())
            _display(self._widget)
            return
        if (reading := self.panel.timeline.refresh()) is not None:
            reading.join(TIMELINE_SECONDS)
        found = self.panel.state()
        if self._kernel is None:
            print(text_of(found))
        else:
            _display({"text/plain": text_of(found), "text/html": html_of(found)}, raw=True)

    def begin(self) -> None:
        """Shows it when the extension is loaded: only as a widget, and if it is wanted."""
        if setting("panel") == "on" and self._kernel is not None and self._has_widget():
            _display(self._widget)

    def lend(self, **abilities: Callable[..., Any]) -> None:
        """More of what only a notebook can do; see Abilities."""
        for name, ability in abilities.items():
            setattr(self.panel.able, name, ability)

    def hear(self, widget: Any) -> None:
        """Messages to this widget, too, are taken while a guarded cell runs, where that is possible."""
        self._also.update([widget.model_id, widget.layout.model_id])
        self._has_widget()

    def end(self) -> None:
        """Leaves the shell as it was."""
        self.panel.close()
        if self._widget is None:
            return
        self._shell.events.unregister("pre_run_cell", self._began)
        self._shell.events.unregister("post_run_cell", self._ended)
        if self._listener is not None:
            self._listener.close()
        if self._pump is not None:
            self._pump.remove()
        show_lines()
        self._widget.layout.close()
        self._widget.close()

    def _has_widget(self) -> bool:
        """Makes the widget, where it can be made."""
        if self._widget is None:
            try:
                self._make()
            except ImportError:
                return False
            except Exception as error:  # noqa: BLE001 - whatever widgets need, colab_guard works without them
                self._session.say(f"the panel can't be shown as a widget: {type(error).__name__}: {error}")
        return self._widget is not None

    def _make(self) -> None:
        from colab_guard.ui.widget import PanelWidget

        self.panel.began(f"cell [{cell_number(self._shell) - 1}]")  # that shows it
        try:
            found = self.panel.state()
            self._widget = PanelWidget(found, _text_of_now(found))
        finally:
            if self._widget is None:
                self.panel.running = None
        self._context = contextvars.copy_context()
        self._widget.on_msg(lambda widget, content, buffers: self.panel.heard(content))
        with suppress(AttributeError):
            self._pump = Pump(self._kernel, self._is_ours)
            self.panel.able.hears = True
            self._listener = Listener(self._pump, self._ask)
        self._shell.events.register("pre_run_cell", self._began)
        self._shell.events.register("post_run_cell", self._ended)
        self.panel.shown = self
        self.panel.timeline.refresh()
        threading.Thread(target=self._read_end, name="colab_guard-end", daemon=True).start()
        WATCH.add(NAME, self.panel.look)
        show_lines(lambda: not self.panel.is_seen)

    def tell(self, state: dict[str, Any]) -> None:
        """The page's new state, from any thread: ipykernel 7.0.1 looks for its cell in the context."""
        if self._widget.comm is not None:
            self._context.run(setattr, self._widget, "state", state)

    # -- around each cell -----------------------------------------------------------------------------------

    def _began(self, *_: Any) -> None:
        self._depth += 1
        if self._depth > 1:  # a cell that a cell runs
            return
        self.panel.began(f"cell [{cell_number(self._shell)}]")
        if self._listener is not None:
            self._listener.began()

    def _ended(self, *_: Any) -> None:
        self._depth = max(0, self._depth - 1)  # the cell that loaded us has only an end
        if self._depth:
            return
        if self._listener is not None:
            self._listener.ended()
        self.panel.ended()

    def _ask(self) -> bool:
        run = running(self._session.namespace)
        if run is not None:
            run.signals.call(self.panel.attend)
        return run is not None

    def _take(self) -> None:
        if self._pump is not None and self._listener is not None:
            self._pump.pump()
            self._listener.taken()

    # -- what the panel can't do itself ---------------------------------------------------------------------

    def _is_ours(self, comm: str) -> bool:
        return comm in (self._widget.model_id, self._widget.layout.model_id) or comm in self._also

    def _beat(self) -> Mapping[str, Any]:
        """The recorder's newest; before its first, one of our own."""
        if not RECORDER.last and not self._first:
            found = [probe() for probe in probes(root_of(self._session.store)).values()]
            self._first = {name: value for fields in found for name, value in fields.items()}
        return RECORDER.last or self._first

    def _where(self) -> Mapping[str, Any]:
        run = running(self._session.namespace)
        if run is None:
            return RECORDER.last.get("cell") or {}  # a loop of cg.loop's, as of the last beat
        loops = progress(run).loops
        pace = self._pace.look(id(run), loops, time.monotonic())
        told = [[loop.name, loop.index, loop.total] for loop in loops]
        return {"loops": told, "rate": pace.rate and float(f"{pace.rate:.3g}"), "eta": pace.eta}

    def _read_end(self) -> None:
        """How the last session ended; in the background, for the store may be slow."""
        with suppress(Exception):  # there was none, or it can't be read; a thread would print its traceback
            found = ends.end(self._session.store, notebook=identity(self._shell).label, keys=self._session.keys)
            if found.line is not None:
                last = found.flight.last
                beats = [beat for beat in found.flight.beats if beat.get("ram") and beat["t"] > last - HOUR]
                ram = [[round(beat["t"]), *beat["ram"]] for beat in beats[:: max(1, len(beats) // POINTS)]]
                self._end = End(found.words, str(found), last, ram)

    def _soon(self) -> None:
        self._kernel.io_loop.add_callback(self.panel.act)

    def _mount(self) -> None:
        mount(self._session.say)
        self._session.move(default_place(identity(self._shell)))


def _text_of_now(state: Mapping[str, Any]) -> str:
    then = time.strftime("%Y-%m-%d %H:%M")
    return f"The panel at {then}; it takes widgets, and trust in the notebook.\n{text_of(state)}"


def _display(thing: Any, **options: Any) -> None:
    from IPython.display import display

    display(thing, **options)


def _free() -> str:
    freed = free_gpu_memory()
    return f"{size(freed.freed_bytes)} freed, {size(freed.given_back_bytes)} given back to the GPU"

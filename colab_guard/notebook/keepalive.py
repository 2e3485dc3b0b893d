"""Keep-alive in a notebook: shows the frame, hears of cells and beats, keeps the output up to date.

Three kinds of threads come here: the one that runs cells; whatever thread a message comes on; and the watching one,
which never prints: what it shows goes to the page by an update of the output, or by the frame's own comm.
"""

from __future__ import annotations

import contextvars
import html
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any

from colab_guard.capture.process import machine_id
from colab_guard.core.errors import UsageError
from colab_guard.core.places import on_colab
from colab_guard.core.server import has_notebook
from colab_guard.core.watch import WATCH
from colab_guard.guards import machine
from colab_guard.keepalive.board import Board
from colab_guard.keepalive.culling import Culling, culling
from colab_guard.keepalive.outside import outside
from colab_guard.keepalive.policy import LEAST_SECONDS, MOST_HOURS, MOST_SECONDS, Policy
from colab_guard.keepalive.status import chips, status_bundle, status_text
from colab_guard.notebook.drive import refuse_elsewhere
from colab_guard.notebook.flight import Recording
from colab_guard.notebook.guarded import guarded_name
from colab_guard.notebook.panel import NotebookPanel
from colab_guard.notebook.platforms import asked_at, cell_number, platform_name
from colab_guard.notebook.reconnect import Reconnect
from colab_guard.notebook.release import WhenDone
from colab_guard.session import Session

NAME = "keepalive"
REST_SECONDS, COUNT_SECONDS, LEAST_WAIT_SECONDS = 60.0, 1.0, 0.1  # between two looks
NO_FRAME, NO_OUTPUT = "a terminal shows no widgets", "a terminal has no output that could be updated"


class KeepAlive:
    """One shell's keep-alive; its public methods are for the thread that runs cells, or as they say."""

    def __init__(self, shell: Any, session: Session, panel: NotebookPanel, recording: Recording) -> None:
        self._shell, self._session, self._panel, self._recording = shell, session, panel, recording
        self._kernel: Any = getattr(shell, "kernel", None)
        platform = platform_name(shell)
        self.board = Board(platform, session.clock, outside=outside(platform, None))
        if self._kernel is None:
            self.board.no_frame, self.board.no_output = NO_FRAME, NO_OUTPUT
        self.when_done = WhenDone(shell, session, self.board, panel.panel.note, self._hurry)
        self.reconnect = Reconnect(self.board, panel.panel, self._resend, self._later)
        self._ids = {"kernel": machine.process_id(), "vm": machine_id()}
        self._frame: Any = None
        self._handle: Any = None
        self._context = contextvars.copy_context()
        self._cells: list[str] = []  # that are running: a magic may run one inside of another
        self._due = 0.0
        self._acted = False
        self._sent: dict[str, Any] = {}
        self._pushing = threading.RLock()

    def begin(self) -> None:
        """Hears of cells from now on."""
        self._shell.events.register("pre_run_cell", self._began)
        self._shell.events.register("post_run_cell", self._ended)
        self._panel.lend(
            channels=lambda: chips(self.board, reconnects=self.reconnect.is_on), keeps=self.keeps, pause=self.pause,
            arm=self._arm, armed=lambda: self.when_done.is_armed,
        )  # fmt: skip

    def end(self) -> None:
        """Leaves the shell as it was."""
        self.off()
        self.reconnect.off()
        WATCH.drop(NAME)
        for name, hook in (("pre_run_cell", self._began), ("post_run_cell", self._ended)):
            with suppress(ValueError):
                self._shell.events.unregister(name, hook)
        if self._frame is not None:
            self._frame.layout.close()
            self._frame.close()

    # -- what is asked for ----------------------------------------------------------------------------------

    def on(self, policy: Policy) -> None:
        """Turns it on, and shows it: the output, the frame, on Colab what the page's own script is started by. Raises
        UsageError for what can't be.
        """
        if not LEAST_SECONDS <= policy.interval <= MOST_SECONDS:
            raise UsageError(
                f"--interval {policy.interval:g} is out of bounds: give {LEAST_SECONDS:g} to {MOST_SECONDS:g} seconds."
            )
        if not 0 < policy.max_hours <= MOST_HOURS:
            raise UsageError(
                f"--max-hours {policy.max_hours:g} is no such time: give hours above zero, at most {MOST_HOURS:g}."
            )
        if policy.release_when_done:
            refuse_elsewhere("release the runtime")
        self.board.turn_on(policy)
        if on_colab():
            self.board.outside = outside(self.board.platform, has_notebook())
        if policy.release_when_done:
            self.when_done.arm()
        self._show()
        self._hurry()

    def off(self) -> bool:
        """Turns it off, and keeps the runtime that was to be released; whether there was anything to turn off."""
        kept = self.when_done.keep("%keepalive off")
        was = self.board.is_on
        self.board.turn_off()
        if was:
            self._hurry()
        return was or kept

    def keeps(self) -> bool | None:
        """Whether it is on and not paused; None where it is off. For any thread."""
        return None if not self.board.is_on else not self.board.paused

    def pause(self) -> str:
        """Pauses or resumes it; in words which. For any thread."""
        self.board.paused = not self.board.paused
        self._hurry()
        return "keep-alive is paused" if self.board.paused else "keep-alive goes on"

    def status(self) -> str:
        """How it stands, a line for each channel."""
        return status_text(*self._told(self.board.without_the_cell()))

    def _arm(self) -> str:
        if self.when_done.keep("its button was pressed"):
            return "the runtime is kept"
        self.when_done.arm()
        return "the runtime ends when the guarded cell is done"

    # -- what is shown --------------------------------------------------------------------------------------

    def _show(self) -> None:
        if self._kernel is None:
            print(self.status())
            return
        self._context = contextvars.copy_context()
        self._make_frame()
        self.board.no_output = ""
        self.board.updated()
        self._handle = _display(status_bundle(*self._told(self.board.without_the_cell())), raw=True, display_id=True)
        if self._frame is not None:
            _display(self._frame)
        if on_colab():
            _display({"text/html": _page_html(), "text/plain": ""}, raw=True)

    def _make_frame(self) -> None:
        if self._frame is not None:
            return
        try:
            from colab_guard.ui.frame import FrameWidget

            frame = FrameWidget(self.board.settings(self._ids))
            with _closed_if_it_fails(frame):
                frame._repr_mimebundle_()  # where it can't be shown, an error would stand in its place
        except ImportError as error:
            self.board.no_frame = f"it is a widget, and {error.name} can't be imported"
        except Exception as error:  # noqa: BLE001 - whatever widgets need, the other channels work without them
            self.board.no_frame = f"its widget fails: {type(error).__name__}: {error}"
        else:
            self._frame, self.board.no_frame = frame, ""
            self._frame.on_msg(self._heard)
            self._panel.hear(self._frame)

    @cached_property
    def _server(self) -> Culling | str:
        return culling()

    def _told(self, board: Board) -> tuple[Board, Culling | str, str]:
        return board, self._server, self.when_done.words(board.clock())

    # -- cells, on the thread that runs them ----------------------------------------------------------------

    def _began(self, info: Any) -> None:
        with suppress(Exception):
            guarded = guarded_name(str(info.raw_cell))
            name = guarded or f"In[{cell_number(self._shell)}]"
            self._cells.append(name)
            deaf = guarded is None or not self._panel.panel.able.hears
            self.board.began(name, asked_at(self._shell), deaf=deaf)
            self.when_done.began()
            self._changed()

    def _ended(self, _: Any) -> None:
        with suppress(Exception):
            if self._cells:
                self._cells.pop()
            if not self._cells:
                self.board.ended()
                self.when_done.ended()
                self._changed()

    def _changed(self) -> None:
        """Tells the page, if there is anything to tell."""
        if self.board.is_on or self.when_done.is_armed:
            self._push()
            self._hurry()

    def _later(self, what: Any) -> None:
        """On the main thread, between two cells."""
        if self._kernel is not None:
            self._kernel.io_loop.add_callback(what)

    # -- what the frame says, on any thread -----------------------------------------------------------------

    def _heard(self, _: Any, content: Any, __: Any) -> None:
        with suppress(Exception):  # a page may say anything, and no cell is to fail for it
            if isinstance(content, Mapping):
                self._take(content)

    def _take(self, content: Mapping[str, Any]) -> None:
        beat, what = self.board.heard(content), content.get("what")
        if beat is not None:
            self._tell(beat.number)
            self._recording.heard(self.board.last_beat)
            self._panel.panel.met(self.board.last_beat or 0.0)
            self.reconnect.hurry()
        elif what == "keep":
            self.when_done.keep("its button was pressed")
        elif what in ("pause", "resume") and self.board.is_on and self.board.paused != (what == "pause"):
            self.pause()

    def _tell(self, number: int | None) -> None:
        """An answer to a beat, or a sign of life, for which there is no number."""
        if self._frame is not None and self._frame.comm is not None:
            working = self.board.decision().acts
            self._in_cell(self._frame.send, {"what": "beat", "n": number, **self._ids, "working": working})

    def _push(self) -> None:
        """The frame's settings, where they changed; the newest last, whichever thread tells them."""
        with self._pushing:
            settings = self.board.settings(self._ids)
            if self._frame is not None and self._frame.comm is not None and settings != self._sent:
                self._in_cell(setattr, self._frame, "settings", settings)
                self._sent = settings

    def _in_cell(self, call: Callable[..., object], *arguments: Any, **options: Any) -> None:
        """Calls it as the cell that turned this on: ipykernel 7.0 finds there which cell an output belongs to."""
        self._context.copy().run(call, *arguments, **options)  # a copy: two threads can't be in one

    def _resend(self) -> None:
        """All that a page shows: it may be another one."""
        self._sent = {}
        self._push()
        self._panel.panel.resend()

    # -- what goes on by itself, on the watching thread -----------------------------------------------------

    def _hurry(self) -> None:
        WATCH.add(NAME, self._look)

    def _look(self) -> float:
        now, decision = self.board.clock(), self.board.decision()
        counts = self.when_done.look(now)
        if (decision.acts and now >= self._due) or counts or decision.acts != self._acted:
            self._acted = decision.acts
            self._due = now + self.board.policy.interval
            self._update()
        with suppress(Exception):  # as above; the next one may go well
            self._push()
        if counts:
            return COUNT_SECONDS
        if not decision.acts:
            return REST_SECONDS
        wait = min(self._due, decision.until or self._due) - now
        return max(wait, LEAST_WAIT_SECONDS)

    def _update(self) -> None:
        if self._handle is not None and not self.board.no_output:
            self.board.updated()
            try:
                self._in_cell(self._handle.update, status_bundle(*self._told(self.board)), raw=True)
            except Exception as error:  # noqa: BLE001 - the other channels go on, and status tells
                self.board.no_output = f"it can't be updated any more ({type(error).__name__}: {error})"
        if self._acted:
            with suppress(Exception):  # a comm that is closed: no beat comes either, and that is told
                self._tell(None)


@contextmanager
def _closed_if_it_fails(widget: Any) -> Iterator[None]:
    try:
        yield
    except BaseException:
        widget.close()
        raise


def _page_html() -> str:
    """What starts the script in Colab's page: a link to be dragged, a text to be copied."""
    from colab_guard.keepalive.page import bookmarklet, snippet

    style = "max-height:6em;overflow:auto;white-space:pre-wrap;word-break:break-all"
    return (
        "<details><summary>In the page itself, which a cell can't reach: three ways, one is enough</summary><ul>"
        f'<li>drag this to your bookmarks, then click it there: <a href="{html.escape(bookmarklet())}">keep-alive</a>'
        f"<li>or paste this into the console of the page (F12):<pre style='{style}'>{html.escape(snippet())}</pre>"
        "<li>or install the userscript, for every notebook: <code>colab-guard userscript > colab-guard.user.js</code>"
        "</ul></details>"
    )


def _display(thing: Any, **options: Any) -> Any:
    from IPython.display import display

    return display(thing, **options)

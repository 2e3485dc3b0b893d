"""The panel of one session: looks once a second, tells the page what changed, and does what was pressed.

``look`` runs on the watch thread, ``heard`` on whatever thread a message comes; what a press asks for is done by
``act``, on the main thread only: between two cells, or at a safe point of a guarded one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from colab_guard.core.errors import ColabGuardError, StoreUnavailable
from colab_guard.core.places import drive_mount, on_colab
from colab_guard.core.watch import WATCH
from colab_guard.core.words import size
from colab_guard.running.progress import running
from colab_guard.running.run import Run
from colab_guard.saving.writer import WRITER
from colab_guard.session import Session
from colab_guard.ui.abilities import Abilities, Shown
from colab_guard.ui.buttons import FOR_CELL, Situation, buttons
from colab_guard.ui.notice import notice
from colab_guard.ui.presses import ID_CHARS, Press, Presses
from colab_guard.ui.readings import Readings
from colab_guard.ui.sending import Sending
from colab_guard.ui.state import Around, Running, state
from colab_guard.ui.timeline import Timeline, place_of
from colab_guard.variables import restore, save

LOOK_SECONDS, LATE_SECONDS = 1.0, 3.0  # between two looks, at the least and at the most
LOOK_SHARE = 0.0005  # of a core, for the looks: where one takes longer, the next comes later
UNSEEN_SECONDS = 60.0  # while nobody sees it
SOON_SECONDS, HASTE_SECONDS = 0.1, 5.0  # while somebody waits for an answer, and for how long
TIMELINE_SECONDS = 2.0  # between two looks at what the store holds, at the least
TIMELINE_SHARE = 0.001  # of a core, for these looks
NAME = "panel"
BUTTONS = frozenset({"save", "stop", "free-gpu", "mount", "keep-alive", "release-when-done", "restore", "why"})


@dataclass
class Panel:
    """One session's panel; ``kernel`` names the process."""

    session: Session
    able: Abilities
    readings: Readings
    kernel: str
    clock: Callable[[], float] = time.time
    shown: Shown | None = None
    running: Running | None = None  # set by the notebook, around each cell
    log: dict[str, Any] | None = None
    presses: Presses = field(init=False)
    timeline: Timeline = field(init=False)

    def __post_init__(self) -> None:
        self.presses = Presses(self.clock)
        self.timeline = Timeline(self.session)
        self._sending = Sending(self.clock, lambda: self.running is None)
        self._listed_at = float("-inf")
        self._listed: str | None = None  # what was logged when the timeline was read; "": it is to be read again
        self._logged: str | None = None
        self._unread = ""  # why the timeline could not be read
        self._stopping: Run | None = None
        self._looking = threading.Lock()

    # -- what the page says, on any thread ------------------------------------------------------------------

    def heard(self, content: Mapping[str, Any]) -> None:
        """A message of the page's."""
        views, do, arg = self._sending.views, content.get("do"), content.get("arg")
        views.heard_at = self.clock()
        if do == "view" and views.sign(str(content.get("view"))[:ID_CHARS], self.clock(), visible=bool(arg)):
            self._answer()
        if not isinstance(do, str) or do not in BUTTONS or not isinstance(content.get("press"), str):
            return
        active, waits = running(self.session.namespace), ""
        if self.running is not None:
            waits = "at the next safe point" if active is not None and self.able.hears else FOR_CELL
        if self.presses.add(do, content["press"], arg, waits):
            if active is not None and self.able.hears:
                active.signals.call(self.attend)
            else:
                self.able.soon()
        self._answer()

    def _answer(self) -> None:
        self._sending.is_answer = True
        self._sending.stir()
        self.hurry()

    @property
    def is_seen(self) -> bool:
        """Whether a view of it is visible, as far as is known."""
        return bool(self._sending.views)

    def met(self, at: float) -> None:
        """A page was heard of, at ``at``."""
        views = self._sending.views
        views.heard_at = max(at, views.heard_at or at)

    def resend(self) -> None:
        """The page is told all, at once: it may be another one."""
        self._answer()

    def close(self) -> None:
        """Looks no more."""
        self.shown = None
        WATCH.drop(NAME)

    def hurry(self) -> None:
        """The page is told at once."""
        WATCH.add(NAME, self.look)

    # -- what is done, on the main thread -------------------------------------------------------------------

    def attend(self) -> None:
        """A guarded cell is at a safe point: takes what was said, and does what was asked for."""
        self.able.pump()
        self.act()

    def act(self) -> None:
        """Does what was pressed and can be done now: no cell runs, or a guarded one is at a safe point."""
        active = running(self.session.namespace)
        if active is None and self.running is not None:
            return  # a cell that is not guarded: behind it
        for press in self.presses.waiting():
            try:
                text = self._done(press, active)
            except ColabGuardError as error:
                self.presses.answer(press, str(error), refused=True)
            except Exception as error:  # noqa: BLE001 - the cell must go on, and the page hear of it
                self.presses.answer(press, f"{type(error).__name__}: {error}", refused=True)
            else:
                if text is not None:
                    self.presses.answer(press, text)
            self._sending.is_answer = True
        if self._sending.is_answer:
            self.hurry()

    def _done(self, press: Press, active: Run | None) -> str | None:
        """What came of a press; None: that is not known yet."""
        if press.do == "save":
            return self._save(press, active)
        if press.do == "stop":
            return self._stop(active)
        if press.do == "free-gpu":
            return self.able.free() if self.able.free is not None else "there is no GPU here"
        if press.do == "mount":
            self.able.mount()
            return "Drive is mounted"
        if press.do == "why":
            end = self.able.end()
            return end.why if end is not None else "nothing is known of that"
        if press.do == "restore":
            said: list[str] = []
            restore([str(press.arg)], self.session.store, yes=True, tell=said.append)
            self.note(said[-1])
            return said[-1]
        return self.able.pause() if press.do == "keep-alive" else self.able.arm()

    def _save(self, press: Press, active: Run | None) -> str | None:
        busy = WRITER.is_busy  # asked first: else what ends in between would be neither under way nor saved
        if self._is_saved(press):
            return "saved"
        if active is None:
            text, self._listed = str(save(None, self.session.store)), ""
            return text
        if not busy:  # else one is under way, of now or of before
            if active.saver.trouble and press.tries:
                raise StoreUnavailable(active.saver.trouble)
            press.tries += 1
            active.alarm.ring()
        return None

    def _is_saved(self, press: Press) -> bool:
        runs = list(self.session.runs.values())
        return any(one is not None and one.created >= press.at for one in (run.saver.newest for run in runs))

    def _stop(self, active: Run | None) -> str | None:
        if active is None:
            stopped, self._stopping = self._stopping, None
            if stopped is not None and stopped.kept is not None:
                return f"{stopped.cell.name} is stopped, and saved: run the cell again to go on"
            return "no guarded cell is running" if stopped is None else f"{stopped.cell.name} had come to its end"
        self._stopping = active
        active.signals.to_pause = True
        return None

    def began(self, name: str) -> None:
        """A cell begins."""
        self._sending.stir()
        self.running = Running(name, self.clock())

    def ended(self) -> None:
        """The cell has ended: what waited for that is done, on the main thread."""
        self.running = None
        self._sending.stir()
        self._listed = ""  # it may have saved by other ways than a guarded cell's
        if self.presses.waiting():
            self.able.soon()
        if self.is_seen and self.clock() - self._sending.sent_at >= LOOK_SECONDS:
            self.hurry()

    # -- what is shown, on the watch thread -----------------------------------------------------------------

    def look(self) -> float:
        """Tells what changed, if anybody sees it; the seconds until the next look."""
        now, begun = self.clock(), time.thread_time()
        with self._looking:
            self._chase(now)
            found = self._sending.next(self.state, deaf=self.able.waits())
            if found is not None and self.shown is not None:
                self.shown.tell(found)
        if any(now - press.at < HASTE_SECONDS for press in self.presses.waiting()):
            return SOON_SECONDS
        if not self.is_seen:
            return UNSEEN_SECONDS
        return min(max(LOOK_SECONDS, (time.thread_time() - begun) / LOOK_SHARE), LATE_SECONDS)

    def state(self) -> dict[str, Any]:
        """What holds now."""
        active, quiet = running(self.session.namespace), self._sending.is_quiet
        situation = Situation(
            guarded=active is not None,
            plain=active is None and self.running is not None,
            hears=self.able.hears,
            waiting={press.do for press in self.presses.waiting()},
            on_colab=on_colab(),
            mounted=drive_mount() is not None,
            gpu=bool(self.readings.look().get("gpu")),
            can_free=self.able.free is not None,
            armed=self.able.armed(),
            keeps=self.able.keeps(),
        )
        ended, shown = notice(self.session, self.timeline, self.able.end())
        around = Around(
            kernel=self.kernel,
            running=self.running,
            readings=self.readings.shown(),
            timeline=self.timeline,
            where=self.able.where() if self.running is not None else {},
            buttons=buttons(situation),
            channels=[*self._sending.views.channel(self.clock(), quiet=quiet), *self.able.channels()],
            presses=self.presses.shown(),
            ended=ended,
            notice=shown,
            log=self.log,
            quiet=quiet,
        )
        return state(self.session, self.clock(), around)

    def _chase(self, now: float) -> None:
        """What a press waits for may have come by itself, or may have to be asked for again."""
        active = running(self.session.namespace)
        for press in self.presses.waiting():
            if press.do == "save" and self._is_saved(press):
                self.presses.answer(press, "saved")
                self._sending.is_answer = True
            elif active is not None and self.able.hears:
                active.signals.call(self.attend)
        newest = [run.saver.newest for run in list(self.session.runs.values())]
        last = max((one for one in newest if one is not None), key=lambda one: one.created, default=None)
        if last is not None and last.id != self._logged:
            self._logged = last.id
            stall = self.session.runs[last.cell].saver.stall_seconds if last.cell in self.session.runs else 0.0
            self.note(
                f"saved `{last.cell}` at {place_of(last)} · stall {stall * 1000:.0f} ms · {size(last.new_bytes)} new",
                last.created,
            )
        if self.timeline.trouble not in ("", self._unread):
            self.note(f"the snapshots can't be listed: {self.timeline.trouble}")
        self._unread = self.timeline.trouble
        pause = max(TIMELINE_SECONDS, self.timeline.took_seconds / TIMELINE_SHARE)
        if self.is_seen and self._logged != self._listed and now - self._listed_at >= pause:
            logged = self._logged
            if self.timeline.refresh() is not None:
                self._listed, self._listed_at = logged, now

    def note(self, text: str, at: float | None = None) -> None:
        """An event, of now where no time is given, which is shown if it is the newest."""
        if at is None or self.log is None or at >= self.log["at"]:
            self.log = {"at": self.clock() if at is None else at, "text": text}

"""All that is known of keep-alive in one session, and what follows from it. For any thread; no clock but the one given.

Times that a browser tells are by its clock. The beat that took least on its way tells how far that is from ours: so
much is taken off all others of that view, and a beat that waited for an hour behind a cell is an hour old.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from colab_guard.flight.recorder import RECORDER
from colab_guard.keepalive.beats import Beat, beat_of, moved_of
from colab_guard.keepalive.channels import OFF, Channel, Facts, Signs, channels, following
from colab_guard.keepalive.contact import Contact, Log, Step
from colab_guard.keepalive.countdown import Countdown
from colab_guard.keepalive.idle import Interaction, newest
from colab_guard.keepalive.policy import Decision, Policy, Work, decide

VIEWS = 32  # of the frame that are remembered: each time a page is loaded makes a new one
WORTH_SECONDS = 30.0  # a cell that ran for less is no work that somebody waits for
NOT_ON = Decision(False, None, "%keepalive turns it on")


@dataclass
class Board:
    """``platform``: where we are, in a word; ``no_frame`` and ``no_output``: why there can be none."""

    platform: str
    clock: Callable[[], float] = time.time
    policy: Policy = field(default_factory=Policy)
    on_since: float | None = None
    paused: bool = False
    work: Work = field(default_factory=Work)
    cell: str | None = None
    done: int = 0  # how many cells that somebody may have waited for came to their end
    no_frame: str = ""
    no_output: str = ""
    output: Signs | None = None
    outside: tuple[str, str] = (OFF, "")
    contact: Contact = field(default_factory=Contact)
    log: Log = field(default_factory=Log)
    countdown: Countdown | None = None
    asked: Interaction | None = None  # a cell was asked for
    _beat: Beat | None = None
    _frame: Signs | None = None
    _page: Signs | None = None
    _touched: Interaction | None = None
    _offsets: dict[str, float] = field(default_factory=dict)
    _listening: float | None = None
    _before: float | None = None  # what that was before the cell that runs
    _lock: threading.Lock = field(default_factory=threading.Lock)

    # -- what is asked for ----------------------------------------------------------------------------------

    def turn_on(self, policy: Policy) -> None:
        """From now on, for at most its hours."""
        self.policy, self.on_since, self.paused = policy, self.clock(), False

    def turn_off(self) -> None:
        """Nothing acts any more; what was seen stays."""
        self.on_since, self.paused, self.countdown = None, False, None

    @property
    def is_on(self) -> bool:
        """Whether it was turned on."""
        return self.on_since is not None

    # -- what happens ---------------------------------------------------------------------------------------

    def began(self, cell: str, asked_at: float | None, *, deaf: bool) -> None:
        """A cell begins, which was asked for at ``asked_at``; ``deaf``: no message comes through until it ends."""
        now = self.clock()
        self._before = self._listening
        self.work, self.cell = Work(self.work.since or now, self.work.ended), cell
        if asked_at is not None:
            self.asked = newest(self.asked, Interaction(asked_at, "a cell was run"))
        if deaf:
            self._listening = None

    def hears(self) -> None:
        """Messages come through, from now on if they did not before."""
        if self._listening is None:
            self._listening = self.clock()

    def ended(self) -> None:
        """The cell has ended, well or not."""
        now = self.clock()
        self.done += self.work.since is not None and now - self.work.since >= WORTH_SECONDS
        self.work, self.cell = Work(None, now), None
        self.hears()

    def heard(self, content: Mapping[str, Any]) -> Beat | None:
        """A message of the frame's; the beat in it, if it is one."""
        if (moved := moved_of(content)) is not None:
            self.log.add(replace(moved, at=self._ours(moved.at)))
        if (beat := beat_of(content)) is None:
            return None
        now = self.clock()
        self.hears()  # this one came through
        with self._lock:
            offset = min(self._offsets.pop(beat.view, now - beat.sent), now - beat.sent)
            self._offsets[beat.view] = offset
            if len(self._offsets) > VIEWS:
                del self._offsets[next(iter(self._offsets))]  # the view that was silent longest

            def ours(at: float) -> float:
                return min(at + offset, now)

            interval = self.policy.interval
            sent = ours(beat.sent)
            if self._beat is None or self._frame is None or sent >= self._frame.last:
                self._beat = beat
            self._frame = following(self._frame, sent, interval)
            if beat.page is not None:
                at = ours(beat.page.at)
                self._page = following(self._page, at, interval)
            if beat.interacted is not None:
                touched = Interaction(ours(beat.interacted), "a key or the mouse was used in the output")
                self._touched = newest(self._touched, touched)
        return beat

    def updated(self) -> None:
        """The output was."""
        self.output = following(self.output, self.clock(), self.policy.interval)

    # -- what follows ---------------------------------------------------------------------------------------

    @property
    def is_deaf(self) -> bool:
        """Whether a cell runs that lets no message through."""
        return self._listening is None and self.work.since is not None

    @property
    def last_beat(self) -> float | None:
        """When the newest beat was sent, by our clock."""
        return None if self._frame is None else self._frame.last

    def decision(self) -> Decision:
        """Whether it acts now."""
        if self.on_since is None:
            return NOT_ON
        return decide(self.policy, self.work, self.on_since, self.clock(), paused=self.paused)

    def channels(self) -> tuple[Channel, ...]:
        """The five."""
        begun, last = RECORDER.begun, RECORDER.last.get("t")
        facts = Facts(
            self.platform,
            self.is_on,
            self.decision(),
            self.policy.interval,
            self.no_frame,
            self._frame,
            self._page,
            self._beat,
            self.is_deaf,
            self.no_output,
            self.output,
            RECORDER.troubles.get("disk", ""),
            None if begun is None else Signs(begun, float(last or begun)),
            self.outside,
        )
        return channels(facts, self.clock())

    def without_the_cell(self) -> Board:
        """All as it is but for the cell that runs: for one that only asks."""
        found = copy.copy(self)
        found.work, found.cell, found._listening = Work(None, self.work.ended), None, self._before or self.clock()
        return found

    def interaction(self) -> Interaction | None:
        """The newest thing that begins the page's idle timer anew."""
        ended = None if self.work.ended is None else Interaction(self.work.ended, "a cell ended")
        return newest(self.asked, self._touched, ended)

    def last_activity(self) -> float | None:
        """When this kernel last sent what a server counts as activity: a cell's end, an answer, a line of ours."""
        known = (self.work.ended, self.last_beat, self.output.last if self.output else None)
        return max((at for at in known if at is not None), default=None)

    def look_for_browser(self, interval: float) -> tuple[Contact, Contact]:
        """A look at whether a browser is there: how it was before, and is after; a transition is in the log."""
        before, now = self.contact, self.clock()
        listening = self._listening if self.decision().acts else None
        self.contact = before.step(self.last_beat, listening, max(interval, self.policy.interval), now)
        if self.contact.state != before.state:
            silent = "" if self.contact.state == "connected" else "no beat came"
            self.log.add(Step(now, "kernel", before.state, self.contact.state, silent))
        return before, self.contact

    def settings(self, session: Mapping[str, str]) -> dict[str, Any]:
        """What the frame is told."""
        at = None if self.countdown is None else self.countdown.at
        return {
            "interval_s": self.policy.interval,
            "audio": self.policy.audio,
            "notify": self.policy.notify,
            "wake_lock": self.is_on,
            "working": self.decision().acts,
            "paused": self.paused,
            "cell": self.cell,
            "done": self.done,
            "release": None if at is None else {"at": round(at, 1)},
            "session": dict(session),
        }

    def _ours(self, at: float) -> float:
        offset = min(self._offsets.values(), default=0.0)
        return min(at + offset, self.clock())

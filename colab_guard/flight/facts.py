"""What a flight says of its end, in figures: what ran, how full the memory was, what had failed. No judgement here."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from colab_guard.core.config import parse_limit
from colab_guard.core.errors import UsageError
from colab_guard.flight.reading import Flight

SHARES = {"RAM": "ram", "GPU": "gpu", "disk": "disk"}  # of what can be full, as people call it
END_SECONDS = 60.0  # a session that is told to end may beat on for so long: uploads are waited for
RECOVERED_SECONDS = 60.0  # cells that ran well for so long behind a failure: it is overcome
FAILURES = frozenset({"gpu-memory", "ram", "disk"})
# What a cell says whose data lay on a mount that has gone; an errno 5 says it only of a store that is known to be lost.
MOUNT_GONE = ("Transport endpoint is not connected", "Errno 107")
IO_FAILED = ("Input/output error", "Errno 5")

Line = dict[str, Any]


@dataclass(frozen=True)
class Facts:
    """One flight, seen from its end. Times are seconds since 1970, spans seconds, shares from 0 to 1; None where the
    flight does not tell.
    """

    flight: Flight

    @cached_property
    def beat(self) -> Line:
        """The newest beat; empty where there is none."""
        return self.flight.beats[-1] if self.flight.beats else {}

    @property
    def end(self) -> float:
        """When the session was last heard of."""
        return self.flight.last

    @property
    def host(self) -> str:
        """``colab``, ``kaggle``, ``jupyter`` or ``ipython``; empty where it is not known."""
        return str(self.flight.start.get("host", "")).lower()

    @property
    def age(self) -> float | None:
        """How long the machine was up at the end."""
        up = self.beat.get("up")
        return None if up is None else float(up) + self.end - float(self.beat["t"])

    @cached_property
    def limit(self) -> float | None:
        """The limit of the runtime's age that the user had set."""
        with suppress(UsageError):
            return parse_limit(str(self.flight.start["limit"])) if self.flight.start.get("limit") else None
        return None

    def share(self, what: str) -> float | None:
        """``share`` of the newest beat."""
        return share(self.beat, what)

    def growth(self, what: str, span: float = 120.0) -> float:
        """How fast ``ram`` or ``disk`` filled in the last ``span``, in bytes a second; 0 where it did not."""
        beats = [beat for beat in self.flight.beats if what in beat and beat["t"] >= self.end - span]
        if len(beats) < 2 or beats[-1]["t"] <= beats[0]["t"]:
            return 0.0
        return max(0.0, float(beats[-1][what][0] - beats[0][what][0]) / float(beats[-1]["t"] - beats[0]["t"]))

    def final(self, what: str) -> Line | None:
        """The newest event of this kind, if the session ended there."""
        found = [line for line in self.flight.events if line.get("what") == what]
        return found[-1] if found and self.end - found[-1]["t"] <= END_SECONDS else None

    @cached_property
    def oom_kills(self) -> dict[str, int]:
        """The counters of kills for memory, as they were last read."""
        counts = [line["oom_kills"] for line in (self.flight.start, *self.flight.beats) if "oom_kills" in line]
        return dict(counts[-1]) if counts else {}

    @cached_property
    def running(self) -> Line | None:
        """The cell that ran at the end, as the newest beat has it, or with its ``name`` alone."""
        return self._cells[0]

    @cached_property
    def failure(self) -> Line | None:
        """The event of the cell that failed last for want of something, unless others ran well since."""
        return self._cells[1]

    @cached_property
    def idle(self) -> float:
        """How long no cell had run at the end."""
        return 0.0 if self.running is not None else max(0.0, self.end - self._cells[2])

    @cached_property
    def store_lost(self) -> Line | None:
        """The event that told that the durable store was lost, if it did not come back."""
        told = [line for line in self.flight.events if line.get("what") in ("store-lost", "store-back")]
        return told[-1] if told and told[-1]["what"] == "store-lost" else None

    def class_of(self, failed: Line) -> str | None:
        """What a failed cell wanted: ``gpu-memory``, ``ram``, ``disk``, ``store``; None for any other failure."""
        if failed.get("class") in FAILURES:
            return str(failed["class"])
        text = f"{failed.get('error', '')}: {failed.get('text', '')}"
        if any(word in text for word in MOUNT_GONE):
            return "store"
        return "store" if self.store_lost is not None and any(word in text for word in IO_FAILED) else None

    @cached_property
    def _cells(self) -> tuple[Line | None, Line | None, float]:
        """The cell that runs, the failure that was not overcome, and when a cell last ended."""
        running: Line | None = None
        failure: Line | None = None
        ended = self.flight.lines[0]["t"] if self.flight.lines else self.end
        began, well = 0.0, 0.0
        for line in self.flight.lines:
            match line.get("what", line.get("kind")):
                case "beat" if "cell" in line:
                    running = line["cell"]
                case "cell-began":
                    running, began = line, line["t"]
                case "cell-failed":
                    if self.class_of(line) is not None:
                        failure, well = line, 0.0
                    elif running is not None:
                        well += line["t"] - began
                    running, ended = None, line["t"]
                case "cell-ended":
                    if running is not None:  # a cell that failed ends, too
                        well += line["t"] - began
                    running, ended = None, line["t"]
        if running is not None:
            well += self.end - began
        return running, failure if well <= RECOVERED_SECONDS else None, ended


def share(beat: Line, what: str) -> float | None:
    """How full ``ram``, ``disk`` or the fullest ``gpu`` was at a beat."""
    told = beat.get(what) or []  # [used, total], of GPUs for each
    return max((one[0] / one[1] for one in (told if what == "gpu" else [told]) if one and one[1]), default=None)

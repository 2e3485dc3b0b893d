"""Where the evidence carries a cause it is named; where it could as well be another's, it is not known.

These flights are written by hand, to try each rule at its edges; tests/flights has real ones.
"""

from dataclasses import replace
from typing import Any

import pytest

from colab_guard.flight.causes import Cause, Here, cause_of
from colab_guard.flight.reading import Flight
from colab_guard.flight.telling import why_line, why_text

T = 1_800_000_000.0
GB = 10**9
TEN = {"name": "train", "guarded": True, "loops": [["epoch", 3, 50]], "rate": 2.0, "eta": 7200.0}
SAME = Here(T + 60, boot="one", group="g", oom_kills={"cgroup": 0, "machine": 5})
OTHER = Here(T + 60, boot="two", group="g", oom_kills={"cgroup": 0, "machine": 0})


def beat(before: float = 5.0, **fields: Any) -> dict[str, Any]:
    """One so many seconds before T."""
    usual = {"up": 3600.0 - before, "ram": [4 * GB, 12 * GB], "rss": GB, "oom_kills": {"cgroup": 0, "machine": 5},
             "disk": [20 * GB, 100 * GB], "cell": TEN, "browser": 3.0}  # fmt: skip
    return {"kind": "beat", "t": T - before, **usual, **fields}


def event(what: str, before: float = 0.0, **fields: Any) -> dict[str, Any]:
    return {"kind": "event", "what": what, "t": T - before, **fields}


def flight(*lines: dict[str, Any], **start: Any) -> Flight:
    usual = {"kind": "start", "t": T - 3600, "boot": "one", "group": "g", "host": "colab", "session": "s"}
    return Flight("s", usual | start, sorted(lines, key=lambda line: line["t"]))


GPU = event(
    "cell-failed", 50, name="train", error="OutOfMemoryError", text="CUDA out of memory.", **{"class": "gpu-memory"}
)
IDLE = beat(cell=None, browser=6000.0)
DONE = event("cell-ended", 6000, name="train")
CASES = {
    "released": (flight(beat(), event("released")), OTHER, Cause.RELEASED),
    "a release that did not end it": (flight(beat(), event("released", 100)), SAME, Cause.UNKNOWN),
    "fault": (flight(beat(), event("crash", text="Fatal Python error: Aborted\n\n  File \"a.py\", line 3")), SAME, Cause.SIGNAL),
    "a dump of the fault handler's that somebody asked for": (flight(beat(), event("crash", text="Current thread 0x1")), SAME, Cause.UNKNOWN),
    "a dump that speaks of another end": (flight(beat(), event("crash", text="Current thread 0x1\n  in Aborted")), SAME, Cause.UNKNOWN),
    "restart": (flight(beat(), event("shutdown", restart=True)), SAME, Cause.RESTARTED),
    "shut down": (flight(beat(), event("shutdown", restart=False)), SAME, Cause.SHUT_DOWN),
    "exit": (flight(beat(), event("exit")), SAME, Cause.ENDED),
    "restart because of the GPU": (flight(beat(cell=None), GPU, event("shutdown", restart=True)), SAME, Cause.GPU),
    "restart after what had failed was overcome": (
        flight(GPU | {"t": T - 500}, event("cell-began", 400), event("cell-ended", 300), event("shutdown", restart=True)), SAME, Cause.RESTARTED,
    ),
    "killed, with a failure before": (flight(beat(cell=None), GPU), SAME, Cause.UNKNOWN),
    "SIGTERM": (flight(beat(), event("signal", signal="SIGTERM")), SAME, Cause.SIGNAL),
    "a SIGTERM that was survived": (flight(beat(), event("signal", 100, signal="SIGTERM")), SAME, Cause.UNKNOWN),
    "kill for memory in its group": (flight(beat()), replace(SAME, oom_kills={"cgroup": 1, "machine": 6}), Cause.RAM),
    "kill for memory in another group": (flight(beat(ram=[11 * GB, 12 * GB])), replace(SAME, oom_kills={"cgroup": 0, "machine": 6}), Cause.UNKNOWN),
    "counters of different groups": (flight(beat()), replace(SAME, group="h", oom_kills={"cgroup": 9, "machine": 5}), Cause.UNKNOWN),
    "kill on the machine, memory full": (flight(beat(ram=[11 * GB, 12 * GB])), replace(SAME, group="h", oom_kills={"cgroup": 9, "machine": 6}), Cause.RAM),
    "kill on the machine, memory free": (flight(beat()), replace(SAME, group="h", oom_kills={"machine": 6}), Cause.UNKNOWN),
    "no counters, memory full": (flight(beat(ram=[11.5 * GB, 12 * GB], oom_kills={})), replace(SAME, oom_kills=None), Cause.RAM),
    "counters that did not rise, memory full": (flight(beat(ram=[11.5 * GB, 12 * GB])), SAME, Cause.UNKNOWN),
    "Colab's log": (flight(beat(ram=[9 * GB, 12 * GB], oom_kills={})), replace(SAME, oom_kills=None, log=((T, "tcmalloc: large alloc 1 bytes"),)), Cause.RAM),
    "12 h": (flight(beat(up=43100.0)), OTHER, Cause.LIMIT),
    "24 h": (flight(beat(up=86100.0)), OTHER, Cause.LIMIT),
    "near to 12 h, not at it": (flight(beat(up=42300.0)), OTHER, Cause.RECLAIMED),
    "a limit of one's own": (flight(beat(up=7000.0), limit="2h"), OTHER, Cause.LIMIT),
    "a limit of one's own that makes no sense": (flight(beat(up=7000.0), limit="soon"), OTHER, Cause.RECLAIMED),
    "a limit of one's own, from the session's start": (flight(beat(up=9e6), limit="1h", host="jupyter"), replace(OTHER, t=T + 9000), Cause.LIMIT),
    "12 h on a machine without a limit": (flight(beat(up=43100.0, cell=None), host="jupyter"), replace(OTHER, t=T + 9000), Cause.UNKNOWN),
    "12 h, and idle as well": (flight(DONE, IDLE | {"up": 43100.0}), OTHER, Cause.UNKNOWN),
    "idle": (flight(DONE, IDLE), OTHER, Cause.IDLE),
    "idle, and nothing tells of browsers": (flight(DONE, beat(cell=None, browser=None)), OTHER, Cause.IDLE),
    "idle, with a browser": (flight(DONE, beat(cell=None)), OTHER, Cause.UNKNOWN),
    "idle for a moment": (flight(event("cell-ended", 900), beat(cell=None, browser=None)), OTHER, Cause.UNKNOWN),
    "taken away": (flight(beat()), OTHER, Cause.RECLAIMED),
    "taken away, or RAM": (flight(beat(120, ram=[4 * GB, 12 * GB]), beat(ram=[8 * GB, 12 * GB])), OTHER, Cause.UNKNOWN),
    "read from another place": (flight(beat()), replace(OTHER, t=T + 9000, successor=False), Cause.UNKNOWN),
    "another machine, at the same store, just now": (flight(beat(), host="jupyter"), OTHER, Cause.RUNNING),
    "another machine, at the same store, later": (flight(beat(), host="jupyter"), replace(OTHER, t=T + 9000), Cause.RECLAIMED),
    "read from another place, just now": (flight(beat()), replace(OTHER, successor=False), Cause.RUNNING),
    "still there": (flight(beat()), replace(SAME, alive=True), Cause.RUNNING),
    "gone with its mount": (flight(
        event("store-lost", 30, text="Drive does not answer"), event("cell-failed", 20, name="train", error="OSError", text="[Errno 5] Input/output error"),
        event("shutdown", restart=True)), SAME, Cause.STORE),
    "errno 5 of something else": (flight(event("cell-failed", 20, error="OSError", text="[Errno 5] Input/output error"), event("shutdown", restart=True)), SAME, Cause.RESTARTED),
    "nothing but a start": (flight(), OTHER, Cause.UNKNOWN),
    "nothing at all": (Flight("s", {}, []), Here(T), Cause.UNKNOWN),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_rule_at_its_edges(name: str) -> None:
    found, here, cause = CASES[name]
    verdict = cause_of(found, here)
    assert verdict.cause is cause, verdict
    assert verdict.because
    assert (verdict.sure == "not known") == (cause is Cause.UNKNOWN)
    text = why_text(found, verdict, here)
    assert all(len(line) <= 120 for line in text.splitlines())
    assert "None" not in text
    assert why_line(found, verdict, here) is None or "\n" not in str(why_line(found, verdict, here))


def test_the_words_have_the_sessions_own_figures() -> None:
    leak = [beat(before, ram=[12 * GB - before * GB // 40, 12 * GB]) for before in range(160, 0, -10)]
    here = replace(SAME, oom_kills={"cgroup": 1, "machine": 6})
    text = why_text(flight(*leak), cause_of(flight(*leak), here), here)
    for part in ("RAM was exhausted (almost certain)", "11.8 GB of 12.0 GB", "1.5 GB a minute", "12.5 MB an iteration",
                 "epoch 3/50", "73% → 98%"):  # fmt: skip
        assert part in " ".join(text.split()), (part, text)
    late = flight(beat(up=43100.0))
    text = why_text(late, cause_of(late, OTHER), OTHER)
    for part in (
        "maximum age (almost certain)",
        "11 h 58 min",
        "the limit is 12 h.",
        "2 h of work were left",
        "one more",
    ):
        assert part in " ".join(text.split()), (part, text)


def test_what_else_was_so_is_said_but_not_blamed() -> None:
    lost = event("store-lost", 600, text="Drive does not answer")
    verdict = cause_of(flight(lost, beat(ram=[11.5 * GB, 12 * GB], up=43100.0, disk=[100 * GB, 100 * GB])), OTHER)
    assert verdict.cause is Cause.LIMIT
    for words in ("store was lost 10 min before", "RAM at the last beat", "disk was full"):
        assert words in " ".join(verdict.seen)


def test_a_loop_whose_end_nobody_knows_is_told_without_one() -> None:
    found = flight(beat(cell={"name": "train", "line": 3, "loops": [["epoch", 2, 5], ["batch", 12, None]]}))
    text = why_text(found, cause_of(found, OTHER), OTHER)
    assert "Running: train at line 3 (epoch 2/5, batch 12)." in text

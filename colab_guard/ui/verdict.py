"""Would I lose work now? One word, and why."""

from __future__ import annotations

from dataclasses import dataclass

from colab_guard.core.places import Place

LATE = 3  # intervals without a snapshot, and MARGIN_SECONDS: something holds it up
MARGIN_SECONDS = 60.0
SHORT_SECONDS = 20.0  # a cell that is not guarded, and takes no longer, is not worth a word
NEAR_LIMIT_SECONDS = 1800.0

SAFE, SAVING, RISK, NOT, ENDED = "Safe", "Saving", "At risk", "Not protected", "Last session ended"
TONES = {SAFE: "safe", SAVING: "saving", RISK: "risk", NOT: "bad", ENDED: "bad"}


@dataclass(frozen=True)
class Work:
    """What there is to lose. Times are seconds since 1970; None: never, or not known.

    ``name``: the running, else the last guarded cell; ``saved``, ``durable``: when its newest snapshots were taken;
    ``every``: the seconds between two; ``trouble``: why no snapshot is taken; ``durable_trouble``: why none is durable;
    ``two_tiers``: whether the store has a part that outlives this machine; ``plain_since``: since when a cell runs
    that is not guarded; ``limit_at``: when the runtime's time is up; ``ended``: how the last session ended.
    """

    place: Place
    on_vm: bool  # this machine may be taken away
    name: str | None = None
    running: bool = False
    finished: bool = False
    saving: bool = False
    saved: float | None = None
    durable: float | None = None
    every: float | None = None
    trouble: str = ""
    durable_trouble: str = ""
    two_tiers: bool = False
    plain_since: float | None = None
    limit_at: float | None = None
    ended: str = ""


def verdict(work: Work, now: float) -> dict[str, str]:
    """The field ``verdict`` of the state."""
    word, why = _judged(work, now)
    return {"word": word, "tone": TONES[word], "why": why}


def _judged(work: Work, now: float) -> tuple[str, str]:
    if work.name is None:
        if work.ended:
            return ENDED, work.ended
        return NOT, "nothing guarded yet: put `%%checkpointed` above the training cell"
    if work.trouble:
        return RISK, work.trouble
    if work.saved is None:
        return (SAVING, f"the first snapshot of `{work.name}`") if work.running else (NOT, "nothing is saved yet")
    if work.plain_since is not None and now - work.plain_since > SHORT_SECONDS:
        return NOT, f"the cell that runs is not guarded; `{work.name}` is saved, {{age:{work.saved:.1f}}} ago"
    if work.on_vm and not work.place.outlives_vm and not work.two_tiers:
        mount = "mount Drive to survive that" if "Drive" in work.place.survives else "choose a store that survives it"
        return RISK, f"a crash costs {_cost(work, work.saved)}, the end of this VM everything: {mount}"
    if work.two_tiers and work.durable_trouble:
        since = f"{{age:{work.durable:.1f}}}" if work.durable is not None else "all"
        return RISK, f"{work.durable_trouble}; {since} of work are on this machine only"
    if work.running and work.every is not None and now - work.saved > LATE * work.every + MARGIN_SECONDS:
        return RISK, f"a snapshot is due every {work.every:.0f} s, and the last was taken {{age:{work.saved:.1f}}} ago"
    if work.limit_at is not None and work.limit_at - now < NEAR_LIMIT_SECONDS and work.running:
        return RISK, f"the runtime's time is up in {{in:{work.limit_at:.0f}}}; `{work.name}` is saved and goes on"
    if work.saving:
        return SAVING, _safe(work)
    return SAFE, _safe(work)


def _safe(work: Work) -> str:
    assert work.saved is not None, "what was never saved is not safe"
    if not work.running and work.finished:
        done = f"`{work.name}` is done and saved"
        if not work.two_tiers:
            return done
        return f"{done}, and durable" if work.durable == work.saved else f"{done}; not durable yet"
    if not work.running:
        return f"`{work.name}` does not run; it is saved, {{age:{work.saved:.1f}}} ago"
    crash = f"a crash costs {_cost(work, work.saved)}"
    if not work.two_tiers:
        return crash
    vm = f"{{age:{work.durable:.1f}}}" if work.durable is not None else "all"
    return f"{crash}, losing the VM {vm}"


def _cost(work: Work, at: float) -> str:
    return f"{{age:{at:.1f}}}" if work.running else "nothing"

"""What snapshots on Drive cost a training, and how old what is durable becomes, at the bandwidth that the line has.

The real engine writes to the stand-in for Drive's mount (tests/standins: a FUSE file system that uploads what was
written, whole files one after another, at that bandwidth). The same training runs in four processes, each on one
thread for the same time: without snapshots, with snapshots in a plain folder, on Drive, and without again. Their steps
a second are compared: what a run with snapshots takes longer than the mean of those without, divided by the number of
its snapshots, is the cost of one; divided by 60 s it is the slowdown by a snapshot a minute. The A/A row is what the
second run without takes longer than the first, divided alike. On the machine's other core the stand-in runs as well,
of which the real Drive's own process takes the place.

The snapshots come so often, and are so large, that the line is always busy. Then what is durable is never older than
``2 U + I + W`` (see colab_guard.tiers): ``U`` is measured as the time from one durable snapshot to the next, ``I + W``
as the greatest age of the newest saved one. A line that does nothing else takes ``U`` = bytes ÷ bandwidth, and with
that nobody could be below ``2 U``. All is of the second half of the run.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import Row
from benchmarks.venvs import FOLDER, Unavailable, found_by
from colab_guard.core.words import size
from tests.standins.drive import Drive, MountRefusedError

MINUTE = 60.0  # seconds
MB = 10**6
EVERY_SECONDS = 0.4
LIMIT = 20  # so many times as long as it should a run takes at most, where the machine is too busy for two uploads
LOOK_SECONDS = 0.01  # between two looks at what is durable
BOUND = 0.5  # per cent


def rows(lines: Sequence[tuple[float, float, float]]) -> list[Row]:
    """The rows about lines of so many bytes a second, with snapshots that take so many seconds to upload, in trainings
    that run for so many.
    """
    if not os.path.exists("/dev/fuse"):
        return [Row("durable age on Drive", "could not be measured: there is no /dev/fuse here", "", None, "s")]
    FOLDER.mkdir(parents=True, exist_ok=True)
    found = list[Row]()
    for bandwidth, upload_seconds, run_seconds in lines:
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            try:
                found += _rows(Path(folder), bandwidth, round(bandwidth * upload_seconds), run_seconds)
            except (MountRefusedError, Unavailable) as reason:
                found.append(Row("durable age on Drive", f"could not be measured: {reason}", "", None, "s"))
    return found


def _rows(folder: Path, bandwidth: float, size_bytes: int, run_seconds: float) -> list[Row]:
    def run(store: Path | None) -> dict[str, Any]:
        command = [sys.executable, "-m", "benchmarks.drive", str(size_bytes), str(run_seconds), str(store or "")]
        given = {"COLAB_GUARD_DRIVE": str(drive.mount), "COLAB_GUARD_LOCAL": str(folder / "local")}
        return found_by(command, environment=given)

    with Drive(folder / "drive", bytes_per_second=bandwidth) as drive:
        plain = run(None)
        beside = run(folder / "plain")
        ours = run(drive.my_drive / "colab_guard" / "bench")
        again = run(None)
    step = (plain["step"] + again["step"]) / 2
    cost, others = ((one["step"] / step - 1) * one["every"] for one in (ours, beside))
    same = (again["step"] / plain["step"] - 1) * ours["every"]
    if "uploads" not in ours:
        raise Unavailable("two snapshots were not uploaded in time")
    u, sizes = max(ours["uploads"]), ours["bytes"]
    pace = statistics.median(one * bandwidth / sent for one, sent in zip(ours["uploads"], sizes, strict=True))
    memory, its_memory = (one["peak"] - plain["peak"] for one in (ours, beside))
    return [
        Row(
            f"a training, a snapshot of {size(max(sizes))} a minute, Drive at {size(bandwidth)}/s",
            f"{cost * 1e3:.1f} ms each: stall {ours['stall'] * 1e3:.1f} ms, threads {ours['threads'] * 1e3:.1f} ms",
            f"in a folder {others * 1e3:.1f} ms",
            cost / MINUTE * 100,
            "% slower",
            BOUND,
        ),
        Row(
            "– A/A: without beside without",
            f"{same * 1e3:.1f} ms",
            f"{ours['count']} snapshots, one each {ours['every']:.2f} s",
            same / MINUTE * 100,
            "% slower",
        ),
        Row(
            "– durable age at most",
            f"{ours['age']:.2f} s, of the newest saved {ours['saved']:.2f} s",
            f"2 U + I + W; nobody below {2 * min(sizes) / bandwidth:.2f} s",
            ours["age"],
            "s",
            round(2 * u + ours["saved"] + LOOK_SECONDS, 2),
        ),
        Row(
            "– U, one upload",
            f"{len(sizes)} of them, at most {u:.2f} s",
            f"bytes ÷ bandwidth, at most {max(sizes) / bandwidth:.2f} s; median of the ratios",
            pace,
            "×",
        ),
        Row(
            "– bandwidth as shown",
            f"{size(ours['shown'])}/s" if ours["shown"] else "none: too few bytes to tell",
            f"{size(bandwidth)}/s",
            ours["shown"] / bandwidth if ours["shown"] else None,
            "×",
        ),
        Row(
            "– peak memory beyond that without snapshots",
            f"{memory / MB:.0f} MB",
            f"in a folder {its_memory / MB:.0f} MB",
            (memory - its_memory) / MB,
            "MB more",
        ),
    ]


def train(size_bytes: int, run_seconds: float, store: str) -> dict[str, Any]:
    """Trains for so long, with snapshots in a store, if there is one. Seconds, and bytes."""
    import torch

    from benchmarks.engine import Engine
    from benchmarks.training import perceptron
    from colab_guard.tiers import opening

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model, optimizer, step = perceptron(size_bytes)
    namespace = {"__name__": "__main__", "model": model, "opt": optimizer}
    engine = Engine(Path(store), namespace, ["model", "opt"], lambda: opening.repository(store)) if store else None
    steps, stalls, seen = 0, list[float](), _Seen(Path(store))
    begun = looked = time.perf_counter()
    while (now := time.perf_counter()) - begun < run_seconds or (seen.is_short and now - begun < LIMIT * run_seconds):
        step()
        steps += 1
        if engine and now - begun > len(stalls) * EVERY_SECONDS:
            stalls.append(engine.save())
        if engine and now - looked > LOOK_SECONDS:
            looked = now
            seen.look(engine, settled=now - begun > run_seconds / 2)
    took = time.perf_counter() - begun
    found = {"step": took / steps, "peak": _peak_bytes()}
    if engine:
        seen.look(engine, settled=True)
        count = len(stalls)
        found |= {"count": count, "every": took / count, "stall": sum(stalls) / count}
        found |= {"threads": engine.background_seconds() / count, **seen.found()}
    return found


class _Seen:
    """What was seen of the durable ones in the second half of a run."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._age = self._saved = self._shown = 0.0
        self._newest, self._uploading = "", False
        self._since, self._uploads, self._bytes = 0.0, list[float](), list[int]()

    @property
    def is_short(self) -> bool:
        """Whether there are uploads, and too few of them have ended."""
        return self._uploading and len(self._uploads) < 2

    def look(self, engine: Any, settled: bool) -> None:
        """At what is durable now; nothing is settled before something is."""
        state, now = engine.durability, time.time()
        if state is None or state.newest is None:
            return
        self._uploading, settled = True, settled and bool(self._newest)
        if state.durable is not None and state.durable.name != self._newest:
            if settled:
                self._uploads.append(now - self._since)
                self._bytes.append(state.durable.new_bytes + (self._store / state.durable.name).stat().st_size)
            self._newest, self._since = state.durable.name, now
        if settled and state.durable is not None:
            self._age = max(self._age, now - state.durable.created)
            self._saved = max(self._saved, now - state.newest.created)
        self._shown = state.bytes_per_second or 0.0

    def found(self) -> dict[str, Any]:
        """The greatest ages, and each upload; nothing of a store that is a single folder."""
        if not self._uploads:
            return {}
        uploads = {"uploads": self._uploads, "bytes": self._bytes}
        return {"age": self._age, "saved": self._saved, "shown": self._shown, **uploads}


def _peak_bytes() -> int:
    match = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert match, "only Linux has FUSE here"
    return int(match[1]) * 1024


if __name__ == "__main__":
    print(json.dumps(train(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3])))

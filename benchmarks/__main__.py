"""``python -m benchmarks [--only PART …] [--gigabytes N] [--quick]`` prints one table.

A bound that is exceeded is marked and named at the end; the exit status is 0 all the same, for what a noisy machine
measures fails nothing.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import secrets
import sys
import time
from pathlib import Path

from benchmarks.measure import Row, table

GB = 10**9


def part(name: str, quick: bool, gigabytes: float) -> list[Row]:
    """The rows of one part; its module is imported when its turn comes, for most import torch."""
    module = importlib.import_module(f"benchmarks.{name}")
    few, size_bytes = 1 if quick else 3, 2 * 10**6 if quick else int(gigabytes * GB)
    arguments: dict[str, tuple[object, ...]] = {
        "loops": (10**5 if quick else 10**7, few),
        "functions": (10**4 if quick else 10**6, few),
        "start": (1 if quick else 7,),
        "flight": (3 if quick else 50,),
        "panel": (1.0 if quick else 60.0, 2 if quick else 20),
        "forward": (10**4 if quick else 10**6, few),
        "snapshots": (size_bytes, 10**3 if quick else 10**5, 1 if quick else 5),
        "peers": (size_bytes, few, *([("torch",)] if quick else [])),
        "session": (10**3 if quick else round(1 / gigabytes) or 1, *([()] if quick else [])),
        "training": (size_bytes // 2, *((1, 0.0) if quick else (os.cpu_count(), 100.0))),
        "drive": (((5e6, 0.3, 1.5),) if quick else ((20e3, 1.0, 12.0), (5e6, 1.0, 12.0), (50e6, 1.0, 12.0)),),
        "frameworks": (few, *([()] if quick else [])),
    }
    rows: list[Row] = module.rows(*arguments[name])
    return rows


PARTS = (
    "loops",
    "functions",
    "start",
    "flight",
    "panel",
    "forward",
    "snapshots",
    "peers",
    "session",
    "training",
    "drive",
    "frameworks",
)


def machine() -> str:
    """The machine, in words, without its name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.machine()
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--gigabytes", type=float, default=1.0, help="of the large state; needs 5 times as much memory")
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it works, proves nothing")
    options = parser.parse_args()
    os.environ["COLAB_GUARD_KEY"] = secrets.token_hex(32)  # or one would be made at home
    load, rows = os.getloadavg()[0], list[Row]()  # of others, before ours begins
    for name in options.only:
        begun = time.perf_counter()
        rows += part(name, options.quick, options.gigabytes)
        print(f"{name}: {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
    print(f"{machine()}; load {load:.1f}; best of several, in alternation\n\n{table(rows)}")
    exceeded = [row.what for row in rows if not row.held]
    if exceeded and not options.quick:
        print(f"\nexceeded: {', '.join(exceeded)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

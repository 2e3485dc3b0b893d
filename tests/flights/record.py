"""Makes recordings: `python -m tests.flights.record [PATTERN…]`; without a pattern, all that are not there yet."""

import fnmatch
import sys
import tempfile
import time
import traceback
from dataclasses import replace
from pathlib import Path

from tests.flights.lab import Recording
from tests.flights.makers import MAKERS

RECORDED = Path(__file__).parent / "recorded"


def main(patterns: list[str]) -> int:
    """Makes those whose names match; how many could not be made."""
    failed = 0
    for name, make in MAKERS.items():
        path = RECORDED / f"{name}.jsonl"
        if not (any(fnmatch.fnmatch(name, pattern) for pattern in patterns) if patterns else not path.exists()):
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="flight-") as folder:
            try:
                apart = path.exists() and Recording.read(path).apart
                replace(make(Path(folder)), apart=apart).write(path)
                print(f"{name}: {time.monotonic() - began:.1f} s, {path.stat().st_size:,} bytes", flush=True)
            except Exception:  # noqa: BLE001 - the others can be made all the same
                failed += 1
                print(f"{name} could not be made:\n{traceback.format_exc()}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))

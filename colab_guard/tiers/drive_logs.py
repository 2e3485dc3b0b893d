"""What Drive's own logs say of uploads that fail: the mount itself answers only errno 5, or nothing at all."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from pathlib import Path

FOLDER = Path("~/.config/Google/DriveFS/Logs")
FILES = ("drive_fs.txt", "timeouts.txt")
TAIL_BYTES = 100_000
RECENT_SECONDS = 3600.0  # without a line written since, what a log says is over
REASONS = {
    r"storage quota|storageQuotaExceeded|QUOTA_EXCEEDED": (
        "Drive says that its storage is full: empty its trash, or delete something there"
    ),
    r"userRateLimitExceeded|rateLimitExceeded": (
        "Drive says that too much was asked of it, and takes files more slowly for a while: it goes on by itself"
    ),
    r"downloadQuotaExceeded|quota for this file": (
        "Drive says that a file was read too often today: it goes on by itself, within a day"
    ),
    r"deadlineExceeded|QueryManager timed out": (
        "Drive answers too late: folders with very many files slow it down, and it may go on by itself"
    ),
}


def reason(logs: Path = FOLDER) -> str:
    """The newest reason in the logs, in words; empty where they have none."""
    found = ""
    for name in FILES:
        with suppress(OSError):
            with open(logs.expanduser() / name, "rb") as file:
                stat = os.fstat(file.fileno())
                if time.time() - stat.st_mtime > RECENT_SECONDS:
                    continue
                file.seek(max(0, stat.st_size - TAIL_BYTES))
                text = file.read().decode("utf-8", "replace")
            ends = {match.start(): why for pattern, why in REASONS.items() for match in re.finditer(pattern, text)}
            found = found or (ends[max(ends)] if ends else "")
    return found

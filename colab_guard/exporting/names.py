"""Names of variables as names of files, on any system."""

from __future__ import annotations

import re
import unicodedata

RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(\..*)?", re.IGNORECASE)  # devices on Windows
LENGTH = 120  # bytes in UTF-8, of the 255 that a file name may have on most systems


def safe(text: str) -> str:
    """A part of a file's name: letters, digits, ``._-``, no device of Windows', not hidden."""
    kept = "".join(c if c.isalnum() or c in "_-." else "_" for c in unicodedata.normalize("NFC", text))
    kept = kept.encode()[:LENGTH].decode(errors="ignore").rstrip(".")
    kept = f"_{kept[1:]}" if kept.startswith(".") else kept
    return f"_{kept}" if not kept or RESERVED.fullmatch(kept) else kept


class Stems:
    """Gives each name a stem that no other has, also where the file system takes upper and lower case for one."""

    def __init__(self) -> None:
        self._taken = {"export", "variables"}  # what is ours

    def of(self, name: str) -> str:
        """A new stem for that name."""
        stem, number = safe(name), 1
        while (found := stem if number == 1 else f"{stem}-{number}").casefold() in self._taken:
            number += 1
        self._taken.add(found.casefold())
        return found

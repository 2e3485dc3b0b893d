"""What can be seen of a repository from outside while a kernel writes it: names in its folders."""

import os
import time
from contextlib import suppress
from pathlib import Path


class StoreView:
    """Watches the repository that will appear somewhere below *root*."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: list[str] = []

    def names(self) -> set[str]:
        """All names in packs/ and snapshots/, temporary ones too. Some 10 µs: made to be called in a loop."""
        if len(self._folders) < 2:
            self._folders = [str(path) for name in ("packs", "snapshots") for path in self._root.rglob(name)]
        found: set[str] = set()
        for folder in self._folders:
            with os.scandir(folder) as entries:
                found.update(entry.name for entry in entries)
        return found

    def manifests(self) -> list[Path]:
        """The manifests that are listed."""
        return sorted(self._root.rglob("snapshots/*.json"))

    def torn(self) -> set[str]:
        """Traces of a write that was cut off: temporary files, and packs that no manifest mentions."""
        manifests = [path.name + _text(path) for path in self.manifests()]
        packs = {path.name for path in self._root.rglob("packs/*.pack")}
        orphans = {name for name in packs if not any(Path(name).stem in text for text in manifests)}
        return orphans | {path.name for path in self._root.rglob("*.tmp")}

    def newest_age_seconds(self) -> float | None:
        """How long ago the newest manifest was committed; None without one."""
        times = [path.stat().st_mtime for path in self.manifests()]
        return time.time() - max(times) if times else None


def _text(path: Path) -> str:
    with suppress(FileNotFoundError):  # somebody prunes
        return path.read_text()
    return ""

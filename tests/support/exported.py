"""A store written by one process, exported by another that has no notebook, read back by a third: the test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SAVING = "\nimport colab_guard as cg\nsaved = cg.save(store={store!r}); print(saved)\n"
IN_A_NOTEBOOK = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "colab_guard")
done = shell.run_cell({cell!r})
sys.exit(not done.success)
"""


def run(folder: Path, arguments: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """A process of its own, in a folder."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def saved_by(source: str, store: Path, folder: Path, **environment: str) -> None:
    """A script that makes variables and saves them."""
    script = folder / "writer.py"
    script.write_text(source + SAVING.format(store=str(store)))
    done = run(folder, [str(script)], **environment)
    assert done.returncode == 0, done.stderr


def guarded_by(source: str, store: Path, folder: Path, options: str = "") -> None:
    """A notebook in which a guarded cell ran to its end."""
    script = folder / "notebook.py"
    script.write_text(IN_A_NOTEBOOK.format(cell=f"%%checkpointed train --store {store} {options}\n{source}"))
    done = run(folder, [str(script)], IPYTHONDIR=str(folder / "ipython"))
    assert done.returncode == 0, done.stdout + done.stderr


def export(
    store: Path, folder: Path, *arguments: str, code: int = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The command line, in another process and folder, with warnings as errors."""
    done = run(folder, ["-W", "error", "-m", "colab_guard.cli", "export", str(store), *arguments], **environment)
    assert done.returncode == code, done.stdout + done.stderr
    return done


class Found:
    """An export, read with nothing of ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = json.loads((folder / "export.json").read_text(), parse_constant=_no_constant)
        self.rows, self.left_out = self.index["variables"], self.index["left_out"]

    def file(self, name: str) -> Path:
        """The one file of a variable."""
        (only,) = self.rows[name]["files"]
        return self.folder / only

    def plain(self, name: str) -> Any:
        """A variable that is in a JSON text."""
        (found,) = [one for one in self.rows[name]["files"] if one.endswith(".json")]
        content = json.loads((self.folder / found).read_text(encoding="utf-8"), parse_constant=_no_constant)
        return content[name] if found == "variables.json" else content

    def all_bytes(self) -> bytes:
        """Of all files."""
        return b"".join(one.read_bytes() for one in sorted(self.folder.iterdir()))


def _no_constant(text: str) -> Any:
    raise AssertionError(f"{text} is no JSON")

"""A virtual environment for each peer, made below build/bench/ when it is first needed, and kept.

Each sees the packages of the environment that runs the benchmarks, torch among them: pip never brings another
torch, which would be several GB, and all are measured on the same one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "bench"
REQUIREMENTS = {
    "dill": "dill==0.4.1",
    "safetensors": "safetensors==0.8.0",
    "torchsnapshot": "torchsnapshot==0.1.0",
    "kishu": "kishu==0.3.4",
}
KEPT = ("torch", "numpy", "pandas")  # in the versions that are there
PIP_SECONDS = 400


class Unavailable(Exception):
    """A peer could not be installed or run here; says why."""


def python_of(peer: str) -> str:
    """The interpreter that has this peer; the one that runs this for what comes with torch. Raises Unavailable."""
    if peer not in REQUIREMENTS:
        return sys.executable
    folder, requirement = FOLDER / f"venv-{peer}", REQUIREMENTS[peer]
    ready, python = folder / ".ready", folder / "bin" / "python"
    if not (ready.exists() and ready.read_text() == requirement):
        print(f"installing {requirement} into {folder} …", file=sys.stderr, flush=True)
        _make(folder, python, requirement)
        ready.write_text(requirement)
    return str(python)


def _make(folder: Path, python: Path, requirement: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(folder)])
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (folder / "lib" / version / "site-packages" / "beside.pth").write_text(sysconfig.get_paths()["purelib"])
    constraints = folder / "constraints.txt"
    constraints.write_text("".join(f"{name}=={metadata.version(name).partition('+')[0]}\n" for name in KEPT))
    _run([str(python), "-m", "pip", "install", "--quiet", "-c", str(constraints), requirement])


def found_by(command: list[str], limit_seconds: float = 300, environment: Mapping[str, str] | None = None) -> Any:
    """What a process started in the repository's root prints last, as JSON. Raises Unavailable."""
    done = _run(command, limit_seconds, {**os.environ, **(environment or {})})
    return json.loads(done.splitlines()[-1])


def _run(command: list[str], limit_seconds: float = PIP_SECONDS, environment: Mapping[str, str] | None = None) -> str:
    try:
        return subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=limit_seconds,
        ).stdout
    except subprocess.CalledProcessError as error:
        raise Unavailable((error.stderr or error.stdout).strip().splitlines()[-1]) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(str(error)) from error

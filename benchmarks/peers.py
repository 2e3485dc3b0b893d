"""What others make a training wait for: run as a process of its own for each, in the environment that has it.

``python -m benchmarks.peers PEER BYTES REPEATS FOLDER`` prints what it found as one line of JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, best_of, seconds
from benchmarks.venvs import FOLDER, Unavailable, found_by, python_of

PEERS = {
    "dcp": "DCP `async_save`",
    "dcp-kept": "DCP `async_save`, its stager kept",
    "torchsnapshot": "torchsnapshot `async_take`",
    "torch": "`torch.save` + fsync",
    "safetensors": "safetensors + fsync",
    "dill": "dill + fsync",
}

Tensors = dict[str, Any]
Wait = Callable[[], Any]
Save = Callable[[Tensors, Path], Wait]  # returns when the training may go on, with what waits for the rest


def rows(size_bytes: int, repeats: int, peers: tuple[str, ...] = tuple(PEERS)) -> list[Row]:
    """A row for each: its stall beside a copy of the same state in its own process."""
    return [_row(peer, size_bytes, repeats) for peer in peers]


def _row(peer: str, size_bytes: int, repeats: int) -> Row:
    what = f"the same {size_bytes / 1e9:g} GB: {PEERS[peer]}"
    try:
        found = _measured(peer, size_bytes, repeats)
    except Unavailable as reason:
        return Row(what, "", f"could not be run: {reason}", None, "×")
    wrong = f"; **{found['torn']} tensors torn**" if found["torn"] else ""
    share = found["bytes"] / size_bytes
    said = (
        f"stall {found['stall']:.3f} s, copy {found['copy']:.3f} s; saved after {found['saved']:.1f} s, {share:.2f} ×"
    )
    return Row(what, "", f"{said} the bytes{wrong}", found["stall"] / found["copy"], "×")


def _measured(peer: str, size_bytes: int, repeats: int) -> dict[str, Any]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    python = python_of(peer.partition("-")[0])
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        command = [python, "-m", "benchmarks.peers", peer, str(size_bytes), str(repeats), folder]
        found: dict[str, Any] = found_by(command)
    return found


# ---- in the peer's process ------------------------------------------------------------------------------


def dcp(tensors: Tensors, folder: Path, stager: Any = None) -> Wait:
    """As documented, with no process group."""
    from torch.distributed import checkpoint

    future: Any = checkpoint.async_save(tensors, checkpoint_id=folder, no_dist=True, async_stager=stager)
    return future.result  # type: ignore[no-any-return]


def dcp_kept() -> Save:
    """With a stager, which keeps its memory from one to the next."""
    from torch.distributed.checkpoint.staging import DefaultStager, StagingOptions

    stager = DefaultStager(StagingOptions(False, False, False, False))
    return lambda tensors, folder: dcp(tensors, folder, stager)


def dcp_load(folder: Path, tensors: Tensors) -> Tensors:
    """Into new tensors."""
    import torch
    from torch.distributed import checkpoint

    loaded = {name: torch.empty_like(tensor) for name, tensor in tensors.items()}
    checkpoint.load(loaded, checkpoint_id=folder, no_dist=True)
    return loaded


def torchsnapshot(tensors: Tensors, folder: Path) -> Wait:
    """Its asynchronous form."""
    from torchsnapshot import Snapshot, StateDict

    pending = Snapshot.async_take(str(folder), {"state": StateDict(**tensors)})
    return pending.wait  # type: ignore[no-any-return]


def torchsnapshot_load(folder: Path, tensors: Tensors) -> Tensors:
    """Into new tensors."""
    import torch
    from torchsnapshot import Snapshot, StateDict

    loaded = StateDict(**{name: torch.empty_like(tensor) for name, tensor in tensors.items()})
    Snapshot(str(folder)).restore({"state": loaded})
    return dict(loaded)


def in_file(write: Callable[[Tensors, Path], None]) -> Save:
    """What holds the training until the file is durable."""

    def save(tensors: Tensors, folder: Path) -> Wait:
        folder.mkdir()
        write(tensors, folder / "state")
        with open(folder / "state", "rb") as file:
            os.fsync(file.fileno())
        return lambda: None

    return save


def torch_file(tensors: Tensors, path: Path) -> None:
    """With torch.save."""
    import torch

    torch.save(tensors, path)


def safetensors_file(tensors: Tensors, path: Path) -> None:
    """With safetensors."""
    from safetensors.torch import save_file

    save_file(tensors, path)


def dill_file(tensors: Tensors, path: Path) -> None:
    """With dill."""
    import dill

    with open(path, "wb") as file:
        dill.dump(tensors, file)


def measure(peer: str, size_bytes: int, repeats: int, folder: Path) -> dict[str, Any]:
    """Stall and copy in alternation, with one thread; then one more save, changed as soon as the peer allows it."""
    import torch

    from benchmarks.state import change, large, model_and_adam, sample, torn

    torch.set_num_threads(1)
    tensors = large(*model_and_adam(size_bytes))
    spare = {name: torch.zeros_like(tensor) for name, tensor in tensors.items()}
    target = folder / "saved"
    saves: dict[str, Save] = {
        "dcp": dcp,
        "dcp-kept": dcp_kept(),
        "torchsnapshot": torchsnapshot,
        "torch": in_file(torch_file),
        "safetensors": in_file(safetensors_file),
        "dill": in_file(dill_file),
    }
    save, saved = saves[peer], list[float]()

    def stall() -> float:
        shutil.rmtree(target, ignore_errors=True)
        change(tensors.values())
        wait: list[Wait] = []
        held = seconds(lambda: wait.append(save(tensors, target)))
        saved.append(held + seconds(wait[0]))
        return held

    def copy() -> float:
        return seconds(lambda: [spare[name].copy_(tensor) for name, tensor in tensors.items()])

    held, copied = best_of(repeats, stall, copy)
    written = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    loads = {"dcp": dcp_load, "dcp-kept": dcp_load, "torchsnapshot": torchsnapshot_load}
    wrong = 0
    if peer in loads:
        shutil.rmtree(target)
        then = sample(tensors)
        wait = save(tensors, target)
        change(tensors.values())
        wait()
        wrong = torn(loads[peer](target, tensors), then)
    return {"stall": held, "copy": copied, "saved": min(saved), "bytes": written, "torn": wrong}


if __name__ == "__main__":
    arguments = sys.argv[1:]
    print(json.dumps(measure(arguments[0], int(arguments[1]), int(arguments[2]), Path(arguments[3]))))

"""What a snapshot costs while the cell waits, and what it takes to come back, beside torch's own files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, best_of, seconds
from colab_guard.capture.take import take
from colab_guard.resume.loading import Load
from colab_guard.saving import Blobs
from colab_guard.store.repository import Repository
from colab_guard.store.retention import Retention


def rows(size_bytes: int, repeats: int) -> list[Row]:
    """The rows about a state of so many bytes of float32, in 20 tensors, all changed before each snapshot."""
    import torch

    torch.set_num_threads(1)
    tensors = [torch.randn(size_bytes // 80) for _ in range(20)]
    namespace: dict[str, Any] = {"__name__": "__main__", "tensors": tensors}
    with tempfile.TemporaryDirectory() as folder:
        repository = Repository.open(Path(folder) / "store")
        file = Path(folder) / "state.pt"

        def snapshot() -> float:
            for tensor in tensors:
                tensor.add_(1)
            return seconds(commit)

        def commit() -> Any:
            taken = take(namespace, ["tensors"], {}, frozenset())
            manifest = repository.commit("bench", {"names": taken.names}, [taken.skeleton, taken.table, *taken.memory])
            repository.prune("bench", Retention(1))
            return manifest

        def save() -> None:
            with file.open("wb") as out:
                torch.save(tensors, out)
                out.flush()
                os.fsync(out.fileno())

        ours, theirs = best_of(repeats, snapshot, lambda: seconds(save))
        manifest = commit()

        def restore() -> None:
            Load(Blobs(repository, manifest), {}, frozenset()).variables(manifest.body["names"])

        back, load = best_of(repeats, lambda: seconds(restore), lambda: seconds(lambda: torch.load(file)))
    megabytes = f"{size_bytes / 1e6:.0f} MB"
    return [
        Row(
            f"snapshot of {megabytes}, all changed",
            f"{ours:.2f} s",
            f"torch.save + fsync {theirs:.2f} s",
            ours / theirs,
            "×",
        ),
        Row(f"restore of {megabytes}", f"{back:.2f} s", f"torch.load {load:.2f} s", back / load, "×"),
    ]

"""Cells above that make data, and a guarded cell that has it linked, in one session after the other."""

import ast
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, TensorDataset

from colab_guard.capture.links import check, choose
from colab_guard.capture.select import names_in
from colab_guard.capture.take import Taken, take
from colab_guard.resume.loading import Load
from tests.support.dying import Held

SMALL = 1000  # bytes: where linking begins, in place of 256 MB


class Notebook:
    """Cells above that make data, and a guarded cell that uses it, in one session after the other."""

    def __init__(self, above: str, cell: str, asked: tuple[str, ...] = (), threshold_bytes: int = SMALL) -> None:
        self.above, self.module = above, ast.parse(cell)
        self.namespace = self.session()
        stored = {n.id for n in ast.walk(self.module) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
        self.names = names_in(self.module) | {name for name in self.namespace if name.endswith("_too")}
        self.links = choose(self.namespace, self.names, self.module, stored, asked, threshold_bytes)

    def session(self) -> dict[str, Any]:
        namespace: dict[str, Any] = {"__name__": "__main__", "np": np, "torch": torch, "pd": pd,
                                     "TensorDataset": TensorDataset, "DataLoader": DataLoader}  # fmt: skip
        exec(self.above, namespace)
        return namespace

    def take(self) -> Taken:
        return take(self.namespace, self.names, {}, frozenset(), links=self.links)

    def next_life(self, taken: Taken | None = None) -> dict[str, Any]:
        """What a new session has after the restore, the session's own values under ``old``."""
        taken = taken or self.take()
        new = self.session()
        check(taken.links, new)
        held = Held(taken)
        return {"old": dict(new), **new, **Load(held, new, frozenset()).variables(held.names)}


def stored_bytes(taken: Taken) -> int:
    return sum(len(bytes(blob)) for blob in (taken.skeleton, taken.table, *taken.memory))


BIG = "rng = np.random.default_rng(1)\nX = rng.normal(size=(1000, 8))\n"

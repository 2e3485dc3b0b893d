"""The notebook that a session's state is measured on: 40 arrays of 10 MB, a DataFrame of 100 MB, a small perceptron
with Adam, some of it under two names; then ten cells that each change one thing.
"""

from __future__ import annotations

import hashlib
import pickle
from typing import Any

ARRAYS = 40


def beginning(scale: int) -> list[str]:
    """The cells that make the variables, ``scale`` times smaller for a quick look."""
    numbers, rows = 10_000_000 // 8 // scale, 100_000_000 // 8 // 20 // scale
    arrays = [f"array_{number} = rng.random({numbers})" for number in range(ARRAYS)]
    return [
        "import collections, numpy as np, pandas as pd, torch",
        "\n".join(["rng = np.random.default_rng(0)", *arrays]),
        f"frame = pd.DataFrame(rng.random(({rows}, 20)), columns=[f'c{{n}}' for n in range(20)])",
        MODEL,
        REST,
    ]


MODEL = """
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
first_layer = model[0]
"""
REST = """
head = array_1[:1000]
same = array_2
settings = {"depth": 2, "names": ["a", "b"], "lr": 1e-3}
names = settings["names"]
history = []
seen = collections.Counter()
best = None
_kept = "a name that begins with an underscore"
"""
SMALL = "small"
ARRAY = "one array"
CELLS = [  # what a cell changes, and the cell
    (SMALL, "learning_rate = 1e-4"),
    (SMALL, "history.append({'epoch': 1, 'loss': 0.5})"),
    (ARRAY, "array_3 += 1"),
    (SMALL, "model(torch.randn(8, 64)).sum().backward(); opt.step(); opt.zero_grad()"),
    (ARRAY, "head[0] = 7.0"),
    (SMALL, "names.append('c')"),
    (SMALL, "seen.update(['a', 'b', 'a'])"),
    (ARRAY, "array_4 = array_4 * 2"),
    (SMALL, "best = (1, 0.5)"),
    (SMALL, "for group in opt.param_groups: group['lr'] *= 0.5"),
]
ALIASES = {  # what holds when all is well
    "head is a view of array_1": lambda ns: _shared(ns["head"], ns["array_1"]),
    "same is array_2": lambda ns: ns["same"] is ns["array_2"],
    "names is settings['names']": lambda ns: ns["names"] is ns["settings"]["names"],
    "first_layer is model[0]": lambda ns: ns["first_layer"] is ns["model"][0],
    "opt trains model": lambda ns: ns["opt"].param_groups[0]["params"][0] is ns["model"][0].weight,
}
VALUES = [
    *(f"array_{number}" for number in range(ARRAYS)),
    *("head", "same", "frame", "model", "opt", "first_layer", "settings", "names", "history", "seen", "best"),
    *("_kept", "learning_rate", "rng"),
]


def facts(namespace: dict[str, Any]) -> dict[str, str]:
    """A digest of each value, and of each alias whether it holds; a value that is not there is missing."""
    found = {name: _digest(namespace[name]) for name in VALUES if name in namespace}
    for alias, holds in ALIASES.items():
        try:
            found[alias] = str(bool(holds(namespace)))
        except (KeyError, AttributeError, TypeError, IndexError):
            found[alias] = "False"
    return found


def compared(before: dict[str, str], after: dict[str, str]) -> str:
    """What is not as it was, in words."""
    wrong = [name for name in before if name in VALUES and name in after and after[name] != before[name]]
    missing = [name for name in before if name in VALUES and name not in after]
    broken = [name for name in before if name in ALIASES and after.get(name) != before[name]]
    parts = [("wrong", wrong), ("missing", missing), ("no longer true", broken)]
    said = [f"{what}: {', '.join(_shortened(names))}" for what, names in parts if names]
    return "; ".join(said) or "every value right, every alias kept"


def _shortened(names: list[str]) -> list[str]:
    return names if len(names) < 8 else [*names[:6], f"and {len(names) - 6} more"]


def _shared(view: Any, array: Any) -> bool:
    import numpy as np

    return bool(np.shares_memory(view, array))


def _digest(value: Any) -> str:
    import pandas as pd
    import torch

    if isinstance(value, pd.DataFrame):
        value = (list(value.columns), value.to_numpy())
    elif isinstance(value, torch.nn.Module):
        value = {name: tensor.numpy() for name, tensor in value.state_dict().items()}
    elif isinstance(value, torch.optim.Optimizer):
        state = value.state_dict()
        numbers = {k: {n: t.numpy() for n, t in part.items()} for k, part in state["state"].items()}
        value = (numbers, state["param_groups"])
    elif hasattr(value, "bit_generator"):
        value = value.bit_generator.state
    return hashlib.sha256(_plain(value)).hexdigest()


def _plain(value: Any) -> bytes:
    """Bytes that are the same for equal values, however their parts are shared."""
    import numpy as np

    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}".encode() + np.ascontiguousarray(value).tobytes()
    if isinstance(value, dict):
        return b"".join(pickle.dumps(key) + _plain(part) for key, part in value.items())
    if isinstance(value, (list, tuple)):
        return b"".join(map(_plain, value))
    return repr(value).encode()

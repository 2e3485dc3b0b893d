"""A stand-in for wandb: runs that begin, are resumed by their id, and log to a list that outlives the "process".

Shows what colab_guard asks of wandb. It can't show that wandb answers so: that was tried by hand with wandb 0.31,
offline, and never against its server.
"""

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Config(dict[str, Any]):
    """What describes a run; its attributes are its items."""

    def __getattr__(self, name: str) -> Any:
        return self[name]

    def __reduce__(self) -> Any:
        raise RecursionError("as the real one, which looks for its items before it has them")


class Run:
    """A run; like the real one it can be pickled, and then means nothing to another process."""

    def __init__(self, module: types.ModuleType, facts: dict[str, Any]) -> None:
        self._module, self._facts, self.step = module, facts, 0
        self.config = Config(facts.pop("config", {}))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._facts.get(name)

    def __reduce__(self) -> Any:
        return str, ("a token of another process",)

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_: object) -> None:
        self._module.finish()

    def log(self, data: dict[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        self.step = self.step if step is None else step
        if data:
            self._module.logged.append((self.id, self.step, data))
            self.step += 1


@contextmanager
def installed() -> Iterator[types.ModuleType]:
    """The stand-in as ``import wandb`` finds it. ``logged``: all there was; ``begun``: the arguments of each run;
    ``new_process()`` forgets the run, as the death of a kernel does.
    """
    wandb: Any = types.ModuleType("wandb")
    wandb.run, wandb.logged, wandb.begun, wandb.Config = None, [], [], Config

    def init(**facts: Any) -> Run:
        assert wandb.run is None, "the real one gives the run that is there, whatever it is asked for"
        wandb.begun.append(dict(facts))
        wandb.run = Run(wandb, {"id": f"run{len(wandb.begun)}", **facts})
        wandb.log = wandb.run.log
        wandb.config = wandb.run.config
        return wandb.run

    def finish() -> None:
        wandb.run = None

    wandb.init, wandb.finish, wandb.new_process = init, finish, finish
    modules = {
        "wandb": wandb,
        "wandb.sdk.wandb_run": types.SimpleNamespace(Run=Run),
        "wandb.sdk.wandb_config": types.SimpleNamespace(Config=Config),
    }
    for kind in (Run, Config):
        kind.__module__ = f"wandb.sdk.wandb_{kind.__name__.lower()}"
    sys.modules.update(modules)
    try:
        yield wandb
    finally:
        for name in modules:
            del sys.modules[name]

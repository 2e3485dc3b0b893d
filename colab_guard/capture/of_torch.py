"""What torch has beside tensors: storages, modules that are parametrized or compiled, gradient scalers.

torch pickles these in ways that would change the training: a compiled module comes back as a plain one, a storage as
a copy that no tensor shares, a parametrized module or a scaler in the middle of a step not at all.
"""

from __future__ import annotations

import gc
import sys
import types
from typing import TYPE_CHECKING, Any

from colab_guard.capture import locks, remake, tensors

if TYPE_CHECKING:
    from colab_guard.capture.pickler import Pickler

COMPILED_IN = "torch._dynamo.eval_frame"


def kinds(torch: Any) -> list[tuple[type, Any]]:
    """The classes, with how to reduce them."""
    found = [
        (torch.UntypedStorage, reduce_storage),
        (torch.storage.TypedStorage, reduce_typed_storage),
        (torch.jit.ScriptModule, locks.refuse),
        (torch.nn.Module, reduce_module),
        (torch.amp.GradScaler, reduce_scaler),
    ]
    return [*compiled_kinds(), *found]


def compiled_kinds() -> list[tuple[type, Any]]:
    """Those of torch.compile, once it was called."""
    module = sys.modules.get(COMPILED_IN)
    return [(module.OptimizedModule, reduce_compiled_module)] if module else []


def reduce_storage(pickler: Pickler, storage: Any) -> Any:
    """A storage, shared with its tensors."""
    if storage.device.type not in ("cpu", "cuda"):
        return NotImplemented
    return remake.storage, (tensors._region(pickler, storage), str(storage.device))


def reduce_typed_storage(pickler: Pickler, storage: Any) -> Any:
    """The older kind, in which torch hands over quantized tensors and conjugate views."""
    return remake.typed_storage, (storage._untyped_storage, storage.dtype)


def reduce_module(pickler: Pickler, module: Any) -> Any:
    """A module that has hooks, is compiled in place, or has parametrizations, for which torch made it a class; others,
    and those that pickle in a way of their own, do so.
    """
    kind: Any = type(module)
    base, state = kind.__base__, dict(vars(module))
    if "parametrizations" in module._modules and kind.__name__ == f"Parametrized{base.__name__}":
        return remake.parametrized, (base,), state, None, None, remake.parametrized_state
    special = state.get("_compiled_call_impl") is not None or any("_hooks" in name and state[name] for name in state)
    plain: Any = sys.modules["torch"].nn.Module
    ways = ("__getstate__", "__reduce__", "__reduce_ex__")
    if not special or any(getattr(kind, way) is not getattr(plain, way) for way in ways):
        return NotImplemented
    return remake.module, (kind,), state, None, None, remake.module_state


def reduce_scaler(pickler: Pickler, scaler: Any) -> Any:
    """A gradient scaler; what it keeps of an optimizer between ``unscale_`` and ``update`` goes by the optimizer."""
    state = dict(vars(scaler))
    under_way = state.pop("_per_optimizer_states", {})
    owners = [one for one in gc.get_objects() if id(one) in under_way] if under_way else []
    return (
        remake.scaler,
        (type(scaler),),
        (state, [(owner, under_way[id(owner)]) for owner in owners]),
        None,
        None,
        remake.scaler_state,
    )


def reduce_compiled_module(pickler: Pickler, module: Any) -> Any:
    """The module around which ``torch.compile`` put this one; compiled again when it is called."""
    return remake.compiled, (module._orig_mod, *_options(module.dynamo_ctx))


def reduce_compiled(pickler: Pickler, function: types.FunctionType) -> Any:
    """A function that ``torch.compile`` or ``torch.compiler.disable`` made of another."""
    inner = function._torchdynamo_orig_callable  # type: ignore[attr-defined]
    if getattr(function, "_torchdynamo_disable", False):
        return remake.not_compiled, (inner,)
    config = function.get_compiler_config  # type: ignore[attr-defined]
    return remake.compiled, (inner, *_options(config.__closure__[0].cell_contents))


def is_compiled(function: types.FunctionType) -> bool:
    """Whether torch made it of another function."""
    own = function.__globals__.get("__name__") == COMPILED_IN
    return own and hasattr(function, "_torchdynamo_orig_callable")


def _options(context: Any) -> tuple[Any, ...]:
    """The backend, and the options, that ``torch.compile`` was called with."""
    backend: Any = sys.modules[COMPILED_IN].innermost_backend(context.callback)
    options: dict[str, Any] = {"dynamic": context._dynamic, "fullgraph": getattr(context, "fullgraph", False)}
    if hasattr(backend, "compiler_fn"):
        name: Any = backend.compiler_name
        return (name if isinstance(name, str) and name else backend.compiler_fn), options | backend.kwargs
    if hasattr(backend, "compiler_name") and hasattr(backend, "config"):
        return backend.compiler_name, options | ({"options": backend.config} if backend.config else {})
    raise TypeError("compiled in a way that can't be told")

"""Canonical digests of values, bit for bit. Runs inside the kernels: standard library only.

Two values have the same digest exactly if nothing a program can see differs: every bit of every number,
types, order where order counts, dtypes and shapes, training flags, gradients, states of random generators,
what an object's attributes hold. Where memory lies and which objects are shared is not part of a value's
digest; `digests` adds one entry, "(sharing)", that is.
"""

import hashlib
import json
import random
import struct
import sys
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any


def digests(namespace: dict[str, Any], names: Iterable[str]) -> dict[str, str]:
    """A digest for each variable, for each global random state, and for what they share among them."""
    walk = Walk()
    result = {name: walk.digest(namespace[name]) if name in namespace else "(absent)" for name in names}
    result["(sharing)"] = walk.sharing()
    result |= {f"({name} state)": Walk().digest(state) for name, state in random_states().items()}
    return result


def write_digests(namespace: dict[str, Any], names: Iterable[str], path: str) -> None:
    """`digests`, as a JSON file."""
    Path(path).write_text(json.dumps(digests(namespace, names)))


def random_states() -> dict[str, Any]:
    """The global random states of the libraries that are imported."""
    states: dict[str, Any] = {"random": random.getstate()}
    if numpy := sys.modules.get("numpy"):
        states["numpy"] = numpy.random.get_state()
    if torch := sys.modules.get("torch"):
        states["torch"] = torch.get_rng_state()
    return states


class Walk:
    """One walk over values. Remembers what it met, for `sharing`, and so that cycles end."""

    def __init__(self) -> None:
        self._met: dict[int, tuple[int, Any]] = {}  # id → (order, the object kept alive so that its id is)
        self._meetings: list[int] = []
        self._memory: list[tuple[int, int]] = []  # [start, end) of each array and tensor met
        self._path: list[int] = []

    def digest(self, value: Any) -> str:
        """The digest of *value*, as hex."""
        return self._digest(value).hex()

    def sharing(self) -> str:
        """A digest of which of the mutable objects met were the same ones, and which arrays overlap."""
        overlaps = [
            (i, j)
            for i, (start, end) in enumerate(self._memory)
            for j, (other_start, other_end) in enumerate(self._memory[:i])
            if start < other_end and other_start < end
        ]
        return hashlib.sha256(repr((self._meetings, overlaps)).encode()).hexdigest()

    def _digest(self, value: Any) -> bytes:
        if id(value) in self._path:  # a cycle: how many levels up
            level = len(self._path) - self._path.index(id(value))
            return _hash(b"cycle", [str(level).encode()])
        if _mutable(value):
            order, _ = self._met.setdefault(id(value), (len(self._met), value))
            self._meetings.append(order)
        self._path.append(id(value))
        try:
            tag = f"{type(value).__module__}.{type(value).__qualname__}".encode()
            return _hash(tag, self._parts(value))
        finally:
            self._path.pop()

    def _parts(self, value: Any) -> Iterator[bytes]:
        numpy, torch, pandas = (sys.modules.get(name) for name in ("numpy", "torch", "pandas"))
        if value is None or isinstance(value, bool | int):
            yield str(value).encode()
        elif isinstance(value, float):
            yield struct.pack("<d", value)
        elif isinstance(value, complex):
            yield struct.pack("<dd", value.real, value.imag)
        elif isinstance(value, str):
            yield value.encode(errors="surrogatepass")
        elif isinstance(value, bytes | bytearray):
            yield bytes(value)
        elif isinstance(value, range | slice):
            yield repr(value).encode()
        elif numpy and isinstance(value, numpy.ndarray | numpy.generic):
            yield from self._numpy(value, numpy)
        elif numpy and isinstance(value, numpy.random.Generator):
            yield self._digest(value.bit_generator.state)
        elif numpy and isinstance(value, numpy.random.RandomState):
            yield self._digest(value.get_state())
        elif torch and isinstance(value, torch.Tensor):
            yield from self._tensor(value, torch)
        elif torch and isinstance(value, torch.Generator):
            yield self._digest(value.get_state())
        elif torch and isinstance(value, torch.dtype | torch.device | torch.Size):
            yield repr(value).encode()
        elif torch and isinstance(value, torch.nn.Module):
            yield from self._module(value)
        elif torch and (isinstance(value, torch.optim.Optimizer) or _is_scheduler(value)):
            yield self._digest(value.state_dict())
        elif pandas and isinstance(value, pandas.DataFrame | pandas.Series | pandas.Index):
            yield from self._pandas(value)
        elif isinstance(value, random.Random):
            yield self._digest(value.getstate())
        else:
            yield from self._python(value)

    def _python(self, value: Any) -> Iterator[bytes]:
        if isinstance(value, types.ModuleType):
            yield value.__name__.encode()
            return
        if isinstance(value, type):
            yield from self._class(value)
            return
        if isinstance(value, types.FunctionType):
            closure = [cell.cell_contents for cell in value.__closure__ or ()]
            held = (value.__qualname__, value.__defaults__, value.__kwdefaults__, vars(value), closure)
            yield from map(self._digest, held)
            return
        if isinstance(value, dict):
            for key, held in value.items():
                yield self._digest(key)
                yield self._digest(held)
        elif isinstance(value, set | frozenset):
            yield from sorted(map(self._digest, value))
        elif isinstance(value, list | tuple) or type(value).__name__ == "deque":
            yield from map(self._digest, value)
            yield str(getattr(value, "maxlen", None)).encode()
        elif not hasattr(value, "__dict__") and not hasattr(type(value), "__slots__"):
            yield from map(self._digest, value.__reduce_ex__(4)[1:3])
            return
        if type(value) not in (dict, set, frozenset, list, tuple):
            kinds = type(value).__mro__
            slots = [name for kind in kinds for name in _names(vars(kind).get("__slots__", ()))]
            yield self._digest({name: getattr(value, name) for name in slots if hasattr(value, name)})
            yield self._digest(dict(getattr(value, "__dict__", {})))

    def _class(self, value: type) -> Iterator[bytes]:
        yield value.__qualname__.encode()
        if value.__module__ == "__main__":
            for name, held in sorted(vars(value).items()):
                if not (name.startswith("__") and name.endswith("__")) and not hasattr(held, "__get__"):
                    yield name.encode()
                    yield self._digest(held)

    def _numpy(self, value: Any, numpy: Any) -> Iterator[bytes]:
        yield f"{value.dtype.str} {value.shape}".encode()
        if value.dtype.hasobject:
            yield self._digest(value.tolist())
        else:
            yield numpy.ascontiguousarray(value).tobytes()
        if value.size and isinstance(value, numpy.ndarray):
            bounds = getattr(numpy, "byte_bounds", None) or numpy.lib.array_utils.byte_bounds
            self._memory.append(bounds(value))

    def _tensor(self, value: Any, torch: Any) -> Iterator[bytes]:
        yield f"{value.dtype} {tuple(value.shape)} {value.requires_grad} {value.device}".encode()
        held = value.detach().cpu().contiguous()
        yield held.reshape(-1).view(torch.uint8).numpy().tobytes()
        if value.numel() and value.device.type == "cpu":
            last = sum((size - 1) * step for size, step in zip(value.shape, value.stride(), strict=True))
            start = value.data_ptr()
            self._memory.append((start, start + (last + 1) * value.element_size()))
        if value.is_leaf and value.grad is not None:
            yield self._digest(value.grad)

    def _module(self, value: Any) -> Iterator[bytes]:
        yield self._digest({name: module.training for name, module in value.named_modules()})
        yield self._digest(dict(value.named_parameters(remove_duplicate=False)))
        yield self._digest(dict(value.named_buffers(remove_duplicate=False)))
        public = {name: held for name, held in vars(value).items() if not name.startswith("_")}
        yield self._digest(public)

    def _pandas(self, value: Any) -> Iterator[bytes]:
        if type(value).__name__ == "DataFrame":
            yield self._digest([value.index, value.columns])
            yield from (self._digest(value.iloc[:, i]) for i in range(value.shape[1]))  # names may repeat
        else:  # the values one by one: how blocks of memory are shared is pandas' own affair
            yield f"{value.dtype} {value.name}".encode()
            yield from (Walk()._digest(held) for held in value.tolist())
            if type(value).__name__ == "Series":
                yield self._digest(value.index)


def _hash(tag: bytes, parts: Iterable[bytes]) -> bytes:
    result = hashlib.sha256()
    for part in (tag, *parts):
        result.update(len(part).to_bytes(8, "little"))
        result.update(part)
    return result.digest()


def _mutable(value: Any) -> bool:
    """Whether it matters that two names mean one object: not for numbers, text, code."""
    if type(value).__module__ == "numpy":
        return type(value).__name__ == "ndarray"
    plain = (int, float, complex, str, bytes, tuple, frozenset, range, slice, type(None))
    code = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType)
    return not isinstance(value, plain + code)


def _is_scheduler(value: Any) -> bool:
    return type(value).__module__.startswith("torch.optim") and hasattr(value, "state_dict")


def _names(slots: Any) -> tuple[str, ...]:
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(name for name in names if name not in ("__dict__", "__weakref__"))

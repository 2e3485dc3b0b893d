"""A fingerprint of a value, equal in two sessions if and only if the value is; its parts; the memory it lies in.

Not that of its pickle: what a pickle looks like depends on which equal strings happen to be one object, and on
the order of sets. So the value is walked: plain values by content, arrays and tensors by dtype, shape, strides and
the bytes of the whole memory they look at, DataFrames by column, anything else by what it pickles as. Functions and
classes count by name.
"""

from __future__ import annotations

import copyreg
import ctypes
import marshal
import pickle
import sys
import types
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import xxhash

from colab_guard.capture.arrays import bounds, is_dense, owner_of

PLAIN = frozenset({int, float, complex, bool, str, bytes, type(None), type(...)})
BY_NAME = (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType)
CANONICAL = 2  # the last version of marshal that does not look at identities
MOST_OBJECTS = 10_000  # that are looked at where nobody asked for it: some 0.1 s
CHUNK_BYTES = 64 * 1024 * 1024  # of a GPU's memory, copied at a time

Step = tuple[str, Any]
Path = tuple[Step, ...]


class Unlinkable(Exception):
    """The value, or a part of it, is none that stays as it is, or has no fingerprint. The text says what."""


@dataclass(frozen=True)
class Memory:
    """The addresses from ``low`` up to ``high`` of an address space (``"cpu"``, ``"cuda:0"``), all of which
    ``holder``, an array or a tensor, looks at or is a view of.
    """

    space: str
    low: int
    high: int
    holder: Any = field(compare=False)


@dataclass
class Survey:
    """``parts``: the objects in the value that can be found again in an equal one, by identity."""

    fingerprint: str
    parts: dict[int, tuple[Path, Any]]
    memories: list[Memory]

    @property
    def size_bytes(self) -> int:
        """Of the arrays and tensors."""
        return sum(memory.high - memory.low for memory in set(self.memories))


def survey(value: object, *, fingerprint: bool = True) -> Survey:
    """Walks ``value``; without ``fingerprint`` its bytes are not read, and MOST_OBJECTS are the limit.

    Raises Unlinkable.
    """
    walk = _Walk(fingerprint)
    try:
        walk.visit(value, ())
    except Unlinkable:
        raise
    except Exception as error:
        raise Unlinkable(f"{type(value).__qualname__} has no fingerprint: {error}") from error
    return Survey(walk.hash.hexdigest(), walk.parts, walk.memories)


def memory_of(holder: Any) -> Memory:
    """The memory that an array or a dense tensor is a view of, whole."""
    if hasattr(holder, "untyped_storage"):
        storage = holder.untyped_storage()
        return Memory(str(storage.device), storage.data_ptr(), storage.data_ptr() + storage.nbytes(), holder)
    return Memory("cpu", *bounds(owner_of(holder)), holder)


def follow(value: Any, path: Path) -> Any:
    """The part of ``value`` that ``path`` leads to. Raises LookupError where it leads nowhere."""
    for kind, key in path:
        if kind == "item":
            value = value[key]
        elif kind == "attribute":
            value = vars(value)[key]
        else:
            number, layout = key
            blocks = value._mgr.blocks
            if number >= len(blocks) or _layout(blocks[number]) != layout:
                raise LookupError("its columns lie in memory in another way")
            value = blocks[number].values
    return value


class _Walk:
    def __init__(self, fingerprint: bool) -> None:
        self.hash = xxhash.xxh3_128()
        self.parts: dict[int, tuple[Path, Any]] = {}
        self.memories: list[Memory] = []
        self._reads = fingerprint
        self._seen: dict[int, int] = {}
        self._alive: list[Any] = []
        self._numbers: dict[Memory, int] = {}
        self._numpy: Any = sys.modules.get("numpy")
        self._torch: Any = sys.modules.get("torch")
        self._pandas: Any = sys.modules.get("pandas")
        if self._torch is not None and not hasattr(self._torch, "Tensor"):
            self._torch = None

    def visit(self, thing: Any, path: Path | None) -> None:
        """Adds ``thing``; ``path`` leads to it from the value, None where no path can."""
        kind = type(thing)
        if kind in PLAIN:
            self._note(thing)
        elif isinstance(thing, BY_NAME):
            self._note("by name", getattr(thing, "__module__", None), getattr(thing, "__qualname__", thing.__name__))
        elif self._numpy and isinstance(thing, self._numpy.generic | self._numpy.dtype):
            self._note(str(thing.dtype if hasattr(thing, "dtype") else thing), repr(thing))
        elif kind is not tuple and id(thing) in self._seen:
            self._note("again", self._seen[id(thing)])
        else:
            self._alive.append(thing)
            if not self._reads and len(self._alive) > MOST_OBJECTS:
                raise Unlinkable("it has too many parts to be looked at in each snapshot")
            if kind is not tuple:  # whether equal tuples are one object depends on how they were made
                self._seen[id(thing)] = len(self._seen)
            if path is not None and (kind is not tuple or thing):
                self.parts.setdefault(id(thing), (path, thing))
            self._structure(thing, kind, path)

    def _structure(self, thing: Any, kind: type, path: Path | None) -> None:
        numpy, torch, pandas = self._numpy, self._torch, self._pandas
        if kind in (list, tuple):
            self._items(thing, path)
        elif kind is dict:
            self._note("dict", len(thing))
            for key, value in thing.items():
                self.visit(key, None)
                self.visit(value, _longer(path, "item", key) if type(key) in (str, int) else None)
        elif kind in (set, frozenset):
            self._note("set", sorted(survey(item, fingerprint=self._reads).fingerprint for item in thing))
        elif numpy and kind in (numpy.ndarray, numpy.memmap):
            self._array(thing, path)
        elif torch and isinstance(thing, torch.Tensor):
            self._tensor(thing, path)
        elif torch and isinstance(thing, torch.nn.Module | torch.optim.Optimizer):
            raise Unlinkable(f"{kind.__qualname__} is trained")
        elif pandas and kind in (pandas.DataFrame, pandas.Series):
            self._frame(thing, path)
        elif kind is pickle.PickleBuffer or kind is bytearray:
            self._note(kind.__name__, len(memoryview(thing)))
            self._bytes(memoryview(thing))
        else:
            self._object(thing, kind, path)

    def _items(self, thing: Any, path: Path | None) -> None:
        self._note(type(thing).__name__, len(thing))
        if set(map(type, thing)) <= PLAIN:
            if self._reads:
                self._bytes(marshal.dumps(thing, CANONICAL))
            return
        for number, item in enumerate(thing):
            self.visit(item, _longer(path, "item", number))

    def _array(self, array: Any, path: Path | None) -> None:
        geometry = [str(array.dtype.descr), array.shape, _strides(array), bool(array.flags.writeable)]
        if array.dtype.hasobject:
            self._note("objects", *geometry)
            if self._reads:
                self._items(array.ravel(order="K").tolist(), None)
            return
        owner = owner_of(array)
        memory = memory_of(array)
        self._note("array", *geometry, array.ctypes.data - memory.low)
        self._memory(memory, path, None if is_dense(owner) else owner)

    def _tensor(self, tensor: Any, path: Path | None) -> None:
        torch = self._torch
        if tensor.requires_grad:
            raise Unlinkable("a tensor with gradients is trained")
        strided = tensor.layout is torch.strided and tensor.device.type in ("cpu", "cuda")
        if type(tensor) is not torch.Tensor or not strided or tensor.is_quantized:
            raise Unlinkable(f"a tensor of kind {type(tensor).__qualname__}, {tensor.layout}, on {tensor.device}")
        self._note("tensor", str(tensor.dtype), str(tensor.device), tensor.storage_offset(), *tensor.shape)
        self._note(*tensor.stride(), tensor.is_conj(), tensor.is_neg())
        self.visit(tensor.__dict__, None)
        self._memory(memory_of(tensor), path)

    def _frame(self, frame: Any, path: Path | None) -> None:
        # By column, for pandas moves columns together in memory when it likes.
        columns = [frame.iloc[:, number] for number in range(frame.shape[1])] if frame.ndim == 2 else [frame]
        self._note(type(frame).__name__, frame.shape)
        for part in [frame.columns if frame.ndim == 2 else frame.name, frame.index, frame.attrs]:
            self.visit(part, None)
        for column in columns:
            values = column.array
            self._note(str(column.dtype))
            if not isinstance(column.dtype, self._numpy.dtype):
                self.visit(values, None)
            elif column.dtype.hasobject:
                if self._reads:
                    self._items(column.tolist(), None)
            elif self._reads:
                self._bytes(self._numpy.ascontiguousarray(column.to_numpy()).view(self._numpy.uint8))
        for number, block in enumerate(frame._mgr.blocks):
            values = block.values
            if type(values) is self._numpy.ndarray and not values.dtype.hasobject and is_dense(values):
                step = _longer(path, "block", (number, _layout(block)))
                if step is not None:
                    self.parts.setdefault(id(values), (step, values))
                self._alive.append(values)
                self.memories.append(Memory("cpu", *bounds(values), values))

    def _object(self, thing: Any, kind: type, path: Path | None) -> None:
        special = copyreg.dispatch_table.get(kind)
        reduced = special(thing) if special else thing.__reduce_ex__(5)
        if isinstance(reduced, str):
            self.parts.pop(id(thing), None)
            self._note("by name", reduced)
            return
        state, items, pairs = (*reduced[2:5], None, None, None)[:3]
        self._note("object", len(reduced))
        self.visit(reduced[:2], None)
        own = getattr(thing, "__dict__", {})
        if type(state) is dict:
            self._note("state", len(state))
            for key, value in state.items():
                self.visit(key, None)
                self.visit(value, _longer(path, "attribute", key) if own.get(key) is value else None)
        else:
            self.visit(state, None)
        for more in (items, pairs):
            self.visit(list(more) if more is not None else None, None)

    def _memory(self, memory: Memory, path: Path | None, owner: Any = None) -> None:
        if path is not None or not self._reads:
            self.memories.append(memory)
        if memory in self._numbers:
            self._note("same memory", self._numbers[memory])
            return
        self._numbers[memory] = len(self._numbers)
        self._alive.append(memory.holder)
        self._note("memory", memory.high - memory.low)
        if not self._reads or memory.low == memory.high:
            return
        if owner is not None:  # with gaps, which are not its own
            self._bytes(owner.tobytes())
        elif memory.space == "cpu":
            self._bytes(memoryview((ctypes.c_char * (memory.high - memory.low)).from_address(memory.low)).cast("B"))
        else:
            flat = self._torch.empty(0, dtype=self._torch.uint8, device=memory.space)
            flat.set_(memory.holder.untyped_storage())
            for start in range(0, len(flat), CHUNK_BYTES):
                self._bytes(memoryview(flat[start : start + CHUNK_BYTES].cpu().numpy()))

    def _note(self, *values: Any) -> None:
        if self._reads:
            self._bytes(marshal.dumps(values, CANONICAL))

    def _bytes(self, data: Any) -> None:
        if self._reads:
            self.hash.update(data)


def _longer(path: Path | None, kind: str, key: Any) -> Path | None:
    return None if path is None else (*path, (kind, key))


def _strides(array: Any) -> Iterable[int]:
    # Those of axes without extent mean nothing, and differ by how the array was made.
    return [stride for stride, length in zip(array.strides, array.shape, strict=True) if length > 1]


def _layout(block: Any) -> str:
    values = block.values
    where = xxhash.xxh3_128(block.mgr_locs.as_array.tobytes())
    where.update(repr((values.dtype, values.shape, values.strides)).encode())
    return where.hexdigest()

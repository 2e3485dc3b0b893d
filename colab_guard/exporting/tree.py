"""A value as JSON, what JSON can't hold as references to tensors and files beside it.

Dicts, lists, tuples, sets and dataclasses become objects and arrays; modules, optimizers and schedulers what their
``state_dict`` says. What is not plain JSON is an object with one of these keys, which begin with a ``$``:
``{"$tensor": key}`` in the .safetensors beside it, ``{"$file": name}``, ``{"$float": "nan"}``,
``{"$complex": [0.0, 1.0]}``, ``{"$bytes": base64}``, ``{"$items": [[key, value], …]}`` (a dict whose keys are no texts
or numbers), ``{"$object": class, …}`` (an object of a class of the user's, with its ``attributes``),
``{"$left_out": reason}``.
"""

from __future__ import annotations

import base64
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import json
import math
import pathlib
import re
import sys
import types
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from colab_guard.capture.secrets import LostSecret
from colab_guard.capture.standin import StandIn
from colab_guard.exporting import objects, tensors
from colab_guard.exporting.elsewhere import MaskedText, Remnant
from colab_guard.exporting.leaves import LeftOut, frame_of, is_array, is_table, picture_of, write_array
from colab_guard.exporting.names import safe
from colab_guard.exporting.sharing import Sharing
from colab_guard.exporting.target import Folder
from colab_guard.loops.kinds import is_random, random_state_of

PARTS = 50_000_000  # of one variable: more is a mistake, or objects that hold each other over and over
AS_TEXT = (pathlib.PurePath, decimal.Decimal, fractions.Fraction, uuid.UUID, range, slice)
LISTS = (list, tuple, set, frozenset, collections.deque)
Path = tuple[str, ...]


class Tree:
    """One variable on its way into files: ``tensors`` by key, ``files`` beside, ``left_out`` parts, ``remarks``."""

    def __init__(
        self, name: str, stem: str, folder: Folder, sharing: Sharing, damaged: Mapping[int, tuple[Any, str]]
    ) -> None:
        self.name, self.stem = name, stem
        self.tensors: dict[str, Any] = {}
        self.files: list[str] = []
        self.left_out: dict[str, str] = {}
        self.remarks: list[str] = []
        self._folder, self._sharing, self._damaged = folder, sharing, damaged
        self._inside: set[int] = set()  # what is being written, to notice what contains itself
        self._parts = 0

    def of(self, value: Any, path: Path = ()) -> Any:
        """The value as JSON. Raises LeftOut where all of it has no plain form; parts of it are noted, and left out."""
        self._parts += 1
        if self._parts > PARTS:
            raise LeftOut(f"it has more than {PARTS:,} parts")
        kind = type(value)
        if value is None or kind in (bool, int, str):
            return value
        if kind is float:
            return value if math.isfinite(value) else {"$float": str(value)}
        if id(value) in self._inside:
            raise LeftOut("it contains itself")
        if id(value) in self._damaged:
            raise LeftOut(f"it could not be filled here: {self._damaged[id(value)][1]}")
        self._inside.add(id(value))
        try:
            return self._made(value, path)
        finally:
            self._inside.discard(id(value))

    def part(self, value: Any, path: Path) -> Any:
        """A part of the value; where it has no plain form, that is noted."""
        try:
            return self.of(value, path)
        except LeftOut as error:
            if not path:
                raise
            self.left_out[".".join((self.name, *path))] = str(error)
            return {"$left_out": str(error)}

    def _made(self, value: Any, path: Path) -> Any:
        if isinstance(value, LostSecret | MaskedText):
            raise LeftOut("it held a secret, which is not stored")
        if isinstance(value, StandIn):
            raise LeftOut(f"{value.__reduce__()[1][0]} could not be kept in the snapshot")
        if isinstance(value, dict | types.MappingProxyType):
            return self._dict(value, path)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return self._dict(dict(zip(value._fields, value, strict=False)), path)
        if isinstance(value, LISTS):
            return self._list(value, path)
        if isinstance(value, complex):
            return {"$complex": [self.of(float(value.real)), self.of(float(value.imag))]}
        if isinstance(value, bytes | bytearray | memoryview):
            if not path:
                return self._file(".bin", path, lambda file: file.write(value))
            return {"$bytes": base64.b64encode(value).decode()}
        if tensors.is_tensor(value):
            return self._tensor(value, path)
        if is_array(value):
            return self._array(value, path)
        if is_table(value):
            return self._table(value, path)
        if (scalar := _scalar(value)) is not NotImplemented:
            return self.part(scalar, path)
        if (picture := picture_of(value)) is not None:
            return self._file(".png", path, lambda file: file.write(picture))
        if is_random(value):
            state = self.part(random_state_of(value), (*path, "state"))
            return {"$object": objects.type_name(value), "state": state}
        return self._object(value, path)

    def _dict(self, value: Mapping[Any, Any], path: Path) -> Any:
        keys = [_key(key) for key in value]
        plain = [key for key in keys if key is not None and not key.startswith("$")]
        if len(set(plain)) < len(value):
            pairs = enumerate(value.items())
            return {"$items": [self._list((key, item), (*path, str(number))) for number, (key, item) in pairs]}
        return {key: self.part(item, (*path, key)) for key, item in zip(plain, value.values(), strict=True)}

    def _list(self, value: Iterable[Any], path: Path) -> list[Any]:
        if isinstance(value, set | frozenset):
            value = sorted(value, key=lambda one: (type(one).__name__, repr(one)))
        return [self.part(item, (*path, str(number))) for number, item in enumerate(value)]

    def _object(self, value: Any, path: Path) -> Any:
        if dataclasses.is_dataclass(value) and not isinstance(value, type | Remnant):
            names = [field.name for field in dataclasses.fields(value) if hasattr(value, field.name)]
            return self._dict({name: getattr(value, name) for name in names}, path)
        if isinstance(value, Remnant):
            found = objects.remains(value)
        elif (state := objects.state_of(value)) is not None:
            return self.part(state, path)
        else:
            found = objects.contents(value)
        if found is None:
            raise LeftOut(objects.reason(value))
        if isinstance(value, Remnant):
            self.remarks.append(f"{'.'.join((self.name, *path))}: only the contents, for {objects.reason(value)}")
        if list(found) == ["state_dict"]:
            return self.part(found["state_dict"], path)
        return {"$object": objects.type_name(value)} | {key: self.part(part, path) for key, part in found.items()}

    def _tensor(self, value: Any, path: Path) -> Any:
        import torch

        if value.layout is torch.sparse_coo:
            flat = value.detach().coalesce()
            parts = {"indices": flat.indices(), "values": flat.values(), "shape": list(flat.shape)}
            return {"$object": "torch.sparse_coo", "attributes": self._dict(parts, path)}
        if tensors.fits(value):
            self._sharing.note(self.name, value)
            return self._beside(value, path)
        if value.layout is torch.strided and value.dtype.is_complex:
            self._sharing.note(self.name, value)
            return self._file(".npy", path, lambda file: write_array(file, value.detach().cpu().resolve_conj().numpy()))
        raise LeftOut(f"a tensor of {value.dtype}, {value.layout} has no form in safetensors")

    def _array(self, value: Any, path: Path) -> Any:
        import numpy as np

        self._sharing.note(self.name, value)
        if isinstance(value, np.ma.MaskedArray):
            parts = {"data": np.asarray(value.data), "mask": np.ma.getmaskarray(value)}
            return self._dict(parts, path)
        if value.dtype.hasobject:
            return self._list(value.tolist(), path) if value.ndim else self.part(value.item(), path)
        if (path or value.dtype.kind == "V") and tensors.fits(value):
            return self._beside(value, path)
        return self._file(".npy", path, lambda file: write_array(file, value))

    def _table(self, value: Any, path: Path) -> Any:
        frame = frame_of(value)
        try:
            return self._file(".parquet", path, frame.to_parquet)
        except OSError:
            raise
        except ImportError:
            why = "Parquet needs pyarrow or fastparquet, and neither is installed"
        except Exception as error:  # noqa: BLE001 - each engine has errors of its own
            why = f"Parquet can't hold it ({' '.join(str(error).split())[:200]})"
        self.remarks.append(f"{'.'.join((self.name, *path))}: written as CSV, which keeps no types: {why}")
        return self._file(".csv", path, frame.to_csv)

    def _beside(self, value: Any, path: Path) -> dict[str, str]:
        wanted = ".".join(path) if path else self.name
        key = wanted = wanted.encode("utf-8", "backslashreplace").decode()
        number = 1
        while key in self.tensors or key == tensors.METADATA:
            number += 1
            key = f"{wanted}~{number}"
        self.tensors[key] = value
        return {"$tensor": key}

    def _file(self, suffix: str, path: Path, write: Callable[[Any], object]) -> dict[str, str]:
        name = stem = f"{self.stem}.{safe('.'.join(path))}" if path else self.stem
        number = 1
        while f"{name}{suffix}".casefold() in map(str.casefold, self.files):
            number += 1
            name = f"{stem}-{number}"
        name += suffix
        try:
            with self._folder.new(name) as file:
                write(file)
        except BaseException:
            self._folder.remove([name])
            raise
        self.files.append(name)
        return {"$file": name}


def _key(key: Any) -> str | None:
    """A key as JSON has it, None for one that it can't have."""
    if type(key) is str:
        return key
    if key is None or type(key) is bool:
        return json.dumps(key)
    if type(key) in (int, float):
        return repr(key)
    scalar = _scalar(key)
    return None if scalar is NotImplemented else _key(scalar)


def _scalar(value: Any) -> Any:
    """A simpler value for one that is not made of others; NotImplemented for all else."""
    if isinstance(value, enum.Enum):
        return f"{type(value).__qualname__}.{value.name}"
    if isinstance(value, bool | int | float | str):
        return next(kind(value) for kind in (int, float, str) if isinstance(value, kind))  # of a class of its own
    if type(value).__module__.partition(".")[0] == "pandas" and type(value).__name__ in ("NaTType", "NAType"):
        return None
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, re.Pattern):
        return value.pattern
    if isinstance(value, AS_TEXT):
        return str(value)
    return _of_libraries(value)


def _of_libraries(value: Any) -> Any:
    numpy, torch, pandas = (sys.modules.get(name) for name in ("numpy", "torch", "pandas"))
    if numpy is not None and isinstance(value, numpy.generic) and value.dtype.kind in "biufcSUmM":
        item = value.item() if value.dtype.kind in "biufcSU" else str(value)
        return str(value) if isinstance(item, numpy.generic) else item
    texts = [numpy.dtype] if numpy is not None else []
    texts += [torch.dtype, torch.device, torch.layout] if torch is not None and hasattr(torch, "layout") else []
    texts += [pandas.Period, pandas.Interval] if pandas is not None and hasattr(pandas, "Interval") else []
    return str(value) if isinstance(value, tuple(texts)) else NotImplemented

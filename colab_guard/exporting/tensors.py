"""The safetensors format, written as https://github.com/huggingface/safetensors#format has it.

By ourselves, for the library refuses tensors that share memory, holds all of them in memory at once, and need not be
installed: here each is made contiguous and written by itself. What shares memory is written each time, so that a
state_dict is complete for whoever reads it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO

METADATA = "__metadata__"
DTYPES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16",
    "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2",
    "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8",
    "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8", "bool": "BOOL",
}  # fmt: skip
NATIVE = "<" if sys.byteorder == "little" else ">"


def is_tensor(value: object) -> bool:
    """Whether it is one of torch's."""
    torch = sys.modules.get("torch")
    return torch is not None and hasattr(torch, "Tensor") and isinstance(value, torch.Tensor)


def dtype_name(value: Any) -> str:
    """Of a tensor or an array: ``float32``."""
    return value.dtype.name if hasattr(value.dtype, "name") else str(value.dtype).removeprefix("torch.")


def fits(value: Any) -> bool:
    """Whether the format has its type and layout."""
    if dtype_name(value) not in DTYPES:
        return False
    torch = sys.modules.get("torch")
    return not is_tensor(value) or (value.layout is torch.strided and not value.is_nested and not value.is_meta)  # type: ignore[union-attr]


def write(file: BinaryIO, tensors: Mapping[str, Any]) -> None:
    """Tensors and arrays by name, all of which fit."""
    # Larger elements first, so that each begins at a multiple of its own size, as readers that map the file need it.
    order = sorted(tensors, key=lambda name: -_itemsize(tensors[name]))
    header: dict[str, Any] = {METADATA: {"format": "pt"}}  # which transformers asks for
    end = 0
    for name in order:
        begin, end = end, end + _count(tensors[name]) * _itemsize(tensors[name])
        shape = [int(length) for length in tensors[name].shape]
        header[name] = {"dtype": DTYPES[dtype_name(tensors[name])], "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for name in order:
        file.write(_bytes(tensors[name]))


def _itemsize(value: Any) -> int:
    return int(value.dtype.itemsize)


def _count(value: Any) -> int:
    count = 1
    for length in value.shape:
        count *= int(length)
    return count


def _bytes(value: Any) -> memoryview:
    """Its elements in the order of the rows, little-endian."""
    import numpy as np

    if is_tensor(value):
        import torch

        plain = value.detach().cpu().resolve_conj().resolve_neg().contiguous()
        return memoryview(plain.reshape(-1).view(torch.uint8).numpy()) if plain.numel() else memoryview(b"")
    rows = np.ascontiguousarray(np.asarray(value)).reshape(-1)
    if rows.dtype.byteorder == ">" or (rows.dtype.byteorder == "=" and NATIVE == ">"):
        rows = rows.astype(rows.dtype.newbyteorder("<"))
    return memoryview(rows.view(np.uint8)) if rows.size else memoryview(b"")

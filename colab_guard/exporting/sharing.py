"""Which variables looked at the same memory."""

from __future__ import annotations

from typing import Any

from colab_guard.exporting.tensors import is_tensor


class Sharing:
    """Notes where arrays and tensors lie, by variable."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, int, str]] = []
        self._alive: list[Any] = []  # memory that is given back is used again

    def note(self, name: str, value: Any) -> None:
        """One array or tensor of a variable."""
        span = _span(value)
        if span is not None and span[0] < span[1]:
            self._spans.append((*span, name))
            self._alive.append(value)

    def groups(self) -> list[list[str]]:
        """The variables that share memory, those that do with one another together."""
        leaders: dict[str, str] = {name: name for _, _, name in self._spans}

        def leader(name: str) -> str:
            while leaders[name] != name:
                name = leaders[name]
            return name

        end, last = -1, ""
        for low, high, name in sorted(self._spans):
            if low < end:
                first, second = sorted((leader(last), leader(name)))
                leaders[second] = first
            if high > end:
                end, last = high, name
        found: dict[str, list[str]] = {}
        for name in sorted(leaders):
            found.setdefault(leader(name), []).append(name)
        return [names for names in found.values() if len(names) > 1]


def _span(value: Any) -> tuple[int, int] | None:
    if is_tensor(value):
        import torch

        if value.layout is not torch.strided or value.is_nested or value.is_meta:
            return None
        item, start, strides = (
            value.element_size(),
            value.data_ptr(),
            [n * value.element_size() for n in value.stride()],
        )
    else:
        item, start, strides = value.itemsize, value.__array_interface__["data"][0], list(value.strides)
    if 0 in value.shape:
        return None
    reach = [(length - 1) * stride for length, stride in zip(value.shape, strides, strict=True)]
    low = start + sum(one for one in reach if one < 0)
    return low, start + sum(one for one in reach if one > 0) + item

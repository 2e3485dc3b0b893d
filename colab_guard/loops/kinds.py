"""What state consists of besides Python's own objects: arrays, tensors, generators of random numbers.

Libraries are looked at only where somebody imported them.
"""

from __future__ import annotations

import random
import sys
from typing import Any


def is_tensor(value: object) -> bool:
    """Whether it is one of torch's."""
    torch = sys.modules.get("torch")
    return torch is not None and hasattr(torch, "Tensor") and isinstance(value, torch.Tensor)


def is_parameter(value: object) -> bool:
    """Whether it is a weight of a module."""
    return is_tensor(value) and hasattr(sys.modules["torch"], "nn") and isinstance(
        value, sys.modules["torch"].nn.Parameter
    )  # fmt: skip


def is_array(value: object) -> bool:
    """Whether it is a numpy array or a torch tensor."""
    numpy = sys.modules.get("numpy")
    return is_tensor(value) or (numpy is not None and isinstance(value, numpy.ndarray))


def fits(old: Any, new: Any) -> bool:
    """Whether one can take the other's numbers: the same shape, type and device. All else fits."""
    if not is_array(new):
        return True
    fits = tuple(old.shape) == tuple(new.shape) and old.dtype == new.dtype
    return fits and (not is_tensor(new) or old.device == new.device)


def described(value: Any) -> str:
    """What it is, in words: for arrays their type, shape and device."""
    if not is_array(value):
        return f"a {type(value).__qualname__}"
    where = f" on {value.device}" if is_tensor(value) and value.device.type != "cpu" else ""
    return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}{where}"


def copy(old: Any, new: Any) -> None:
    """Gives an array the numbers of another of its shape and type."""
    if old is new:
        return
    if not is_tensor(new):
        if old.flags.writeable:
            old[...] = new
        return
    if old.stride() == new.stride():
        old.detach().copy_(new.detach())
    else:
        old.data = new.detach()  # another order of the axes would make kernels sum in another order
    if old.is_leaf and old.requires_grad != new.requires_grad:
        old.requires_grad_(new.requires_grad)


def is_random(value: object) -> bool:
    """Whether it is a generator of random numbers: of ``random``, of numpy, of torch."""
    kinds: list[Any] = [random.Random]
    if numpy := sys.modules.get("numpy.random"):
        kinds += [numpy.Generator, numpy.RandomState, numpy.BitGenerator]
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "Generator"):
        kinds.append(torch.Generator)
    return isinstance(value, tuple(kinds))


def random_state_of(source: Any) -> Any:
    """The state of a generator of random numbers."""
    if hasattr(source, "getstate"):
        return source.getstate()
    if hasattr(source, "bit_generator"):
        return source.bit_generator.state
    return source.get_state() if hasattr(source, "get_state") else source.state


def set_random_state_of(source: Any, state: Any) -> None:
    """Puts ``random_state_of()`` back."""
    if hasattr(source, "setstate"):
        source.setstate(state)
    elif hasattr(source, "bit_generator"):
        source.bit_generator.state = state
    elif hasattr(source, "set_state"):
        source.set_state(state)
    else:
        source.state = state

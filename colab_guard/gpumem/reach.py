"""Which variable holds which tensor: a walk over references, from all that has a name.

Parts of a module are no further away than the module itself, all others one step further than what holds them; the
nearest name is the one that is told (``model.encoder.weight``, not ``optimizer.param_groups[0]['params'][0]``). Views
of one storage count once. What ``backward()`` still needs is found through the graph behind a tensor, ``graph of
loss``; nothing is computed and no hook of the user's is called. What a C++ object alone holds can't be seen from here.
"""

from __future__ import annotations

import gc
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from types import CodeType, FrameType, ModuleType
from typing import Any

from colab_guard.capture.graphs import saved
from colab_guard.gpumem.keepers import Keepers, Root, roots
from colab_guard.gpumem.parts import Part, Step, attributes, of_attributes, parts

MOST_OBJECTS = 300_000  # some 0.5 s
MOST_KEEPERS = 4
MOST_ASKED = 10  # of the tensors without a name: who holds one takes a look at all objects
UNNAMED = "no variable"
SPARSE = {  # the parts of tensors that have no storage of their own, by layout
    "torch.sparse_coo": ("_indices", "_values"),
    **dict.fromkeys(("torch.sparse_csr", "torch.sparse_bsr"), ("crow_indices", "col_indices", "values")),
    **dict.fromkeys(("torch.sparse_csc", "torch.sparse_bsc"), ("ccol_indices", "row_indices", "values")),
}
OPAQUE = (str, bytes, int, float, ModuleType, CodeType)


@dataclass(frozen=True)
class Held:
    """The memory of one tensor and its views. Only words and numbers: a report must keep nothing alive.

    ``name`` reaches it; ``variable`` is where that name begins; ``keepers`` are other names that reach it (some of
    them), or for what has no name the kinds of what holds it; ``shape`` is None for tensors of several; ``state``
    whether it stays between two steps of a training: a parameter, its gradient, what an optimizer keeps of it.
    """

    name: str
    variable: str
    size_bytes: int
    device: str
    dtype: str
    shape: tuple[int, ...] | None
    keepers: tuple[str, ...]
    state: bool


@dataclass(frozen=True)
class Reached:
    """The largest first; ``complete``: all objects were looked at."""

    tensors: Sequence[Held]
    complete: bool = True

    def on(self, device: str) -> Reached:
        """Those on a kind of device (``"cuda"``) or on one (``"cuda:0"``)."""
        return replace(self, tensors=[one for one in self.tensors if one.device.startswith(device)])

    def by_variable(self) -> list[tuple[str, int]]:
        """How many bytes each variable reaches that no nearer one does, the largest first."""
        sums: dict[str, int] = {}
        for one in self.tensors:
            sums[one.variable] = sums.get(one.variable, 0) + one.size_bytes
        return sorted(sums.items(), key=lambda item: -item[1])

    @property
    def size_bytes(self) -> int:
        """Of all."""
        return sum(one.size_bytes for one in self.tensors)


def reach(keepers: Keepers) -> Reached:
    """All tensors of this process that Python knows, with their names; empty where torch was not imported.

    From the thread that runs the cells. Raises nothing.
    """
    if _torch() is None:
        return Reached([])
    walk = _Walk(keepers.runners())
    for phase in roots(keepers):
        walk.follow(phase)
    return walk.reached()


def tensors() -> list[Any]:
    """Every tensor that is a Python object now."""
    torch = _torch()
    kinds = set() if torch is None else {torch.Tensor, *_below(torch.Tensor)}
    return [one for one in gc.get_objects() if type(one) in kinds] if kinds else []


def storage_of(tensor: Any) -> tuple[tuple[str, int], int]:
    """What tells the memory of a tensor from any other, and its size in bytes; 0 for one without memory."""
    device = str(tensor.device)
    with suppress(Exception):  # a sparse one, and a library's own kind, has no storage to ask
        storage = tensor.untyped_storage()
        return (device, storage.data_ptr()), storage.nbytes() if storage.data_ptr() else 0
    size_bytes = 0  # its own length is as if it were dense
    for part in SPARSE.get(str(getattr(tensor, "layout", "")), ()):
        with suppress(Exception):
            size_bytes += getattr(tensor, part)().nbytes
    return (device, id(tensor)), size_bytes


class _Walk:
    def __init__(self, stops: Iterable[Any]) -> None:
        self._torch = _torch()
        self._stops = {id(one) for one in stops}
        self._came: dict[int, tuple[int | None, Step, Root]] = {}  # by identity: what led here first
        self._alive: list[Any] = []
        self._tensors: list[Any] = []
        self._edges: dict[int, list[tuple[int | None, Step, Root]]] = {}
        self._states: set[int] = set()
        self._full = False

    def follow(self, phase: Iterable[Root]) -> None:
        """All that these reach and nothing before them did."""
        waiting: deque[Any] = deque()
        for root in phase:
            self._meet(waiting, root.value, None, "{}", root)
        while waiting and not self._full:
            thing = waiting.popleft()
            root = self._came[id(thing)][2]
            near = issubclass(type(thing), self._torch.nn.Module)
            with suppress(Exception):  # what can't be looked into holds its tensors without a name
                for step, part in self._parts(thing):
                    self._meet(waiting, part, thing, step, root, near=near)
                    if self._full:
                        return

    def _meet(
        self, waiting: deque[Any], thing: Any, holder: Any, step: Step, root: Root, *, near: bool = False
    ) -> None:
        kind = type(thing)
        if id(thing) in self._stops or issubclass(kind, OPAQUE) or thing is None:
            return
        came = (None if holder is None else id(holder), step, root)
        if issubclass(kind, self._torch.Tensor):
            self._edges.setdefault(id(thing), []).append(came)
        if id(thing) in self._came:
            return
        self._came[id(thing)] = came
        self._alive.append(thing)
        self._full = len(self._alive) > MOST_OBJECTS
        if id(thing) in self._edges:
            self._tensors.append(thing)
        (waiting.appendleft if near else waiting.append)(thing)

    # -- what a thing holds ----------------------------------------------------------------------------

    def _parts(self, thing: Any) -> Iterator[Part]:
        kind, torch = type(thing), self._torch
        if issubclass(kind, torch.Tensor):
            yield from self._of_tensor(thing)
        elif kind is _Graph:
            yield from self._of_graph(thing)
        elif issubclass(kind, torch.nn.Module):
            own = dict(attributes(thing))
            for group in ("_parameters", "_buffers", "_modules"):
                yield from (("{}." + name, part) for name, part in (own.pop(group, None) or {}).items())
            yield from (("{}." + name, part) for name, part in own.items())
        else:
            if issubclass(kind, torch.optim.Optimizer):
                self._states.update(id(one) for state in thing.state.values() for one in _values(state))
            yield from parts(thing, torch.Tensor)

    def _of_tensor(self, tensor: Any) -> Iterator[Part]:
        if isinstance(tensor, self._torch.nn.Parameter):
            self._states.add(id(tensor))
        if tensor.is_leaf and tensor.grad is not None:
            self._states.add(id(tensor.grad))
            yield "{}.grad", tensor.grad
        if tensor.grad_fn is not None:
            yield "graph of {}", _Graph(tensor.grad_fn)
        yield from of_attributes(tensor)

    def _of_graph(self, graph: _Graph) -> Iterator[Part]:
        waiting = [graph.node]
        while waiting and not self._full:
            node = waiting.pop()
            if node is None or id(node) in self._came:
                continue
            self._came[id(node)] = (id(graph), "{}", self._came[id(graph)][2])
            self._alive.append(node)
            yield from (("{}", one) for one in (*saved(node), *(part for _, part in attributes(node))))
            waiting += [following for following, _ in node.next_functions]

    # -- what is told of it ----------------------------------------------------------------------------

    def reached(self) -> Reached:
        groups: dict[tuple[str, int], list[Any]] = {}
        for tensor in self._tensors:
            groups.setdefault(storage_of(tensor)[0], []).append(tensor)
        for tensor in tensors():
            if id(tensor) not in self._edges:
                groups.setdefault(storage_of(tensor)[0], []).append(tensor)
        sized = [(storage_of(group[0])[1], group) for group in groups.values()]
        sized.sort(key=lambda one: -one[0])
        asked = count(1)
        found = [self._held(size_bytes, group, asked) for size_bytes, group in sized if size_bytes]
        return Reached(found, not self._full)

    def _held(self, size_bytes: int, group: list[Any], asked: count[int]) -> Held:
        first = group[0]
        about = (size_bytes, str(first.device), str(first.dtype).removeprefix("torch."), _shape(first))
        edges = [edge for one in group for edge in self._edges.get(id(one), [])]
        if not edges:
            holders = _holders(first, group) if next(asked) <= MOST_ASKED else ()
            return Held(UNNAMED, UNNAMED, *about, holders, False)
        names = list(dict.fromkeys(self._name(edge) for edge in edges))
        root, state = edges[0][2], any(id(one) in self._states for one in group)
        variable = f"{root.name} {root.where}".strip()
        return Held(names[0], variable, *about, tuple(names[1 : 1 + MOST_KEEPERS]), state)

    def _name(self, edge: tuple[int | None, Step, Root]) -> str:
        root, steps = edge[2], [edge[1]]
        while edge[0] is not None:
            edge = self._came[edge[0]]
            steps.append(edge[1])
        name = root.name
        for step in reversed(steps):
            if isinstance(step, tuple):
                template, key = step
                known = self._edges.get(id(key))
                step = template.replace("[]", f"[{self._name(known[0])}]" if known else "[…]")
            name = step.replace("{}", name, 1)
        return f"{name} {root.where}".strip()


def _shape(tensor: Any) -> tuple[int, ...] | None:
    with suppress(Exception):
        return tuple(tensor.shape)
    return None


class _Graph:
    """What ``backward()`` would run from a tensor."""

    def __init__(self, node: Any) -> None:
        self.node = node


def _torch() -> Any:
    torch = sys.modules.get("torch")
    return torch if hasattr(torch, "Tensor") and hasattr(torch, "optim") else None


def _below(kind: type) -> Iterator[type]:
    below: list[type] = type.__subclasses__(kind)
    for one in below:
        yield one
        yield from _below(one)


def _holders(thing: Any, group: list[Any]) -> tuple[str, ...]:
    """The kinds of what keeps a tensor that has no name; ``group`` is ours."""
    kinds = dict.fromkeys(
        f"{one.f_code.co_name}()" if type(one) is FrameType else f"a {type(one).__name__}"
        for one in gc.get_referrers(thing)
        if one is not group and not (type(one) is FrameType and one.f_code.co_filename == __file__)
    )
    return tuple(kinds)[:MOST_KEEPERS]


def _values(state: Any) -> Iterable[Any]:
    return state.values() if isinstance(state, dict) else ()

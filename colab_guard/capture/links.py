"""Linked variables: large inputs that the cell only reads are not stored but named, with a fingerprint.

In the pickle each object of such a variable, wherever it occurs, is "the session's NAME", and what looks at the
memory of one of its arrays is a view of the session's. At each snapshot the fingerprint is taken again: a variable
that has changed is stored from then on. At a restore those of the session must be the same.
"""

from __future__ import annotations

import ast
import ctypes
import gc
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from colab_guard.capture import rebuild
from colab_guard.capture.memory import Regions
from colab_guard.capture.pickler import Pickler
from colab_guard.capture.survey import Memory, Path, Survey, Unlinkable, follow, memory_of, survey
from colab_guard.core.errors import RestoreError, UsageError

THRESHOLD_BYTES = 256_000_000


@dataclass
class Links:
    """The variables that are linked, by name, with their fingerprints. Of one run; not thread-safe."""

    fingerprints: dict[str, str] = field(default_factory=dict)

    def bind(self, namespace: Mapping[str, Any]) -> Bound:
        """What the linked variables hold now, for one snapshot; those that have changed are linked no more."""
        surveys, remarks = dict[str, Survey](), []
        for name, fingerprint in list(self.fingerprints.items()):
            try:
                found = survey(namespace[name])
                reason = "" if found.fingerprint == fingerprint else "it is no longer what it was when the cell began"
            except KeyError:
                reason = "there is no such variable any more"
            except Unlinkable as error:
                reason = str(error)
            if reason:
                remarks.append(self.drop(name, reason))
            else:
                surveys[name] = found
        return Bound(self, surveys, remarks)

    def drop(self, name: str, reason: str) -> str:
        """Links ``name`` no more; what to tell the user."""
        del self.fingerprints[name]
        return f"{name} was linked, and is stored in snapshots from now on: {reason}."


@dataclass
class Bound:
    """The linked variables during one snapshot: by identity, which part of which one an object is."""

    links: Links
    surveys: dict[str, Survey]
    remarks: list[str]
    references: dict[int, tuple[str, Path]] = field(default_factory=dict)
    memories: list[tuple[str, Memory]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, found in self.surveys.items():
            for key, (path, _) in found.parts.items():
                self.references.setdefault(key, (name, path))
            self.memories += [(name, memory) for memory in found.memories]

    def without_shared(self, regions: Regions) -> Bound | None:
        """None if no region that is to be stored overlaps with linked memory; else the same without those names.

        A part would be stored, a part not, and what shared memory would no longer share it.
        """
        spans = list(regions.spans())
        shared = {
            name
            for name, memory in self.memories
            if any(space == memory.space and low < memory.high and memory.low < high for space, low, high in spans)
        }
        if not shared:
            return None
        said = [self.links.drop(name, "it shares memory with what is stored") for name in sorted(shared)]
        left = {name: found for name, found in self.surveys.items() if name not in shared}
        return Bound(self.links, left, [*self.remarks, *said])


class LinkingPickler(Pickler):
    """Writes references in place of linked objects, which ``resume.loading`` resolves."""

    def __init__(self, namespace: dict[str, Any], own_names: frozenset[str], bound: Bound) -> None:
        self._bound = bound
        super().__init__(namespace, own_names)

    def persistent_id(self, obj: Any) -> Any:
        """The pickler asks this of every object."""
        return self._bound.references.get(id(obj))

    def linked_memory(self, space: str, low: int, high: int) -> Any:
        """See Pickler."""
        for _, memory in self._bound.memories:
            if memory.space == space and memory.low <= low < high <= memory.high:
                return _Reference(memory.holder, low - memory.low, high - low)
        return None


@dataclass(frozen=True)
class _Reference:
    holder: Any
    offset: int
    size_bytes: int

    def __reduce__(self) -> Any:
        return rebuild.linked_memory, (self.holder, self.offset, self.size_bytes)


@dataclass(frozen=True)
class SessionMemory:
    """``size_bytes`` bytes at ``offset`` of the memory of ``holder``, an array or tensor of this session."""

    holder: Any
    memory: Memory
    offset: int
    size_bytes: int

    @classmethod
    def of(cls, holder: Any, offset: int, size_bytes: int) -> SessionMemory:
        """Raises RestoreError where the holder has no such memory."""
        memory = memory_of(holder)
        if offset + size_bytes > memory.high - memory.low:
            raise RestoreError(
                "A linked variable has the same content as at the snapshot, but lies in memory in another way. Run "
                "the cells that make it again, as they were then; or start over with --fresh. Nothing was changed."
            )
        return cls(holder, memory, offset, size_bytes)

    def bytes(self) -> Any:
        """A numpy array of these bytes; it keeps their holder alive."""
        import numpy as np

        raw = (ctypes.c_char * self.size_bytes).from_address(self.memory.low + self.offset)
        raw.holder = self.holder  # type: ignore[attr-defined]
        return np.frombuffer(raw, np.uint8)

    def storage(self) -> Any:
        """A torch storage over these bytes, the holder's own where it is that."""
        if hasattr(self.holder, "untyped_storage") and self.size_bytes == self.memory.high - self.memory.low:
            return self.holder.untyped_storage()
        import torch

        return torch.from_numpy(self.bytes()).untyped_storage()


def resolve(namespace: Mapping[str, Any], reference: tuple[str, Path]) -> Any:
    """The session's object that a reference in a pickle means. Raises RestoreError where it has none."""
    name, path = reference
    try:
        return follow(namespace[name], path)
    except (LookupError, AttributeError, TypeError) as error:
        raise RestoreError(
            f"{name!r} is linked, and a part of it is not found in this session's: {error}. Run the cells that make "
            f"it again, as they were then; or start over with --fresh. Nothing was changed."
        ) from error


def check(fingerprints: Mapping[str, str], namespace: Mapping[str, Any]) -> None:
    """Raises RestoreError, naming all, unless each linked variable is in this session what it was."""
    missing = [name for name in fingerprints if name not in namespace]
    other = [name for name in fingerprints if name in namespace and _fingerprint(namespace[name]) != fingerprints[name]]
    faults = [
        *([f"there is no {' and no '.join(missing)} in this session"] if missing else []),
        *([f"the content of {' and '.join(other)} is another"] if other else []),
    ]
    if faults:
        names = ", ".join(sorted([*missing, *other]))
        raise RestoreError(
            f"The snapshot does not hold {names}, only a fingerprint: as large inputs that the cell only read, they "
            f"were linked. Now {'; '.join(faults)}. Nothing was changed. Load the same data as then (with the same "
            f"seed) in the cells above and run this cell again; or start over with --fresh, and add --link off to have "
            f"all data stored in the snapshots."
        )


def _fingerprint(value: Any) -> str:
    try:
        return survey(value).fingerprint
    except Unlinkable as error:
        return str(error)


def choose(
    namespace: Mapping[str, Any],
    names: Iterable[str],
    module: ast.Module,
    stored: Iterable[str],
    asked: Iterable[str] = (),
    threshold_bytes: int = THRESHOLD_BYTES,
) -> Links:
    """The variables among ``names`` to link: those ``asked`` for, and the largest of those that the cell (``module``,
    which assigns ``stored``) only reads, until what is left has at most ``threshold_bytes`` bytes together.

    Raises UsageError where one that was asked for can't be linked.
    """
    links, changed = Links(), {*stored, *written_names(module)}
    for name in asked:
        links.fingerprints[name] = _asked(name, namespace, changed)
    found: dict[str, set[Memory]] = {}
    for name in sorted({*names, *links.fingerprints} & namespace.keys()):
        if name in links.fingerprints or (name not in changed and _may_be_input(namespace[name])):
            try:
                found[name] = set(survey(namespace[name], fingerprint=False).memories)
            except Unlinkable:
                continue
    left = set().union(*found.values()) if found else set()
    for name in links.fingerprints:
        left -= found.pop(name, set())
    if _total(left) <= threshold_bytes:
        return links
    trained = _trained()
    # Of those that look at the same memory the one that sees most of it: X rather than X[:100].
    for name in sorted(found, key=lambda name: (-_total(found[name]), -_seen(found[name]))):
        if _total(left) <= threshold_bytes:
            break
        if not found[name] & left or any(_overlap(memory, trained) for memory in found[name]):
            continue
        try:
            links.fingerprints[name] = survey(namespace[name]).fingerprint
        except Unlinkable:
            continue
        left -= found[name]
    return links


def written_names(module: ast.Module) -> set[str]:
    """The names whose objects the cell writes into: ``x[i] = …``, ``x.a += …``, ``del x[i]``, ``x.add_(…)``."""
    found = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
            found.add(_root(node))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            in_place = node.func.attr.endswith("_") and not node.func.attr.endswith("__")
            found.add(_root(node.func) if in_place else "")
    return found - {""}


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _asked(name: str, namespace: Mapping[str, Any], changed: set[str]) -> str:
    if name not in namespace:
        raise UsageError(f"--link {name}: there is no such variable. Run the cell that makes it first.")
    if name in changed:
        raise UsageError(f"--link {name}: the cell changes it, so that it has to be stored. Leave it out.")
    try:
        return survey(namespace[name]).fingerprint
    except Unlinkable as error:
        raise UsageError(f"--link {name}: it can't be linked ({error}). Leave it out.") from error


def _may_be_input(value: Any) -> bool:
    """Whether it is data by its kind: not a model, not a loader, which have a state of their own."""
    kinds: list[Any] = [list, tuple, dict]
    for library, names in [("numpy", ["ndarray"]), ("torch", ["Tensor"]), ("torch.utils.data", ["Dataset"]),
                           ("pandas", ["DataFrame", "Series"])]:  # fmt: skip
        kinds += [kind for name in names if (kind := getattr(sys.modules.get(library), name, None))]
    return isinstance(value, tuple(kinds))


def _trained() -> list[Memory]:
    """The memory of all that any module holds, also under other names: ``state = model.state_dict()``."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "nn"):
        return []
    modules = [thing for thing in gc.get_objects() if issubclass(type(thing), torch.nn.Module)]
    tensors = (t for module in modules for t in [*module._parameters.values(), *module._buffers.values()])
    return [memory_of(t) for t in tensors if t is not None and t.layout is torch.strided and t.device.type != "meta"]


def _overlap(memory: Memory, others: Iterable[Memory]) -> bool:
    return any(memory.space == o.space and memory.low < o.high and o.low < memory.high for o in others)


def _seen(memories: Iterable[Memory]) -> int:
    return sum(int(memory.holder.nbytes) for memory in memories)


def _total(memories: Iterable[Memory]) -> int:
    return sum(memory.high - memory.low for memory in memories)

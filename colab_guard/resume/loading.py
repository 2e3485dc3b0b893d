"""Loading a snapshot's pickles, their memory read straight into the arrays and tensors that will hold it."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from colab_guard.capture import links, progress, rebuild, skeleton
from colab_guard.capture.environment import who_wrote
from colab_guard.capture.memory import ALIGNMENT_BYTES, read_table
from colab_guard.capture.pickler import find
from colab_guard.core.errors import ColabGuardError, RestoreError
from colab_guard.resume.outputs import PutBack


class Blobs(Protocol):
    """The blobs of one snapshot by number: 0 the pickles, 1 the table, 2 the small pieces, then the large."""

    def read(self, number: int, into: memoryview | None = None) -> memoryview:
        """A whole blob, in new memory or in memory of its size."""

    def take(self, number: int) -> Any:
        """A whole blob as a flat tensor of bytes that is the caller's from now on, where it is in memory; else None."""

    def size_bytes(self, number: int) -> int:
        """Its size."""


FIRST_PIECE = 2


@dataclass(frozen=True)
class Action:
    """What waits until a restore is sure, see ``progress.Loading``: for the variable ``owner``, or for whatever holds
    ``thing``, and then ``what`` it does can't be undone.
    """

    do: Callable[[], progress.Undo]
    owner: str = ""
    thing: Any = None
    what: str = ""


class Load:
    """One snapshot being loaded; what ``rebuild`` calls its load in progress. Not thread-safe."""

    def __init__(
        self,
        blobs: Blobs,
        namespace: dict[str, Any],
        own_names: frozenset[str],
        environment: Mapping[str, Any] | None = None,
        files: PutBack | None = None,
    ) -> None:
        """``own_names``: what is never looked up in the session; ``environment``: where the snapshot was taken;
        ``files``: those to be put back first of all, when everything is put in place.
        """
        self._environment = environment or {}
        self.namespace = namespace
        self._blobs = blobs
        self._own_names = own_names
        self._places = files.places if files else {}
        self._table = read_table(blobs.read(1))
        self._groups = _overlapping(self._table)
        self._memory: dict[tuple[int, int], Any] = {}
        self._storages: dict[int, Any] = {}
        self._small: memoryview | None = None
        self.masks = False
        self._lost_secrets = False
        self.actions = [Action(files.apply)] if files else []
        self._owners: dict[int, str] = {}
        self.edited_functions: list[str] = []  # of the session's, that had other code in the snapshot

    def variables(self, names: Sequence[str]) -> dict[str, Any]:
        """The values of ``names``, the names of the pickles in their order.

        Raises RestoreError, which names the variable and what it needs, where one can't be loaded.
        """
        actions = list(self.actions)
        try:
            return self._variables(names)
        except RestoreError:
            if self.masks or not self._lost_secrets:
                raise
        # Something is made from a text, and does not take a stand-in.
        self.masks, self.actions = True, actions
        self._memory.clear()
        self._storages.clear()
        return self._variables(names)

    def _variables(self, names: Sequence[str]) -> dict[str, Any]:
        unpickler = self.reading(self.pickles())
        loaded: dict[str, Any] = {}
        with progress.loading(self):
            for name in names:
                try:
                    loaded[name] = unpickler.load()
                except ColabGuardError:
                    raise
                except Exception as error:
                    raise RestoreError(self.refusal(name, error)) from error
        return loaded

    def reading(self, pickles: skeleton.Reader) -> pickle.Unpickler:
        """What reads all of the pickles."""
        return _Unpickler(pickles, self.namespace)

    def refusal(self, name: str, error: Exception) -> str:
        """What is said of a pickle that can't be loaded."""
        return (
            f"{name!r} can't be loaded here: {self.reason(error)}. Install or define what it needs in a cell above, "
            f"then run this cell again; nothing was changed. To start over: --fresh."
        )

    def unpickler(self, pickles: memoryview) -> pickle.Unpickler:
        """Reads pickles that share a memo, one after the other, while this is the load in progress."""
        return _Unpickler(skeleton.Reader(*skeleton.read(pickles), self.fill), self.namespace)

    def reason(self, error: Exception) -> str:
        """Why something can't be loaded, and who wrote it, without a full stop."""
        who = who_wrote(error, self._environment)
        return f"{type(error).__name__}: {error}{f' ({who})' if who else ''}"

    def put_in_place(self) -> None:
        """Does what had to wait until the restore was sure. Where a part of it fails, what was done is undone, but for
        what can't be, which comes last.
        """
        done: list[progress.Undo] = []
        try:
            for action in sorted(self.actions, key=lambda one: one.thing is not None):
                done.append(action.do())
        except BaseException:
            for undo in reversed(done):
                if undo is not None:
                    undo()
            raise

    def pickles(self) -> skeleton.Reader:
        """What an unpickler reads."""
        return skeleton.Reader(*skeleton.read(self._blobs.read(0)), self.fill)

    # -- what rebuild asks ----------------------------------------------------------------------------

    def origin(self, name: str) -> Any:
        return self.namespace[name]

    def lost_secret(self) -> None:
        self._lost_secrets = True

    def fill(self, region: int, into: memoryview) -> None:
        blob, offset, size = self._table[region]
        if self._is_whole(region):
            self._blobs.read(FIRST_PIECE + blob, into)
            return
        into[:] = self._piece(blob)[offset : offset + size]

    def alone(self, region: int) -> bool:
        return self._groups[region] is None

    def shared(self, region: int, phase: int | None = None) -> tuple[Any, int]:
        blob, offset, size = self._table[region]
        start, end = self._groups[region] or (offset, offset + size)
        memory = self._memory.get((blob, start))
        if memory is None:
            lead = ((phase or 0) - (offset - start)) % ALIGNMENT_BYTES if phase is not None else 0
            memory = self._memory[blob, start] = _aligned(lead + end - start)[lead:]
            memory[:] = memoryview(self._piece(blob)[start:end])
        return memory, offset - start

    def storage(self, region: int, device: str, phase: int | None = None) -> Any:
        import torch

        if region not in self._storages:
            if self.alone(region) and rebuild.is_aligned(phase):
                flat = self._blobs.take(FIRST_PIECE + self._table[region][0]) if self._is_whole(region) else None
                if flat is None:
                    flat = torch.empty(self._table[region][2], dtype=torch.uint8)
                    if len(flat):
                        self.fill(region, memoryview(flat.numpy()))
            else:
                memory, start = self.shared(region, phase)
                flat = torch.from_numpy(memory[start : start + self._table[region][2]])
            try:
                self._storages[region] = flat.to(device).untyped_storage()
            except (RuntimeError, AssertionError) as error:
                raise RestoreError(
                    f"A tensor of the snapshot lives on {device}, which this machine does not have ({error}). Choose "
                    f"a runtime with a GPU, then run the cells again."
                ) from error
        return self._storages[region]

    def find(self, qualname: str, inside: str | None = None) -> Any:
        root = qualname.partition(".")[0]
        if root in self._own_names:
            return None
        found = find(self.namespace, qualname, inside)
        if found is not None:
            self._owners[id(found)] = root
        return found

    def edited(self, qualname: str) -> None:
        if qualname not in self.edited_functions:
            self.edited_functions.append(qualname)

    def owner(self, thing: Any) -> str:
        return self._owners.get(id(thing), "")

    def place(self, path: str) -> str:
        return self._places.get(path, path)

    def later(self, action: Callable[[], progress.Undo], owner: str = "") -> None:
        self.actions.append(Action(action, owner))

    def at_last(self, thing: Any, action: Callable[[], None], what: str) -> None:
        self.actions.append(Action(action, thing=thing, what=what))

    def _is_whole(self, region: int) -> bool:
        blob, offset, size = self._table[region]
        return blob > 0 and offset == 0 and size == self._blobs.size_bytes(FIRST_PIECE + blob)

    def _piece(self, blob: int) -> memoryview:
        if blob:
            return self._blobs.read(FIRST_PIECE + blob)
        if self._small is None:
            self._small = self._blobs.read(FIRST_PIECE)
        return self._small


class _Unpickler(pickle.Unpickler):
    def __init__(self, pickles: skeleton.Reader, namespace: dict[str, Any]) -> None:
        super().__init__(pickles)
        self._namespace = namespace

    def persistent_load(self, pid: Any) -> Any:
        return links.resolve(self._namespace, pid)


def _aligned(size: int) -> Any:
    """Zeroed-or-not memory for arrays to share, aligned as torch aligns its own where torch is there."""
    import sys

    if torch := sys.modules.get("torch"):
        return torch.empty(size, dtype=torch.uint8).numpy()
    import numpy as np

    return np.empty(size, np.uint8)


def _overlapping(table: Sequence[tuple[int, int, int]]) -> list[tuple[int, int] | None]:
    """For each region the (start, end) in its blob of the stretch that it shares with others, None alone."""
    groups: list[tuple[int, int] | None] = [None] * len(table)
    order = sorted(range(len(table)), key=lambda n: (table[n][0], table[n][1], -table[n][2]))
    run: list[int] = []
    end = blob = -1

    def close() -> None:
        if len(run) > 1:
            for member in run:
                groups[member] = (table[run[0]][1], end)

    for number in order:
        in_blob, offset, size = table[number]
        if not size:
            continue
        if in_blob == blob and offset < end:
            run.append(number)
            end = max(end, offset + size)
        else:
            close()
            run, blob, end = [number], in_blob, offset + size
    close()
    return groups

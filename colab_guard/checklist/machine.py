"""Checks of the machine: its GPU, the memory for the model, its disk, and its time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from colab_guard.capture.process import machine_id
from colab_guard.checklist.check import Check, Known
from colab_guard.core.memory import memory
from colab_guard.core.places import on_colab
from colab_guard.core.words import size, span
from colab_guard.flight.deadlines import cut_off_after
from colab_guard.flight.recorder import RECORDER
from colab_guard.guards.disk import disk
from colab_guard.guards.fullness import WARN_SHARE
from colab_guard.guards.gpu import gpus
from colab_guard.guards.lifetime import fit, lifetime
from colab_guard.store.folder import LEFT_BYTES
from colab_guard.store.manifest import Manifest

TRAINING_COPIES = 4  # of a model's weights: themselves, their gradients, and Adam's two moments
USUAL_GPU = "Runtime, Change runtime type, T4 GPU; a new runtime starts then"
SHOWN = 3


def gpu(known: Known) -> Check:
    """Whether there is one, and whether it is the one that the newest snapshots were taken on."""
    found, name = gpus(), "GPU"
    were = {gpu for manifest in known.unfinished for gpu in _gpus_of(manifest)}
    if not found:
        if were:
            return Check(name, False, f"none here, and the newest snapshot was taken on {', '.join(were)}", USUAL_GPU)
        if on_colab() and "torch" in sys.modules:
            return Check(name, False, "none here, and torch is loaded", USUAL_GPU)
        return Check(name, True, "none here, and nothing that was run so far used one")
    free = [f"{size(one.total_bytes - one.used_bytes)} of {size(one.total_bytes)} free" for one in found]
    said = ", ".join(f"{one.name} ({text})" for one, text in zip(found, free, strict=True))
    here = {one.name for one in found}
    if were and not were & here:
        mend = "the cell goes on, not with the same bits; for those ask for that GPU again"
        return Check(name, False, f"{said}; the newest snapshot was taken on {', '.join(were)}", mend)
    return Check(name, True, said)


def memory_for_model(known: Known) -> Check:
    """Whether the largest model among the variables can be trained in what is free: with Adam, without its batches."""
    name, bound = "memory", memory()
    ram = "RAM unknown" if bound is None else f"{size(bound.free_bytes)} of {size(bound.total_bytes)} of RAM free"
    model = max(_models(known.session.namespace), key=lambda one: one[1], default=None)
    if model is None:
        return Check(name, None if bound is None else True, f"{ram}; no model among the variables yet")
    called, weights_bytes, on_gpu = model
    needed = TRAINING_COPIES * weights_bytes
    cards = gpus()
    free = cards[0].total_bytes - cards[0].used_bytes if cards else None if bound is None else bound.free_bytes
    where = "GPU memory" if cards else "RAM"
    # What is there already need not be free any more.
    more = needed - weights_bytes if on_gpu == bool(cards) else needed
    said = f"{ram}; {called} has {size(weights_bytes)} of weights, some {size(needed)} to train it with Adam"
    if free is None:
        return Check(name, None, said)
    if more > free:
        mend = "a smaller model, half precision, LoRA, or SGD: %gpumem suggest says what fits"
        return Check(name, False, f"{said}, and {size(free)} of {where} are free", mend)
    return Check(name, True, f"{said}; {size(free)} of {where} are free")


def disks(known: Known) -> Check:
    """Whether the local disk has room for two more snapshots."""
    found = disk(Path.cwd())
    if found is None:
        return Check("disk", None, "how full it is can't be told here")
    said = f"{size(found.free_bytes)} of {size(found.total_bytes)} free"
    needed = 2 * max((manifest.size_bytes for manifest in known.unfinished), default=0)
    if found.free_bytes - needed < LEFT_BYTES or found.used_share >= WARN_SHARE:
        mend = f"delete what is not needed: snapshots leave the last {size(LEFT_BYTES)} free"
        return Check("disk", False, said, mend)
    return Check("disk", True, said)


def time_left(known: Known) -> Check:
    """Whether what is unfinished ends before the runtime does, at the pace that was measured last."""
    life, told = lifetime(), known.flights
    said = f"the runtime is up for {span(life.age)}"
    if life.left is None or life.limit is None:
        return Check("time", True, f"{said}, and has no limit that is known; %guard config limit=12h sets one")
    said += f" of {span(life.limit)} ({life.how})"
    if ages := cut_off_after(told, machine_id()):
        said += f"; earlier ones were cut off after {', '.join(map(span, ages[:SHOWN]))}"
    fits = [one for cell in _last_seen(known) if (one := fit(cell, life)) is not None]
    if not fits:
        return Check("time", True, f"{said}, {span(life.left or 0)} left; no pace of an unfinished cell is known")
    longest = max(fits, key=lambda one: one.seconds)
    said += f"; {longest.cell} needs about {span(longest.seconds)} more"
    if longest.place:
        mend = "nothing is lost where the store is durable: it goes on in the next session"
        return Check("time", False, f"{said}: it would be cut off at about {longest.place}", mend)
    return Check("time", True, said)


def _last_seen(known: Known) -> Iterator[dict[str, Any]]:
    """The unfinished cells as the newest beat that tells of them saw them, as far as it was measured."""
    for name in {manifest.cell for manifest in known.unfinished}:
        for flight in known.flights:
            cells = [beat["cell"] for beat in flight.beats if (beat.get("cell") or {}).get("name") == name]
            if cells:
                yield cells[-1]
                break
    if RECORDER.last.get("cell"):
        yield RECORDER.last["cell"]


def _gpus_of(manifest: Manifest) -> list[str]:
    return list(manifest.body.get("environment", {}).get("cuda", {}).get("gpus") or [])


def _models(namespace: dict[str, Any]) -> Iterator[tuple[str, int, bool]]:
    """Each torch module among the variables: its name, the bytes of its weights, whether they are on a GPU."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "nn"):
        return
    for name, value in list(namespace.items()):
        if isinstance(value, torch.nn.Module) and not name.startswith("_"):
            weights = list(value.parameters())
            yield name, sum(one.nbytes for one in weights), any(one.device.type == "cuda" for one in weights)

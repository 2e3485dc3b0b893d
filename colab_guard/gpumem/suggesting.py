"""``%gpumem suggest``: sizes for the GPU at hand, and code to paste."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from colab_guard.core.errors import UsageError
from colab_guard.core.words import size
from colab_guard.gpumem import sizing
from colab_guard.gpumem.keepers import Keepers
from colab_guard.gpumem.measuring import Meter, measure, measure_here
from colab_guard.gpumem.sizing import FRACTION, LEARNING_RATE, LORA_BYTES, TOGETHER, Needs, Row
from colab_guard.guards import gpu
from colab_guard.guards.gpu import Gpu


def suggest(keepers: Keepers, model: str = "", step: str = "", meter: Meter | None = None) -> str:
    """By the table; with ``model``, a variable's name, by what that takes; with ``step``, the name of a function of the
    batch size, by running it. ``meter``: instead of torch's own.

    Raises UsageError for a name that is none of that; what the step raises.
    """
    found = gpu.gpus()
    if not found:
        return f"Nothing to suggest, for no GPU is seen: {gpu.missing()}."
    module = _variable(keepers, model, "--model", "a torch module") if model else None
    if model:
        _check(module, model)
    function = _variable(keepers, step, "--measure", "a function of the batch size") if step else None
    one = found[0]
    cap = int(one.total_bytes * FRACTION)
    row = sizing.row_for(one.name, one.total_bytes)
    lines = [f"{one.name}: {size(one.total_bytes)}, of which {size(cap)} to use (%gpumem limit {FRACTION:g})."]
    if not model and not step:
        lines += _usual(one, row)
    if model:
        lines += _of_model(module, keepers, cap, row)
    if step:
        lines += _measured(function, step, cap, meter)
    return "\n".join(lines)


def _check(module: Any, name: str) -> None:
    torch: Any = sys.modules.get("torch")
    if not hasattr(torch, "nn") or not isinstance(module, torch.nn.Module):
        kind = type(module).__name__
        raise UsageError(f"--model {name}: that is no torch module but of type {kind}. Name the model's variable.")
    if any(map(torch.nn.parameter.is_lazy, module.parameters())):
        raise UsageError(f"--model {name}: some of its layers have no size before they met data: run one batch first.")


def _variable(keepers: Keepers, name: str, option: str, what: str) -> Any:
    if name not in keepers.namespace:
        raise UsageError(f"{option} {name}: there is no variable of that name. Give that of {what}.")
    return keepers.namespace[name]


# -- the table -----------------------------------------------------------------------------------------


def _usual(one: Gpu, row: Row | None) -> Iterator[str]:
    if row is None:
        yield (
            f"It has less memory than the GPUs of the table (from {sizing.TABLE[0].gib} GiB on): too little to train a "
            f"language model of 7 billion parameters. For a smaller model: %gpumem suggest --model NAME."
        )
        return
    yield "To fine-tune a language model of 7 to 8 billion parameters, in 4 bits, with LoRA on all linear layers:"
    yield from _table(row)
    yield f"For your own model: %gpumem suggest --model NAME, and --measure STEP, which runs it. {_types(row)}"
    yield ""
    yield from _code(row.batch, True, row)
    yield from _lora_code(row)
    yield f"max_length = {row.length}"


def _table(row: Row) -> Iterator[str]:
    yield (
        f"  batch size {row.batch} × {TOGETHER // row.batch} accumulated, at most {row.length} tokens, gradient "
        f"checkpointing on, LoRA rank {row.rank} and alpha {row.alpha}, memory fraction {FRACTION:g}"
    )


def _types(row: Row) -> str:
    return "It computes in bfloat16." if row.bf16 else "It has no bfloat16: fp16 with a gradient scaler."


def _code(batch: int, checkpointing: bool, row: Row | None) -> Iterator[str]:
    kind = "bf16" if row is None or row.bf16 else "fp16"
    yield f"%gpumem limit {FRACTION:g}"
    yield "from transformers import TrainingArguments"
    yield (
        f'arguments = TrainingArguments("out", per_device_train_batch_size={batch}, '
        f"gradient_accumulation_steps={max(TOGETHER // batch, 1)},"
    )
    yield f"    gradient_checkpointing={checkpointing}, {kind}=True, learning_rate={LEARNING_RATE})"


def _lora_code(row: Row) -> Iterator[str]:
    yield "from peft import LoraConfig"
    yield f'lora = LoraConfig(r={row.rank}, lora_alpha={row.alpha}, target_modules="all-linear", task_type="CAUSAL_LM")'


# -- a model at hand -----------------------------------------------------------------------------------


def _of_model(model: Any, keepers: Keepers, cap: int, row: Row | None) -> Iterator[str]:
    torch: Any = sys.modules.get("torch")
    every = keepers.variables().values()
    optimizers = [one for one in every if torch is not None and issubclass(type(one), torch.optim.Optimizer)]
    needed = sizing.needs(model, optimizers)
    yield (
        f"The model has {needed.parameters:,} parameters, {needed.trained:,} of them trained: "
        f"{size(needed.weights_bytes)} of weights, {size(needed.gradients_bytes)} of gradients, "
        f"{size(needed.optimizer_bytes)} that the optimizer keeps ({needed.optimizer})."
    )
    free = cap - needed.size_bytes
    if free <= 0:
        yield f"These {size(needed.size_bytes)} do not fit, even without a batch."
        yield from _smaller(needed, cap, row)
        return
    yield f"{size(free)} are left for what a batch takes."
    one = sizing.transformer(model)
    if one is None:
        yield "How much that is for an example can't be read from the parameters: add --measure STEP, which runs it."
        return
    found = list(sizing.shapes_that_fit(free, one))
    if not found:
        yield "That does not suffice for a single short text."
        yield from _smaller(needed, cap, row)
        return
    for checkpointing, batch, length in found:
        how = "with" if checkpointing else "without"
        yield f"  {how} gradient checkpointing: {batch} examples of {length:,} tokens"
    yield "That is arithmetic, for an attention that keeps no matrix of scores; --measure STEP runs it."
    checkpointing, batch, _ = found[0]
    yield ""
    yield from _code(batch, checkpointing, row)


def _smaller(needed: Needs, cap: int, row: Row | None) -> Iterator[str]:
    """What would fit in place of training all."""
    rank = row.rank if row else sizing.TABLE[0].rank
    adapters = needed.linear * rank * LORA_BYTES
    if not adapters:
        return
    in_four = int(needed.parameters * sizing.FOUR_BITS)
    if needed.weights_bytes + adapters < cap:
        yield f"With LoRA of rank {rank} it takes {size(needed.weights_bytes + adapters)} without a batch:"
    elif in_four + adapters < cap:
        yield f"With LoRA of rank {rank} and weights in 4 bits it takes {size(in_four + adapters)} without a batch:"
    else:
        yield "LoRA with weights in 4 bits would not fit either: a smaller model, or a larger GPU."
        return
    yield ""
    yield from _lora_code(row or sizing.TABLE[0])


# -- a step that is run --------------------------------------------------------------------------------


def _measured(step: Any, name: str, cap: int, meter: Meter | None) -> Iterator[str]:
    found = measure(step, cap, meter) if meter else measure_here(step, FRACTION)
    sizes = ", ".join(f"{examples}: {size(peak)}" for examples, peak in found.peaks)
    yield f"{name} was run with batches of {sizes} at most in tensors."
    if found.failed:
        yield f"With {found.failed} it ran out of memory."
    if found.straight and found.example_bytes:
        yield f"That is {size(found.fixed_bytes)} for any batch, and {size(found.example_bytes)} for each example."
    elif not found.straight:
        yield "The peaks don't lie on a line, so that only what was run is known to fit."
    batch = sizing.rounded(found.fits)
    yield f"{found.fits:,} examples fit; {batch:,} is a good size. What these steps trained stays trained."
    yield ""
    yield f"%gpumem limit {FRACTION:g}"
    yield f"batch_size = {batch}"

"""What fits on a GPU: by a table for the usual case, and by arithmetic for a model that is at hand.

The usual case is a language model of 7 to 8 billion parameters, in 4 bits, with LoRA on all linear layers and gradient
checkpointing. What that takes was measured by others (unsloth's README, "Hugging Face + FA2", Llama 3.1 8B, rank 32,
batch size 1): 932 tokens fit in 12 GiB, 2,551 in 16, 5,789 in 24, 12,264 in 40, 28,454 in 80. These lie on one line:
9.7 GiB, and 404.6 tokens for each further one. A test holds each row of TABLE to it.

Of a model at hand: weights, gradients and optimizer state are counted, not estimated. What one token takes while a
transformer trains is 34 bytes × hidden size × layers, and 2 × hidden size × layers with gradient checkpointing and one
layer in full (Korthikanti et al. 2022, arXiv:2205.05198, equations 2 and 6, with an attention that keeps no matrix of
scores), and 8 bytes × vocabulary for the logits and their gradient, in 32 bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

GIB = 1024**3
FRACTION = 0.9  # of the GPU: the rest is CUDA's own, and pieces that are too small
TOGETHER = 16  # examples between two steps of the optimizer; with the learning rate, that of the QLoRA paper
LEARNING_RATE = "2e-4"
LAYER_BYTES, KEPT_BYTES, LOGIT_BYTES = 34, 2, 8
ADAM_STATES = 2
LORA_BYTES = 16  # of a parameter of an adapter: itself, its gradient and two states of Adam, in 32 bits
FOUR_BITS = 0.53  # bytes a parameter, with the constants of its blocks (QLoRA, arXiv:2305.14314)
LENGTHS = (2048, 1024, 512, 256, 128)


@dataclass(frozen=True)
class Row:
    """For the usual case. ``alpha`` is twice the rank, by custom; the rank matters little for the result (QLoRA), and
    is larger where there is room.
    """

    gpu: str
    gib: float
    bf16: bool
    batch: int
    length: int
    rank: int

    @property
    def alpha(self) -> int:
        """LoRA's."""
        return 2 * self.rank


TABLE = (
    Row("T4", 15, False, 1, 1024, 16),
    Row("P100", 16, False, 1, 1024, 16),
    Row("V100", 16, False, 1, 1024, 16),
    Row("L4", 22.1, True, 2, 2048, 32),
    Row("A100 40 GB", 39, True, 4, 2048, 32),
    Row("A100 80 GB", 79, True, 8, 2048, 64),
    Row("H100 80 GB", 79, True, 8, 2048, 64),
)


@dataclass(frozen=True)
class Needs:
    """What a model takes whatever the batch is, in bytes; ``linear``: rows plus columns of all its linear layers, of
    which LoRA makes as many parameters for each rank.
    """

    parameters: int
    trained: int
    weights_bytes: int
    gradients_bytes: int
    optimizer_bytes: int
    optimizer: str
    linear: int

    @property
    def size_bytes(self) -> int:
        """Of all three."""
        return self.weights_bytes + self.gradients_bytes + self.optimizer_bytes


@dataclass(frozen=True)
class Transformer:
    """The sizes that decide what a token takes."""

    hidden: int
    layers: int
    vocabulary: int

    def token_bytes(self, *, checkpointing: bool) -> int:
        """For one token, between forward and backward."""
        layers = KEPT_BYTES * self.layers + LAYER_BYTES if checkpointing else LAYER_BYTES * self.layers
        return layers * self.hidden + LOGIT_BYTES * self.vocabulary


def row_for(name: str, total_bytes: int) -> Row | None:
    """The row of a GPU: that of its name and size, else of the largest that has no more; None for a smaller one."""
    gib = total_bytes / GIB
    fitting = [row for row in TABLE if row.gib <= gib + 1]
    named = [row for row in fitting if row.gpu.split()[0] in name]
    return max(named or fitting, key=lambda row: row.gib, default=None)


def needs(model: Any, optimizers: Iterable[Any]) -> Needs:
    """Counted on a ``torch.nn.Module``; of the optimizers that which trains it, else Adam's two states for each
    parameter that is trained.
    """
    every = list(model.parameters())
    trained = [one for one in every if one.requires_grad]
    gradients = sum(map(_size, trained))
    states, name = ADAM_STATES * gradients, "Adam, as far as nothing else is known"
    for optimizer in optimizers:
        own = {id(one) for group in optimizer.param_groups for one in group["params"]}
        if any(id(one) in own for one in trained):
            states, name = _states(optimizer, gradients), type(optimizer).__name__
    shapes = [one.shape for layer in model.modules() if _is_linear(layer) for one in (layer.weight,)]
    return Needs(
        sum(one.numel() for one in every),
        sum(one.numel() for one in trained),
        sum(map(_size, [*every, *model.buffers()])),
        gradients,
        states,
        name,
        sum(sum(shape) for shape in shapes),
    )


def _states(optimizer: Any, gradients_bytes: int) -> int:
    """What an optimizer keeps, or will keep after its first step."""
    kept = [value for state in optimizer.state.values() for value in state.values() if hasattr(value, "element_size")]
    if kept:
        return sum(map(_size, kept))
    if "betas" in optimizer.defaults:
        return ADAM_STATES * gradients_bytes
    return gradients_bytes if optimizer.defaults.get("momentum") else 0


def _size(tensor: Any) -> int:
    return int(tensor.numel() * tensor.element_size())


def _is_linear(layer: Any) -> bool:
    weight = getattr(layer, "weight", None)
    return "Linear" in type(layer).__name__ and getattr(weight, "ndim", 0) == 2


def transformer(model: Any) -> Transformer | None:
    """The sizes of a model of Hugging Face's, as its ``config`` tells them; None for any other."""
    config = getattr(model, "config", None)
    config = getattr(config, "text_config", config)
    found = [getattr(config, name, None) for name in ("hidden_size", "num_hidden_layers", "vocab_size")]
    return Transformer(*found) if all(isinstance(one, int) and one > 0 for one in found) else None  # type: ignore[arg-type]


def shapes_that_fit(free_bytes: float, one: Transformer) -> Iterator[tuple[bool, int, int]]:
    """What fits: gradient checkpointing or not, examples, and their length in tokens, the longest that fits."""
    for checkpointing in (False, True):
        tokens = int(free_bytes / one.token_bytes(checkpointing=checkpointing))
        for length in LENGTHS:
            if tokens >= length:
                yield checkpointing, rounded(tokens // length), length
                break


def rounded(batch: int) -> int:
    """Down to a size that is as fast as any: a power of two up to 8, then a multiple of 8."""
    return batch // 8 * 8 if batch >= 8 else 1 << (batch.bit_length() - 1) if batch else 0

"""Which modules are whose: all that is known of a framework before it is imported."""

from __future__ import annotations

from collections.abc import Callable

Kinds = list[tuple[type, Callable[..., object]]]

# The modules in which a framework's loops stand, and the module here that names these functions.
LOOPS = {
    "transformers.trainer": "of_transformers",
    "keras.src.backend.torch.trainer": "of_keras",
    **{
        f"{package}.{module}": "of_lightning"
        for package in ("lightning.pytorch", "pytorch_lightning")
        for module in ("trainer.trainer", "trainer.call", "loops.fit_loop", "loops.training_epoch_loop")
    },
}

# Those that are imported before there is an object of theirs that is pickled in a way of its own.
PICKLED = {
    "accelerate.state": "of_accelerate",
    "keras.src.callbacks.callback_list": "of_keras",
    "lightning.pytorch.core.module": "of_lightning",
    "pytorch_lightning.core.module": "of_lightning",
    "transformers.trainer": "of_transformers",
}

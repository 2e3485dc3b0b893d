"""The trainings of ``benchmarks.frameworks``: one notebook a framework, with noise in the data and dropout.

Each has EPOCHS epochs of STEPS steps. ``saving`` and ``resuming`` are what a user writes for the framework's own
checkpoints and its own resume; a guarded cell has neither.
"""

from __future__ import annotations

from dataclasses import dataclass

EPOCHS = 3
STEPS = 40  # an epoch
EVERY = 10  # steps from one checkpoint, or snapshot, to the next


@dataclass(frozen=True)
class Notebook:
    """Cells. ``needs`` are modules, without which the framework is left out; ``own`` names its resume; ``end`` prints a
    digest of the weights, and the losses logged.
    """

    name: str
    needs: tuple[str, ...]
    own: str
    imports: str
    train: str
    saving: str
    resuming: str
    end: str

    def cell(self, *, own: bool) -> str:
        """The training, with the framework's own checkpoints and resume or without."""
        return self.train.replace("SAVING", self.saving * own).replace("RESUMING", self.resuming * own)


DIGEST = """
import hashlib
import json
print(json.dumps([hashlib.sha256(b"".join(one.tobytes() for one in weights)).hexdigest(), losses]))
"""

POINTS = f"""class Points(torch.utils.data.Dataset):
    def __init__(self):
        self.x = torch.randn({STEPS} * 8, 8)
    def __len__(self):
        return len(self.x)
    def __getitem__(self, index):
        return self.x[index] + torch.randn(8) / 10, self.x[index].sum()
"""

TRAINER = Notebook(
    name="Hugging Face's Trainer",
    needs=("transformers", "accelerate"),
    own="`resume_from_checkpoint=True`",
    imports=f"""
from pathlib import Path
import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments
from benchmarks.steps import mark
torch.set_num_threads(1)
torch.manual_seed(1)
class Words(torch.utils.data.Dataset):
    def __init__(self):
        self.ids = torch.randint(1, 64, ({STEPS} * 8, 16))
    def __len__(self):
        return len(self.ids)
    def __getitem__(self, index):
        noisy = self.ids[index].clone()
        noisy[torch.randint(0, 16, (2,))] = 0
        return {{"input_ids": noisy, "labels": self.ids[index]}}
class Marked(TrainerCallback):
    def on_step_end(self, args, state, control, **others):
        mark(state.global_step)
""",
    train=f"""
shape = GPT2Config(vocab_size=64, n_positions=16, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
arguments = TrainingArguments(
    "out", num_train_epochs={EPOCHS}, per_device_train_batch_size=8, learning_rate=1e-3, logging_steps=4,
    use_cpu=True, disable_tqdm=True, **(dict(SAVING) or dict(save_strategy="no")),
)
trainer = Trainer(GPT2LMHeadModel(shape), arguments, train_dataset=Words(), callbacks=[Marked()])
trainer.train(RESUMING)
""",
    saving=f'save_strategy="steps", save_steps={EVERY}',
    resuming='resume_from_checkpoint=any(Path("out").glob("checkpoint-*"))',  # True where there is none is an error
    end="""
weights = [one.numpy() for one in trainer.model.state_dict().values()]
losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
"""
    + DIGEST,
)

LIGHTNING = Notebook(
    name="Lightning",
    needs=("lightning",),
    own='`ckpt_path="last"`',
    imports=f"""
import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.nn.functional import mse_loss
from benchmarks.steps import mark
torch.set_num_threads(1)
torch.manual_seed(1)
{POINTS}class Net(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = torch.nn.Sequential(
            torch.nn.Linear(8, 16), torch.nn.Dropout(0.2), torch.nn.ReLU(), torch.nn.Linear(16, 1)
        )
    def training_step(self, batch, number):
        loss = mse_loss(self.net(batch[0]).squeeze(1), batch[1])
        self.log("loss", loss, on_step=False, on_epoch=True)
        return loss
    def on_train_batch_end(self, outputs, batch, number):
        mark(self.trainer.global_step)
    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=1e-2)
""",
    train=f"""
net = Net()
trainer = lightning.Trainer(
    max_epochs={EPOCHS}, accelerator="cpu", logger=False, enable_model_summary=False, enable_progress_bar=False,
    **(dict(SAVING) or dict(enable_checkpointing=False)),
)
trainer.fit(net, torch.utils.data.DataLoader(Points(), 8, shuffle=True), **dict(RESUMING))
""",
    saving=f'callbacks=[ModelCheckpoint("out", every_n_train_steps={EVERY}, save_last=True)]',
    resuming='ckpt_path="last"',
    end="""
weights = [one.numpy() for one in net.state_dict().values()]
losses = [trainer.callback_metrics["loss"].item()]
"""
    + DIGEST,
)

KERAS = Notebook(
    name="Keras 3 on torch",
    needs=("keras", "torch"),
    own="`BackupAndRestore`",
    imports=f"""
import os
os.environ["KERAS_BACKEND"] = "torch"
import keras
import numpy as np
import torch
from benchmarks.steps import mark
torch.set_num_threads(1)
keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=({STEPS} * 8, 8)).astype("float32")
y = (x.sum(1) > 0).astype("float32")
class Marked(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
    def on_train_batch_end(self, batch, logs=None):
        mark(self.epoch * {STEPS} + batch + 1)
""",
    train=f"""
layers = [
    keras.layers.GaussianNoise(0.1), keras.layers.Dense(16, "relu"), keras.layers.Dropout(0.2),
    keras.layers.Dense(1, "sigmoid"),
]
model = keras.Sequential([keras.Input((8,)), *layers])
model.compile("adam", "binary_crossentropy")
history = model.fit(x, y, epochs={EPOCHS}, batch_size=8, callbacks=[Marked(), *[SAVING]], verbose=0)
""",
    saving=f'keras.callbacks.BackupAndRestore("out", save_freq={EVERY})',
    resuming="",
    end='weights, losses = model.get_weights(), history.history["loss"][-1:]\n' + DIGEST,
)

ACCELERATE = Notebook(
    name="accelerate",
    needs=("accelerate",),
    own="`load_state`, `skip_first_batches`",
    imports=f"""
from pathlib import Path
import torch
from accelerate import Accelerator
from benchmarks.steps import mark
torch.set_num_threads(1)
torch.manual_seed(1)
{POINTS}""",
    train=f"""
accelerator = Accelerator(cpu=True)
model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Dropout(0.2), torch.nn.ReLU(), torch.nn.Linear(16, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
loader = torch.utils.data.DataLoader(Points(), 8, shuffle=True)
model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
step, losses = 0, []
RESUMING
for epoch in range(step // {STEPS}, {EPOCHS}):
    if hasattr(loader, "set_epoch"):
        loader.set_epoch(epoch)
    batches = accelerator.skip_first_batches(loader, step % {STEPS}) if step % {STEPS} else loader
    total = 0.0
    for inputs, targets in batches:
        loss = torch.nn.functional.mse_loss(model(inputs).squeeze(1), targets)
        accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        total += loss.item()
        step += 1
        mark(step)
        SAVING
    losses = [total / {STEPS}]
""",
    saving=f"""if step % {EVERY} == 0:
            accelerator.save_state("out")
            Path("out/step").write_text(str(step))""",
    resuming="""if Path("out/step").exists():
    accelerator.load_state("out")
    step = int(Path("out/step").read_text())""",
    end="weights = [one.numpy() for one in model.state_dict().values()]\n" + DIGEST,
)

NOTEBOOKS = (TRAINER, LIGHTNING, KERAS, ACCELERATE)

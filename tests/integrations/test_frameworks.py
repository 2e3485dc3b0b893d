"""A training that a framework runs, killed in the middle of the framework's own loop, ends with the same bits.

Killed in this process, at safe points spread over the training, and again further on (tests/support/dying.py). The
bench kills kernels: ``python -m tests.chaos --cell hf_trainer``, ``keras_fit``, ``lightning_fit`` and ``trl_lora``.
"""

import ast
import importlib
import os
import textwrap

import pytest
import torch  # noqa: F401 - where it is missing this module is left out

from colab_guard.capture import loaders
from colab_guard.session import Session
from tests.support.dying import count, lives, plain

KERAS = (
    """
    import os
    os.environ["KERAS_BACKEND"] = "torch"
    import keras
    import numpy as np
    keras.utils.set_random_seed(1)
    x = np.random.default_rng(0).normal(size=(36, 8)).astype("float32")
    y = (x.sum(1) > 0).astype("float32")
    """,
    """
    layers = [keras.layers.Dense(4, "relu"), keras.layers.Dropout(0.2), keras.layers.Dense(1, "sigmoid")]
    model = keras.Sequential([keras.Input((8,)), *layers])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    result = model.fit(x, y, epochs=2, batch_size=8, validation_split=0.4, verbose=0)
    history = result.history
    weights = [one.tolist() for one in model.get_weights()]
    moments = [one.value.tolist() for one in model.optimizer.variables]
    random = torch_state = keras.random.uniform((2,)).tolist()
    del model, layers, result, x, y
    """,
)

DATA = """
import torch
torch.manual_seed(1)
class Words(torch.utils.data.Dataset):
    def __init__(self, count):
        self.ids = torch.randint(1, 32, (count, 8), generator=torch.Generator().manual_seed(count))
    def __len__(self):
        return len(self.ids)
    def __getitem__(self, index):
        noisy = self.ids[index].clone()
        noisy[torch.randint(0, 8, (2,))] = 0
        return {"input_ids": noisy, "labels": self.ids[index]}
"""
MODEL = """
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments
def small():
    return GPT2LMHeadModel(GPT2Config(vocab_size=32, n_positions=8, n_embd=8, n_layer=1, n_head=2, bos_token_id=0,
                                      eos_token_id=0))
class Seen(TrainerCallback):
    def __init__(self):
        self.steps = []
    def on_train_begin(self, args, state, control, **others):
        self.steps.append("begin")
    def on_step_end(self, args, state, control, **others):
        self.steps.append((state.global_step, torch.rand(()).item()))
class Mine(Trainer):
    def training_step(self, *given):
        loss = super().training_step(*given)
        self.losses.append(loss.item())
        return loss
    def train(self, **given):
        self.losses = []
        return super().train(**given)
"""
ENDS = """
weights = [one.tolist() for one in model.state_dict().values()]
moments = [one.tolist() for state in optimizer.state.values() for one in state.values()]
rates = scheduler.get_last_lr()
state = torch.get_rng_state().tolist()
"""
TRAINER = (
    DATA + MODEL,
    """
seen = Seen()
arguments = TrainingArguments(
    "out", num_train_epochs=2, per_device_train_batch_size=4, gradient_accumulation_steps=2, learning_rate=1e-2,
    warmup_steps=2, logging_steps=2, eval_strategy="steps", eval_steps=3, save_strategy="no", use_cpu=True, bf16=True,
    disable_tqdm=True,
)
trainer = Mine(small(), arguments, train_dataset=Words(20), eval_dataset=Words(9), callbacks=[seen])
result = trainer.train()
model, optimizer, scheduler = trainer.model, trainer.optimizer, trainer.lr_scheduler
"""
    + ENDS
    + """
timed = ("runtime", "per_second")
log = [{key: value for key, value in row.items() if not key.endswith(timed)} for row in trainer.state.log_history]
loss, losses, steps = result.training_loss, trainer.losses, seen.steps
del trainer, result, seen, arguments, model, optimizer, scheduler
""",
)
ACCELERATE = (
    DATA + "from accelerate import Accelerator\n",
    """
accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
model = torch.nn.Sequential(torch.nn.Embedding(32, 4), torch.nn.Dropout(0.2), torch.nn.Linear(4, 32))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2)
loader = torch.utils.data.DataLoader(Words(15), batch_size=4, shuffle=True)
model, optimizer, scheduler, loader = accelerator.prepare(model, optimizer, scheduler, loader)
losses = []
for epoch in range(3):
    for batch in loader:
        with accelerator.accumulate(model):
            guessed = model(batch["input_ids"])
            loss = torch.nn.functional.cross_entropy(guessed.flatten(0, 1), batch["labels"].flatten())
            accelerator.backward(loss)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
        losses.append(loss.item())
optimizer = optimizer.optimizer
"""
    + ENDS
    + "del accelerator, model, optimizer, scheduler, loader, batch, guessed, loss\n",
)
LIGHTNING = (
    """
    import lightning
    import torch
    torch.manual_seed(1)
    class Net(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.Dropout(0.2), torch.nn.Linear(4, 1))
            self.seen = []
        def training_step(self, batch, number):
            loss = (self.net(batch[0]).squeeze(1) - batch[1]).pow(2).mean()
            self.log("loss", loss, prog_bar=True)
            self.seen.append(loss.item())
            return loss
        def validation_step(self, batch, number):
            self.log("val", (self.net(batch[0]).squeeze(1) - batch[1]).pow(2).mean())
        def configure_optimizers(self):
            optimizer = torch.optim.AdamW(self.parameters(), lr=1e-2)
            return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1)]
    x = torch.randn(20, 8)
    data = torch.utils.data.TensorDataset(x, x.sum(1))
    """,
    """
    net = Net()
    trainer = lightning.Trainer(max_epochs=2, accelerator="cpu", logger=False, enable_model_summary=False)
    trainer.fit(net, torch.utils.data.DataLoader(data, 4, shuffle=True), torch.utils.data.DataLoader(data, 10))
    weights = [one.tolist() for one in net.state_dict().values()]
    moments = [one.tolist() for state in net.optimizers().state.values() for one in state.values()]
    rates, seen = net.lr_schedulers().get_last_lr(), net.seen
    state = torch.get_rng_state().tolist()
    del net, trainer, x, data
    """,
)
SHOWN = {  # by a cell that never ran: what is called in its second and third line
    "keras": (
        "import keras",
        "net = keras.Sequential([])\nhistory = net.fit(x, y)\nprint(net.evaluate(x, y))",
        [
            "safe points inside TorchTrainer.fit()",
            "atomic: TorchTrainer.evaluate() is called inside",
        ],
    ),
    "transformers": (
        "from transformers import Trainer",
        "trainer = Trainer(model)\nresult = trainer.train()\nloss = trainer.evaluate()['eval_loss']",
        ["safe points inside Trainer.train()", "atomic: Trainer.evaluate() is called inside"],
    ),
    "lightning": (
        "import lightning",
        "trainer = lightning.Trainer()\ntrainer.fit(net)\ntrainer.test(net)",
        ["safe points inside Trainer.fit()", "safe point before"],
    ),
}
TRAININGS = {"keras": KERAS, "transformers": TRAINER, "accelerate": ACCELERATE, "lightning": LIGHTNING}


@pytest.fixture(autouse=True)
def watching():
    """As a guarded cell does while it runs."""
    os.environ["KERAS_BACKEND"] = "torch"  # also for those that look whether there is a Keras
    loaders.watch()
    yield
    loaders.unwatch()


@pytest.mark.filterwarnings("ignore")  # the frameworks' own, of which each new release has others
@pytest.mark.parametrize("framework", TRAININGS)
def test_ends_as_a_training_that_never_died(framework, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    importlib.import_module(framework)  # which may draw random numbers
    above, cell = map(textwrap.dedent, TRAININGS[framework])
    expected = plain(cell, above)
    points = count(cell, above)
    assert points > 20, "the loops of the framework are not entered"
    for number, end in lives(cell, above, points // 2, lambda points: range(points // 4, points + 1, points // 3)):
        assert end == expected, f"died at point {number} of {points}"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("above", "cell", "notes"), SHOWN.values(), ids=SHOWN)
def test_it_is_shown_before_the_cell_ever_ran(above, cell, notes):
    namespace = {}
    exec(above, namespace)
    lines = Session(namespace, print, "nowhere").explanation(ast.parse(cell), cell, "cell").splitlines()[1:]
    assert len(lines) == len(notes)
    for line, note in zip(lines, notes, strict=True):
        assert note in line

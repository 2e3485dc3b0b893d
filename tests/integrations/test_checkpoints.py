"""Checkpoints that a framework writes itself are in the store, and come out of it as the framework reads them."""

import importlib
from pathlib import Path

import torch

from tests.support.exported import export, guarded_by

TRAINING = """
import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments
config = GPT2Config(vocab_size=32, n_positions=8, n_embd=8, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0)
data = [{"input_ids": row, "labels": row} for row in torch.randint(1, 32, (16, 8))]
arguments = TrainingArguments("out", max_steps=4, save_steps=2, per_device_train_batch_size=4, use_cpu=True,
                              report_to="none", disable_tqdm=True)
trainer = Trainer(GPT2LMHeadModel(config), arguments, train_dataset=data)
result = trainer.train()
torch.save(trainer.model.state_dict(), "end.pt")
"""


def test_a_trainers_checkpoint_is_loaded_from_an_export_of_the_store(tmp_path: Path) -> None:
    transformers = importlib.import_module("transformers")  # slow: only here
    store = tmp_path / "store"
    guarded_by(TRAINING, store, tmp_path, "--files out")
    export(store, tmp_path, "out", "--to", "there")
    found = tmp_path / "there/files/out"
    assert {path.name for path in found.iterdir()} >= {"checkpoint-2", "checkpoint-4"}
    model = transformers.GPT2LMHeadModel.from_pretrained(found / "checkpoint-4")
    end = torch.load(tmp_path / "end.pt")
    assert all(torch.equal(value, end[name]) for name, value in model.state_dict().items())

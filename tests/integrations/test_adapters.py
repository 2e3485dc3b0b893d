"""Of a model with adapters (LoRA) only these change, and only these are written, with what the optimizer keeps."""

import pytest
import torch  # noqa: F401 - where it is missing this module is left out

from colab_guard.cell.tree import parse
from colab_guard.core.settings import Interval
from colab_guard.session import Options, Session
from colab_guard.store.retention import Retention
from tests.running.test_progress import execute

ABOVE = """
import torch
from peft import LoraConfig, get_peft_model
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments
shape = GPT2Config(vocab_size=4096, n_positions=8, n_embd=256, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
config = LoraConfig(r=4, target_modules=["c_attn"], fan_in_fan_out=True)
model = get_peft_model(GPT2LMHeadModel(shape), config)
words = [{"input_ids": [i, 1, 2, 3], "labels": [i, 1, 2, 3]} for i in range(24)]
arguments = TrainingArguments("out", per_device_train_batch_size=4, num_train_epochs=1, save_strategy="no",
                              use_cpu=True, disable_tqdm=True, logging_strategy="no")
"""
CELL = "trainer = Trainer(model, arguments, train_dataset=words)\nresult = trainer.train()\n"
COUNT = """
frozen = sum(one.nbytes for one in model.parameters() if not one.requires_grad)
trained = sum(one.nbytes for one in model.parameters() if one.requires_grad)
"""


@pytest.mark.filterwarnings("ignore")  # the frameworks' own, of which each new release has others
def test_only_the_adapters_are_written(tmp_path, monkeypatch, record_property):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    execute(ABOVE + COUNT, namespace, "<above>", lambda source: parse(source).body)
    session = Session(namespace, lambda text: None, str(tmp_path / "store"))
    each = Options("lora", Interval(iterations=1), retention=Retention(keep=50))
    execute(CELL, namespace, "<cell>", lambda source: session.program(parse(source), source, each))
    repository = session.repositories()[0]
    first, *others = sorted(repository.snapshots("lora"), key=lambda one: one.seq)
    record_property("bytes", [first.new_bytes, *(one.new_bytes for one in others)])
    assert namespace["frozen"] > 10_000_000 > 300 * namespace["trained"]
    assert first.new_bytes > namespace["frozen"]
    in_loop = [one.new_bytes for one in others if one.body["place"] == "Trainer.train() in line 2"]
    assert len(in_loop) > 4
    assert max(in_loop) < 3 * namespace["trained"] + 200_000, "what does not change is written again"

# TRL's SFTTrainer, a model with adapters (LoRA), a tokenizer and a dataset of Hugging Face's; unseeded loader, dropout.
# results: weights, moments, log, loss
# needs: torch, transformers, accelerate, peft, trl, datasets
# seeded
# slow
# %%
import random
import time

import torch
from datasets import Dataset
from peft import LoraConfig
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast, TrainerCallback
from trl import SFTConfig, SFTTrainer

torch.set_num_threads(1)
words = "the a cat dog sat ran on mat log and then saw red blue".split()
known = {word: number for number, word in enumerate(["[UNK]", "[PAD]", "[EOS]", *words])}
plain = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
plain.pre_tokenizer = pre_tokenizers.Whitespace()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, unk_token="[UNK]", pad_token="[PAD]", eos_token="[EOS]")
texts = random.Random(1)
data = Dataset.from_dict({"text": [" ".join(texts.choices(words, k=12)) for _ in range(120)]})


class Slow(TrainerCallback):
    def on_step_end(self, *arguments, **others):
        time.sleep(0.05)


# %%
%%checkpointed trl_lora
shape = GPT2Config(vocab_size=32, n_positions=64, n_embd=64, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=2)
trainer = SFTTrainer(
    GPT2LMHeadModel(shape),
    args=SFTConfig("out", num_train_epochs=3, per_device_train_batch_size=8, logging_steps=5, use_cpu=True, bf16=False,
                   save_strategy="no", report_to="none"),
    train_dataset=data, processing_class=tokenizer, callbacks=[Slow()],
    peft_config=LoraConfig(r=4, target_modules=["c_attn"], lora_dropout=0.1, fan_in_fan_out=True),
)
result = trainer.train()
# %%
weights = dict(trainer.model.state_dict())
moments = [trainer.optimizer.state[one] for group in trainer.optimizer.param_groups for one in group["params"]]
timed = ("runtime", "per_second")
log = [{key: value for key, value in row.items() if not key.endswith(timed)} for row in trainer.state.log_history]
loss = result.training_loss

# trainer.train() of Hugging Face: batches accumulated, noise in the data, evaluations, a callback that remembers.
# results: weights, moments, rates, log, steps, loss, seen
# needs: torch, transformers, accelerate
# seeded
# slow
# %%
import time

import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments

torch.set_num_threads(1)


class Words(torch.utils.data.Dataset):
    def __init__(self, count):
        self.ids = torch.randint(1, 64, (count, 16), generator=torch.Generator().manual_seed(count))

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, index):
        noisy = self.ids[index].clone()
        noisy[torch.randint(0, 16, (2,))] = 0
        return {"input_ids": noisy, "labels": self.ids[index]}


class Seen(TrainerCallback):
    def __init__(self):
        self.steps = []

    def on_step_end(self, args, state, control, **others):
        self.steps.append((state.global_step, round(torch.rand(()).item(), 6)))
        time.sleep(0.03)


seen = Seen()
# %%
%%checkpointed hf_trainer
shape = GPT2Config(vocab_size=64, n_positions=16, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
trainer = Trainer(
    GPT2LMHeadModel(shape),
    TrainingArguments(
        "out", num_train_epochs=4, per_device_train_batch_size=8, gradient_accumulation_steps=2, learning_rate=1e-3,
        warmup_steps=5, logging_steps=3, eval_strategy="steps", eval_steps=9, save_strategy="no", use_cpu=True,
    ),
    train_dataset=Words(100), eval_dataset=Words(40), callbacks=[seen],
)
result = trainer.train()
# %%
weights = dict(trainer.model.state_dict())
moments = [trainer.optimizer.state[one] for group in trainer.optimizer.param_groups for one in group["params"]]
rates = trainer.lr_scheduler.state_dict()
timed = ("runtime", "per_second")
log = [{key: value for key, value in row.items() if not key.endswith(timed)} for row in trainer.state.log_history]
steps, loss = result.global_step, result.training_loss

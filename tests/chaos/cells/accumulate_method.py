# Gradient accumulation in a method that keeps its own count, with an EMA of the weights in a class; unseeded.
# results: learner, shadow, micro_losses
# needs: torch
# %%
import copy
import time

import torch

class EMA:
    def __init__(self, model, decay):
        self.decay, self.model = decay, copy.deepcopy(model)
        self.updates = 0

    @torch.no_grad()
    def update(self, model):
        self.updates += 1
        for mine, theirs in zip(self.model.parameters(), model.parameters()):
            mine.mul_(self.decay).add_(theirs, alpha=1 - self.decay)

class Learner:
    def __init__(self, model, accumulate):
        self.model, self.accumulate, self.seen = model, accumulate, 0
        self.opt = torch.optim.AdamW(model.parameters(), lr=0.02)

    def run_epoch(self, batches, shadow, losses):
        for xb, yb in batches:
            loss = torch.nn.functional.l1_loss(self.model(xb), yb) / self.accumulate
            loss.backward()
            losses.append(loss.item())
            self.seen += 1
            if self.seen % self.accumulate == 0:
                torch.nn.utils.clip_grad_value_(self.model.parameters(), 0.5)
                self.opt.step()
                self.opt.zero_grad()
                shadow.update(self.model)
            time.sleep(0.008)

def make_batches(n):
    for _ in range(n):
        x = torch.rand(8, 4)
        yield x, x.prod(1, keepdim=True)
# %%
learner = Learner(torch.nn.Sequential(torch.nn.Linear(4, 12), torch.nn.Mish(), torch.nn.Linear(12, 1)), accumulate=5)
shadow = EMA(learner.model, 0.9)
# %%
%%checkpointed accumulate-method
micro_losses = []
for epoch in range(6):
    learner.run_epoch(make_batches(22), shadow, micro_losses)

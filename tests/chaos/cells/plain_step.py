# The plainest training: a step with its forward and its backward, and an evaluation that forgets no_grad; unseeded.
# results: model, opt, losses, held_out
# needs: torch
# %%
import time

import torch
from torch import nn

x = torch.randn(320, 6)
y = (x.sum(1, keepdim=True) > 0).float()
model = nn.Sequential(nn.Linear(6, 16), nn.Dropout(0.1), nn.ReLU(), nn.Linear(16, 1))
opt = torch.optim.Adam(model.parameters(), lr=0.01)


def step(rows, labels):
    loss = nn.functional.binary_cross_entropy_with_logits(model(rows), labels)
    time.sleep(0.006)
    opt.zero_grad()
    loss.backward()
    time.sleep(0.002)
    opt.step()
    return loss.item()


def evaluate():
    total = 0.0
    for first in range(256, 320, 16):
        total += nn.functional.binary_cross_entropy_with_logits(model(x[first : first + 16]), y[first : first + 16])
        time.sleep(0.002)
    return float(total)


# %%
%%checkpointed plain
losses, held_out = [], []
for epoch in range(14):
    for first in range(0, 256, 16):
        losses.append(step(x[first : first + 16], y[first : first + 16]))
    held_out.append(evaluate())

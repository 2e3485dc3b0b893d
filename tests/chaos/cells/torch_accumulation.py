# Gradient accumulation: .grad must survive between two opt.step(); clipping, momentum, unseeded.
# results: model, opt, losses, norms
# needs: torch
# %%
import time

import torch
from torch import nn

X, w = torch.randn(600, 10), torch.randn(10, 1)
y = X @ w + 0.1 * torch.randn(600, 1)
model = nn.Sequential(nn.Linear(10, 32), nn.Tanh(), nn.Dropout(0.1), nn.Linear(32, 1))
opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
# %%
%%checkpointed accumulate
accumulate = 7
losses, norms = [], []
opt.zero_grad()
for epoch in range(7):
    order = torch.randperm(len(X))
    for i, batch in enumerate(order.split(12)):
        loss = nn.functional.mse_loss(model(X[batch]), y[batch]) / accumulate
        loss.backward()
        losses.append(loss.item())
        if (i + 1) % accumulate == 0:
            norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), 1.0)))
            opt.step()
            opt.zero_grad()
        time.sleep(0.005)

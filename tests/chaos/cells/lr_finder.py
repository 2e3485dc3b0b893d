# A learning-rate finder: keeps deep copies of both states, raises the rate until the loss explodes, restores; unseeded.
# results: model, optimizer, tried, suggested, losses
# needs: torch
# %%
import copy
import time

import torch

def batch():
    x = torch.randn(16, 8)
    return x, (x[:, :1] - x[:, 1:2]) ** 2

def find_lr(model, optimizer, lowest=1e-5, factor=1.25, limit=90):
    saved = copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict())
    tried, smooth, least = [], None, float("inf")
    lr = lowest
    for i in range(limit):
        for group in optimizer.param_groups:
            group["lr"] = lr
        x, y = batch()
        loss = torch.nn.functional.huber_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        smooth = loss.item() if smooth is None else 0.8 * smooth + 0.2 * loss.item()
        tried.append((lr, smooth))
        least = min(least, smooth)
        if i > 40 and smooth > 4 * least:
            break
        lr *= factor
        time.sleep(0.009)
    model.load_state_dict(saved[0])
    optimizer.load_state_dict(saved[1])
    return min(tried, key=lambda pair: pair[1])[0] / 10, tried
# %%
model = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.Softplus(), torch.nn.Linear(32, 1))
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.01)
# %%
%%checkpointed lr-finder
suggested, tried = find_lr(model, optimizer)
losses = []
for group in optimizer.param_groups:
    group["lr"] = suggested
for _ in range(60):
    x, y = batch()
    loss = torch.nn.functional.huber_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(float(loss))
    time.sleep(0.007)

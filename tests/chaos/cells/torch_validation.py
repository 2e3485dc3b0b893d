# no_grad and autocast around validation, the best weights kept as a deep copy, early stopping; unseeded.
# results: model, opt, best, best_state, curve, stopped
# needs: torch
# %%
import copy
import time

import torch
from torch import nn

X = torch.randn(500, 16)
y = (X[:, :4].sum(1) + 0.5 * torch.randn(500) > 0).long()
train, valid = torch.arange(400), torch.arange(400, 500)
model = nn.Sequential(nn.Linear(16, 64), nn.LayerNorm(64), nn.GELU(), nn.Dropout(0.2), nn.Linear(64, 2))
opt = torch.optim.Adam(model.parameters(), lr=0.01)
# %%
%%checkpointed validate
best, best_state, curve, stopped = float("inf"), None, [], None
bad = 0
for epoch in range(14):
    model.train()
    for batch in torch.randperm(400).split(32):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = nn.functional.cross_entropy(model(X[batch]), y[batch])
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        time.sleep(0.008)
    model.eval()
    total = 0.0
    with torch.no_grad():
        with torch.autocast(device_type="cpu", dtype=torch.bfloat16):
            for batch in valid.split(10):
                total += nn.functional.cross_entropy(model(X[batch]), y[batch]).item() * len(batch)
                time.sleep(0.008)
    curve.append(total / len(valid))
    if curve[-1] < best:
        best, best_state, bad = curve[-1], copy.deepcopy(model.state_dict()), 0
    else:
        bad += 1
        if bad > 8:
            stopped = epoch
            break

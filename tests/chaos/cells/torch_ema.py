# A deep copy that follows by exponential averages, in while, with AveragedModel beside it; unseeded.
# results: model, ema, average, opt, plateau, step, gap
# needs: torch
# %%
import copy
import time

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

model = nn.Sequential(nn.Linear(6, 24), nn.BatchNorm1d(24), nn.SiLU(), nn.Linear(24, 3))
ema = copy.deepcopy(model).requires_grad_(False)
average = AveragedModel(model)
opt = torch.optim.AdamW(model.parameters(), lr=0.02, amsgrad=True)
plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, patience=5)
target = torch.randn(6, 3)
# %%
%%checkpointed ema
step, gap = 0, []
while step < 260:
    x = torch.randn(32, 6)
    loss = (model(x) - x @ target).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    with torch.no_grad():
        for slow, fast in zip(ema.parameters(), model.parameters()):
            slow.lerp_(fast, 0.05)
    step += 1
    if step % 10 == 0:
        average.update_parameters(model)
        plateau.step(loss.item())
        gap.append(sum((a - b).abs().sum().item() for a, b in zip(ema.parameters(), model.parameters())))
    time.sleep(0.007)

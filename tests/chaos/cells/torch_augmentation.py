# Random augmentation in __getitem__ from three sources, no workers, under tqdm and enumerate; unseeded.
# results: model, opt, warm, seen, losses
# needs: torch, tqdm
# %%
import random
import time

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm

class Signals(Dataset):
    def __init__(self, n):
        self.x = torch.randn(n, 32)
        self.y = (self.x.mean(1) > 0).long()

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        x = torch.roll(self.x[i], random.randrange(4))
        if np.random.random() < 0.5:
            x = x.flip(0)
        return x + 0.1 * torch.randn(32), self.y[i]

def warmup(step):
    return min(1.0, (step + 1) / 40)

loader = DataLoader(Signals(200), batch_size=10, shuffle=True, drop_last=True)
model = nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 2))
opt = torch.optim.NAdam(model.parameters(), lr=0.01)
warm = torch.optim.lr_scheduler.LambdaLR(opt, warmup)
# %%
%%checkpointed augmented
seen, losses = [], []
for epoch in range(10):
    for i, (x, y) in enumerate(tqdm(loader, desc=f"epoch {epoch}", leave=False)):
        loss = nn.functional.cross_entropy(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        warm.step()
        losses.append(loss.item())
        seen.append(x.sum().item())
        time.sleep(0.008)

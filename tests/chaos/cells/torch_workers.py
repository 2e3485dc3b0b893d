# A shuffled DataLoader with two workers that draw random augmentations in __getitem__.
# results: total, seen, weights
# needs: torch
# seeded
# %%
import random
import time

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

class Noisy(Dataset):
    def __len__(self):
        return 80

    def __getitem__(self, i):
        time.sleep(0.002)
        return torch.full((4,), float(i)) + torch.randn(4), random.random()

torch.manual_seed(11)
loader = DataLoader(Noisy(), batch_size=4, shuffle=True, num_workers=2)
weights = torch.rand(4)
# %%
%%checkpointed workers
total, seen = torch.zeros(4), []
for epoch in range(4):
    for i, (x, extra) in enumerate(loader):
        weights = weights * 0.9 + 0.1 * torch.rand(4)
        total += (x * weights).sum(0)
        seen.append((epoch, i, extra.tolist()))
        time.sleep(0.02)

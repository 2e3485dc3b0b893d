# A GAN: two models, two optimizers, noise from an explicit torch.Generator; unseeded.
# results: G, D, opt_g, opt_d, gen, losses
# needs: torch
# %%
import time

import torch
from torch import nn

gen = torch.Generator()
gen.seed()
G = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
D = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Dropout(0.1), nn.Linear(16, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.9))
opt_d = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.9))
bce = nn.BCEWithLogitsLoss()

def real_batch(n):
    angle = torch.rand(n, generator=gen) * 6.2832
    return torch.stack([angle.cos(), angle.sin()], 1)
# %%
%%checkpointed gan
losses = []
ones, zeros = torch.ones(32, 1), torch.zeros(32, 1)
for epoch in range(6):
    for i in range(14):
        for _ in range(2):
            fake = G(torch.randn(32, 4, generator=gen)).detach()
            loss_d = bce(D(real_batch(32)), ones) + bce(D(fake), zeros)
            opt_d.zero_grad()
            loss_d.backward()
            opt_d.step()
            time.sleep(0.006)
        loss_g = bce(D(G(torch.randn(32, 4, generator=gen))), ones)
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        losses.append((loss_d.item(), loss_g.item()))
        time.sleep(0.006)

# A GAN trained in a function that gets both models and both optimizers, two helpers for the two steps; unseeded.
# results: generator, critic, g_optim, d_optim, curves
# needs: torch
# %%
import time

import torch
import torch.nn as nn

LATENT = 3

def real_samples(n):
    x = torch.randn(n, 1)
    return torch.cat([x, x.pow(2) + 0.1 * torch.randn(n, 1)], dim=1)

def critic_step(generator, critic, optim, n):
    fake = generator(torch.randn(n, LATENT)).detach()
    loss = critic(fake).mean() - critic(real_samples(n)).mean()
    optim.zero_grad()
    loss.backward()
    optim.step()
    with torch.no_grad():
        for p in critic.parameters():
            p.clamp_(-0.1, 0.1)
    time.sleep(0.005)
    return loss.item()

def generator_step(generator, critic, optim, n):
    loss = -critic(generator(torch.randn(n, LATENT))).mean()
    optim.zero_grad()
    loss.backward()
    optim.step()
    time.sleep(0.005)
    return loss.item()

def train_gan(generator, critic, g_optim, d_optim, rounds, n_critic=3):
    curves = {"d": [], "g": []}
    for r in range(rounds):
        for _ in range(n_critic):
            d_loss = critic_step(generator, critic, d_optim, 24)
        curves["d"].append(d_loss)
        curves["g"].append(generator_step(generator, critic, g_optim, 24))
    return generator, curves
# %%
generator = nn.Sequential(nn.Linear(LATENT, 16), nn.ELU(), nn.Linear(16, 2))
critic = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
g_optim = torch.optim.RMSprop(generator.parameters(), lr=5e-4)
d_optim = torch.optim.RMSprop(critic.parameters(), lr=5e-4)
# %%
%%checkpointed wgan
generator, curves = train_gan(generator, critic, g_optim, d_optim, rounds=60)

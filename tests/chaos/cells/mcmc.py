# Metropolis sampling with a numpy Generator, in while, until the chains agree; begun unseeded.
# results: chains, rng, accepted, rhat, n
# needs: numpy
# %%
import time

import numpy as np

rng = np.random.default_rng()
data = rng.normal(1.5, 2.0, size=200)

def log_posterior(theta):
    mu, log_sigma = theta
    return -len(data) * log_sigma - ((data - mu) ** 2).sum() / (2 * np.exp(2 * log_sigma)) - mu**2 / 200
# %%
%%checkpointed mcmc
chains = np.full((2, 420, 2), np.nan)
state = rng.normal(size=(2, 2))
logp = np.array([log_posterior(s) for s in state])
accepted = np.zeros(2, dtype=int)
n, rhat = 0, np.inf
while n < chains.shape[1]:
    for c in range(2):
        proposal = state[c] + rng.normal(scale=0.15, size=2)
        candidate = log_posterior(proposal)
        if np.log(rng.random()) < candidate - logp[c]:
            state[c], logp[c] = proposal, candidate
            accepted[c] += 1
        chains[c, n] = state[c]
    n += 1
    if n % 50 == 0:
        half = chains[:, n // 2 : n, 0]
        rhat = float(np.sqrt(half.mean(1).var(ddof=1) / half.var(1, ddof=1).mean() + 1))
        if rhat < 1.0:
            break
    time.sleep(0.005)

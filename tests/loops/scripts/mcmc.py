"""A random walk in numpy: arrays in place, a view, a Generator and the global state, a chain in an object."""

import numpy as np
from helpers import end, tick

import colab_guard as cg


class Chain:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.position = np.zeros(3)
        self.accepted = 0


def energy(x):
    return float((x**2).sum() + np.sin(5 * x).sum())


np.random.seed(1)
chain = Chain(7)
samples = np.zeros((60, 3))
tail = samples[30:]
position = chain.position
for n in cg.loop(range(60), name="walk", every="2it", state=[chain, samples, tail]):
    tick()
    proposal = position + chain.rng.normal(size=3) * 0.3
    if np.random.random() < np.exp(energy(position) - energy(proposal)):
        position[:] = proposal
        chain.accepted += 1
    samples[n] = position

assert position is chain.position
assert np.shares_memory(tail, samples)
end(samples.tobytes(), chain.accepted, chain.rng.random(), np.random.random())

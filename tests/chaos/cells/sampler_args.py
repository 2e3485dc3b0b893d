# Slice and Gibbs sampling in functions that get their numpy Generator as an argument; chains share one, one is spawned.
# results: slices, pairs, main_rng, side_rng, evaluations
# needs: numpy
# seeded
# %%
import time

import numpy as np

main_rng = np.random.default_rng(2718)
side_rng = np.random.Generator(np.random.Philox(5))

def log_density(x):
    return -0.5 * x * x + np.log1p(np.sin(3 * x) ** 2)

def slice_sample(rng, start, draws, width=1.5):
    x, out, calls = start, np.empty(draws), 0
    for i in range(draws):
        height = log_density(x) - rng.exponential()
        left = x - width * rng.random()
        right = left + width
        while log_density(left) > height:
            left -= width
            calls += 1
        while log_density(right) > height:
            right += width
            calls += 1
        while True:
            x_new = rng.uniform(left, right)
            calls += 1
            if log_density(x_new) > height:
                break
            left, right = (x_new, right) if x_new < x else (left, x_new)
        x = out[i] = x_new
        time.sleep(0.006)
    return out, calls

def gibbs(rng, rho, sweeps):
    a = b = 0.0
    for _ in range(sweeps):
        a = rng.normal(rho * b, np.sqrt(1 - rho**2))
        b = rng.normal(rho * a, np.sqrt(1 - rho**2))
        yield a, b
# %%
%%checkpointed sampler-args
slices, evaluations = [], 0
for chain in range(2):
    sample, calls = slice_sample(main_rng, float(chain), 70)
    slices.append(sample)
    evaluations += calls
pairs = []
for pair in gibbs(side_rng, 0.8, 80):
    pairs.append(pair)
    time.sleep(0.005)

# A backbone of 4 MB that stays as it is, and a head of 1 MB that is trained on what it gives.
# results: backbone, head, momentum, losses
# needs: numpy
# seeded
# %%
import time

import numpy as np

rng = np.random.default_rng(11)
backbone = rng.standard_normal((1024, 1024)).astype(np.float32) / 32
target = rng.standard_normal((1024, 128)).astype(np.float32)
# %%
head = np.zeros((1024, 128), np.float32)
momentum = np.zeros_like(head)
# %%
%%checkpointed backbone
losses = []
for step in range(220):
    x = rng.standard_normal((16, 1024)).astype(np.float32)
    features = np.maximum(x @ backbone, 0)
    error = features @ head - x @ target / 32
    momentum = 0.9 * momentum + features.T @ error / len(x)
    head -= 0.02 * momentum
    losses.append(float((error**2).mean()))
    time.sleep(0.008)
# %%
print(f"{losses[0]:.3f} → {losses[-1]:.3f}")

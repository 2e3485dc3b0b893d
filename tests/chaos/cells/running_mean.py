# while True left by break, continue in it, a second while with an else.
# results: samples, mean, variance, outliers, countdown, liftoff
# %%
import random
import time

samples, outliers = 0, []
mean = m2 = 0.0
# %%
%%checkpointed running-mean
while True:
    time.sleep(0.004)
    x = random.lognormvariate(0, 1)
    if x > 8:
        outliers.append(x)
        continue
    samples += 1
    delta = x - mean
    mean += delta / samples
    m2 += delta * (x - mean)
    if samples >= 400:
        variance = m2 / (samples - 1)
        break

countdown = 60
while countdown:
    countdown -= 1
    time.sleep(0.005)
    if random.random() < 0:
        break
else:
    liftoff = f"lift-off with {samples} samples"

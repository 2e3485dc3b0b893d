# Settings kept as class attributes and changed in the loop, mutable defaults, attributes of functions.
# results: CFG, remember, step, history, Counter, counters
# %%
import random
import time

class CFG:
    lr = 0.1
    decay = 0.5
    milestones = [100, 200]
    seen = set()

def remember(x, kept=[]):
    kept.append(x)
    return sum(kept[-10:]) / len(kept[-10:])

def step(value, *, scale={"by": 1.0}):
    step.calls += 1
    scale["by"] *= 0.999
    return value - CFG.lr * value * scale["by"]

step.calls = 0

class Counter:
    instances = 0

    def __init__(self):
        Counter.instances += 1
        self.number = Counter.instances
# %%
%%checkpointed config
history, counters = [], []
value = random.uniform(5, 10)
for i in range(300):
    value = step(value) + random.gauss(0, 0.1)
    history.append(remember(value))
    if i in CFG.milestones:
        CFG.lr *= CFG.decay
        CFG.milestones.append(i + 50)
    if i % 40 == 0:
        counters.append(Counter())
        CFG.seen.add(i)
        CFG.last = i
    time.sleep(0.006)

# Functions in dicts and lists, functools.partial, callable objects, mutable defaults that remember; unseeded.
# results: results, smoothers, signal, operations_run, memory
# %%
import functools
import random
import time

def jitter(values, scale, seen=[]):
    out = []
    for v in values:
        out.append(v + random.uniform(-scale, scale))
        seen.append(round(v, 2))
        del seen[:-5]
        time.sleep(0.003)
    return out

def clip(values, low, high):
    return [min(max(v, low), high) for v in values]

def difference(values):
    return [b - a for a, b in zip(values, values[1:])] + values[:1]

class Smooth:
    def __init__(self, alpha):
        self.alpha, self.state, self.applied = alpha, 0.0, 0

    def __call__(self, values):
        self.applied += 1
        result = []
        for v in values:
            self.state += self.alpha * (v - self.state)
            result.append(self.state)
            time.sleep(0.003)
        return result

def remember(name, cache={}):
    cache[name] = cache.get(name, 0) + 1
    return dict(cache)
# %%
smoothers = [Smooth(0.5), Smooth(0.1)]
operations = {
    "jitter": functools.partial(jitter, scale=0.2),
    "clip": functools.partial(clip, low=-1, high=1),
    "diff": difference,
    "smooth": smoothers[0],
}
signal = [random.gauss(0, 1) for _ in range(14)]
# %%
%%checkpointed function-tables
results, operations_run, memory = {}, [], {}
for step in range(26):
    name = random.choice(list(operations))
    signal = operations[name](signal)
    operations_run.append(name)
    memory = remember(name)
    for smooth in smoothers[step % 2 :]:
        results[step, smooth.alpha] = sum(smooth(signal[:5]))

# Closures that share variables by nonlocal: a counter, a history with an undo, a running mean.
# results: means, undone, log, size, total
# seeded
# %%
import random
import time

def make_history(limit):
    entries, count = [], 0

    def add(entry):
        nonlocal count
        count += 1
        entries.append((count, entry))
        if len(entries) > limit:
            del entries[0]
        return count

    def undo():
        nonlocal count
        if not entries:
            return None
        count -= 1
        return entries.pop()

    def replay(times):
        for n in range(times):
            for number, entry in entries:
                if number % (n + 2) == 0:
                    add(entry * 0.5)
                time.sleep(0.004)
                if count > 400:
                    return number
        return 0

    return add, undo, replay

def running_mean():
    n, mean = 0, 0.0

    def update(x):
        nonlocal n, mean
        n += 1
        mean += (x - mean) / n
        return mean

    return update
# %%
%%checkpointed closures
add, undo, replay = make_history(12)
mean_of = running_mean()
means, undone, log = [], [], []
for i in range(100):
    size = add(random.random())
    means.append(mean_of(size * random.random()))
    if random.random() < 0.3:
        undone.append(undo())
    time.sleep(0.01)
for round_ in range(3):
    log.append(replay(round_ + 1))
total = add("end"), mean_of(0.0), undo()

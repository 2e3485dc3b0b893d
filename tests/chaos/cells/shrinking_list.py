# Lists that shrink and grow while they are iterated; a stack worked off by while.
# results: jobs, survivors, order, queue, visited, stack
# %%
import random
import time

jobs = list(range(240))
random.shuffle(jobs)
# %%
%%checkpointed shrink
survivors, order = [], []
for x in jobs:
    order.append(x)
    if x % 3 == 0 or random.random() < 0.2:
        jobs.remove(x)
    else:
        survivors.append(x)
    time.sleep(0.005)

queue, visited = [1], []
for node in queue:
    visited.append(node)
    if node < 90:
        queue.append(node * 2)
    if node < 60:
        queue.append(node * 2 + random.randrange(2))
    time.sleep(0.005)

stack = [(0, 8)]
while stack:
    depth, width = stack.pop()
    if depth < 3:
        stack.extend((depth + 1, random.randrange(1, 4)) for _ in range(width % 4))
    visited.append((depth, width))
    time.sleep(0.01)

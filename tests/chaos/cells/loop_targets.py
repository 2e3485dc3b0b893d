# Loops that assign to tuples, attributes and items, with starred targets, walrus and nested data.
# results: state, box, totals, grid, names, run
# %%
import random
import time
from types import SimpleNamespace

state, box = {}, SimpleNamespace(i=-1, sum=0)
records = [(i, [random.random() for _ in range(3)], {"tag": f"t{i % 5}"}) for i in range(120)]
# %%
%%checkpointed targets
totals, grid, names = [], [[None] * 3 for _ in range(3)], []
for i, (first, *rest), info in records:
    totals.append((i, first - sum(rest), info["tag"]))
    time.sleep(0.005)

for box.i in range(120):
    box.sum += box.i * random.random()
    time.sleep(0.005)

for state["step"] in range(100):
    grid[state["step"] % 3][1] = random.random()
    time.sleep(0.005)

for grid[2][0], grid[2][2] in zip(range(90), range(90, 0, -1)):
    names.append(grid[2][0] * grid[2][2])
    time.sleep(0.005)

run = 0
while (draw := random.randrange(200)) and run < 120:
    run += 1
    names.append(draw)
    time.sleep(0.005)

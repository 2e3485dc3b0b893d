# tqdm over a range and a list, a bar updated by hand, trange with a description; progress goes to stderr.
# results: squares, total, positions, done
# needs: tqdm
# %%
import random
import time

from tqdm import tqdm, trange

items = [random.random() for _ in range(150)]
# %%
%%checkpointed bars
squares, positions, total = [], [], 0.0
for x in tqdm(items, desc="squares"):
    squares.append(x * x + random.random())
    time.sleep(0.005)

for epoch in trange(4):
    bar = tqdm(range(40), leave=False)
    for i in bar:
        total += random.random() * i
        bar.set_postfix(total=f"{total:.2f}")
        time.sleep(0.005)

with tqdm(total=100) as bar:
    while bar.n < 100:
        bar.update(1 + random.randrange(2))
        positions.append(bar.n)
        time.sleep(0.006)
    done = bar.n
del bar

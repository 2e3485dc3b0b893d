# A user's generator with state of its own, one that draws random numbers, and generator expressions.
# results: seen, windows, total, drawn, rng
# seeded
# %%
import random
import time

rng = random.Random(99)

def sliding(values, width):
    window = []
    for value in values:
        window.append(value)
        if len(window) > width:
            del window[0]
        if len(window) == width:
            yield tuple(window)

def shuffled_forever(items, rng):
    items = list(items)
    while True:
        rng.shuffle(items)
        yield from items
# %%
seen, windows, drawn = [], [], []
total = 0
# %%
%%checkpointed generators
for window in sliding(range(150), 5):
    windows.append(sum(window) * random.random())
    time.sleep(0.005)

for item in shuffled_forever("abcdefgh", rng):
    seen.append(item + str(random.randrange(10)))
    if len(seen) >= 140:
        break
    time.sleep(0.005)

for x in (i * i for i in range(160) if i % 3):
    total += x * random.random()
    time.sleep(0.005)

for draw in (random.gauss(0, 1) for _ in range(100)):
    drawn.append(draw)
    time.sleep(0.005)

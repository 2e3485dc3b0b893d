# enumerate, zip, reversed, map and filter, nested in each other; iter() and next() by hand.
# results: rows, pairs, picked, tail, steps, squares
# %%
import random
import time

def noisy(x):
    return x + random.random()

letters = [chr(97 + i % 26) for i in range(120)]
numbers = [random.randrange(100) for _ in range(120)]
# %%
%%checkpointed iterators
rows, pairs, picked, squares = [], [], [], []
for i, (letter, number) in enumerate(zip(letters, reversed(numbers)), start=5):
    rows.append((i, letter * (number % 3), random.random()))
    time.sleep(0.005)

for (a, b), c in zip(zip(numbers[::2], map(noisy, numbers[1::2])), reversed(letters)):
    pairs.append((a, b, c, random.random()))
    time.sleep(0.006)

square = lambda x: x * x
for value in map(square, filter(lambda n: n % 2, numbers)):
    squares.append(value + random.random())
    time.sleep(0.006)

steps = iter(range(0, 1000, 3))
for step in steps:
    skipped = next(steps)
    if step > 600:
        tail = list(steps)[:5]
        break
    picked.append(step * skipped)
    time.sleep(0.006)
del steps

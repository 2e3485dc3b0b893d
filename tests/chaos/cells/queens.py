# A backtracking solver: place() calls itself as a statement inside its for loop; boards are counted; unseeded.
# results: solutions, tries, deepest, shuffled
# %%
import random
import time

N = 6
solutions, tries, deepest = [], 0, 0

def safe(columns, column):
    row = len(columns)
    return all(c != column and abs(c - column) != row - r for r, c in enumerate(columns))

def place(columns, order):
    global tries, deepest
    deepest = max(deepest, len(columns))
    if len(columns) == N:
        solutions.append(tuple(columns))
        return
    for column in order:
        tries += 1
        if safe(columns, column):
            columns.append(column)
            time.sleep(0.008)
            place(columns, random.sample(order, N))
            columns.pop()
# %%
shuffled = list(range(N))
random.shuffle(shuffled)
# %%
%%checkpointed queens
place([], shuffled)
print(len(solutions), "solutions after", tries, "tries")

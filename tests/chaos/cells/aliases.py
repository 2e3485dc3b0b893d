# Two names for one list, a list in a dict in itself, numpy views of a base changed in the loop.
# results: inbox, outbox, tree, base, row, diagonal, table, shared
# needs: numpy
# seeded
# %%
import random
import time

import numpy as np

inbox = outbox = []
tree = {"name": "root", "children": []}
tree["self"] = tree
base = np.zeros((20, 20))
row = base[3]
diagonal = base.reshape(-1)[::21]
table = [[0] * 4] * 3
# %%
%%checkpointed aliases
shared = {"box": inbox, "row": row}
for i in range(200):
    inbox.append(i)
    if len(outbox) > 50:
        outbox.pop(random.randrange(50))
    row += random.random()
    diagonal[i % 20] *= 1.01
    base[i % 20, :] += np.random.normal(size=20)
    table[i % 3][i % 4] += 1
    tree["self"]["children"].append(shared["box"][-1])
    time.sleep(0.006)

left = right = np.arange(60.0)
column = left[::2]
for i in range(200):
    right[i % 60] += np.random.random()
    column *= 0.999
    shared[i % 5] = column
    time.sleep(0.005)

# A generator that goes through another, one that is a method, yield from and a pipeline of three; unseeded.
# results: cleaned, batches, walk, tree, kept
# %%
import random
import time


class Tree:
    def __init__(self, depth):
        self.value = random.randrange(1000)
        self.children = [Tree(depth - 1) for _ in range(random.randrange(1, 4))] if depth else []

    def preorder(self):
        yield self.value
        for child in self.children:
            yield from child.preorder()

    def levels(self):
        level = [self]
        while level:
            for node in level:
                yield len(level), node.value
            level = [child for node in level for child in node.children]


def readings(n):
    level = 10.0
    for i in range(n):
        level += random.gauss(0, 1)
        yield i, level if random.random() > 0.1 else None

def without_gaps(source):
    last = 0.0
    for i, value in source:
        if value is None:
            value = last
        last = value
        yield i, value

def in_batches(source, size):
    batch = []
    for item in source:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
# %%
tree = Tree(3)
# %%
%%checkpointed pipeline
cleaned, batches, walk, kept = [], [], [], 0
for batch in in_batches(without_gaps(readings(160)), 3):
    batches.append(len(batch))
    for i, value in batch:
        cleaned.append(value * random.random())
        time.sleep(0.005)

for width, value in tree.levels():
    walk.append((width, value, random.random()))
    time.sleep(0.008)

for value in tree.preorder():
    kept += value if random.random() < 0.5 else 0
    time.sleep(0.008)

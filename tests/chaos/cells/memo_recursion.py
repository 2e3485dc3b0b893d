# Recursion with a memo dict handed down, a default one, and one that walks a nested structure; unseeded.
# results: memo, partitions, sizes, nested, ways
# %%
import random
import time

coins = sorted(random.sample(range(2, 30), 5))

def count_ways(amount, i, memo):
    if amount == 0:
        return 1
    if amount < 0 or i == len(coins):
        return 0
    if (amount, i) in memo:
        return memo[amount, i]
    time.sleep(0.003)
    without = count_ways(amount, i + 1, memo)
    memo[amount, i] = without + count_ways(amount - coins[i], i, memo)
    return memo[amount, i]

def partition(n, largest, prefix=(), found={}):
    if n == 0:
        found.setdefault(len(prefix), []).append(prefix)
        time.sleep(0.004)
        return found
    for part in range(min(n, largest), 0, -1):
        partition(n - part, part, prefix + (part,))
    return found

def total_size(node, sizes, path="."):
    size = 0
    for name, child in node.items():
        if isinstance(child, dict):
            size += total_size(child, sizes, f"{path}/{name}")
        else:
            size += child
        time.sleep(0.004)
    sizes[path] = size
    return size

def random_tree(depth):
    return {f"f{i}": random.randrange(100) for i in range(4)} | (
        {f"d{i}": random_tree(depth - 1) for i in range(2)} if depth else {}
    )
# %%
nested = random_tree(3)
# %%
%%checkpointed memo
memo, sizes, ways = {}, {}, []
for amount in (31, 47, 60):
    ways.append(count_ways(amount, 0, memo))
partitions = partition(13, 6)
ways.append(total_size(nested, sizes))

# Dicts iterated by key, by item and by value, changed in the body; defaultdict, Counter, OrderedDict.
# results: stock, prices, groups, counts, recent, totals
# %%
import random
import time
from collections import Counter, OrderedDict, defaultdict

stock = {f"item{i:03}": random.randrange(1, 50) for i in range(160)}
prices = {name: random.random() * 100 for name in stock}
# %%
%%checkpointed dictionaries
groups, counts, recent = defaultdict(list), Counter(), OrderedDict()
totals = {}
for name in stock:
    stock[name] += random.randrange(3)
    groups[stock[name] % 7].append(name)
    time.sleep(0.004)

for name, price in prices.items():
    prices[name] = round(price * random.uniform(0.9, 1.1), 6)
    counts[name[-1]] += 1
    recent[name[-2:]] = price
    recent.move_to_end(name[-2:])
    if len(recent) > 40:
        recent.popitem(last=False)
    time.sleep(0.004)

for group, names in groups.items():
    total = 0
    for name in names:
        total += stock[name] * prices[name]
        time.sleep(0.004)
    totals[group] = total

for value in list(counts.values()):
    totals["all"] = totals.get("all", 0) + value

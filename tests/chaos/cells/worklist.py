# Functions that go through a list they change: a crawl that grows it, a sieve that shrinks it; unseeded.
# results: queue, order, survivors, merged, links
# %%
import random
import time

links = {n: [random.randrange(70) for _ in range(2)] for n in range(70)}

def visit_all(queue, order):
    for page in queue:
        order.append((page, random.random()))
        for link in links[page]:
            if link not in queue:
                queue.append(link)
        time.sleep(0.009)
    return len(order)

def sieve(numbers):
    for n in numbers:
        for multiple in numbers[:]:
            if multiple > n and multiple % n == 0:
                numbers.remove(multiple)
        time.sleep(0.007)
    return numbers

def merge_close(values, gap):
    i = 0
    while i < len(values) - 1:
        if values[i + 1] - values[i] < gap:
            values[i : i + 2] = [(values[i] + values[i + 1]) / 2]
        else:
            i += 1
        time.sleep(0.006)
# %%
%%checkpointed worklist
queue, order = [0, 1], []
count = visit_all(queue, order)
survivors = sieve(list(range(2, 130)))
merged = sorted(random.random() for _ in range(60))
merge_close(merged, 0.02)

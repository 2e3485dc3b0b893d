"""Plain Python: a list of work that grows, shared objects, slots, iterators of many kinds, three loops in a row."""

import collections
import csv
import io
import random
from dataclasses import dataclass, field

from helpers import end, tick

import colab_guard as cg


@dataclass(slots=True)
class Best:
    score: float = -1.0
    path: list = field(default_factory=list)


class Tracker:
    def __init__(self, log):
        self.log, self.best, self.seen, self.weights = log, Best(), set(), collections.Counter()


def numbers(limit):
    previous = 0
    for n in range(limit):
        drawn = random.random()
        previous += drawn * n
        yield previous


random.seed(3)
own = random.Random(4)
log, recent, tasks = [], collections.deque(maxlen=5), [3, 1, 4]
tracker = Tracker(log)
result = {"total": 0.0, "raw": bytearray(b"ab")}

for task in cg.loop(tasks, name="work", every="1it", state=[tasks, log, recent, own]):
    tick()
    if len(tasks) < 12:
        tasks.append(own.randrange(9))
    log.append((task, random.random()))
    recent.append(log[-1])

for epoch in cg.loop(range(4), name="epochs", every="1it", state=[tracker, log, result, own]):
    parts = []
    for value in cg.loop(numbers(5), name="numbers", state=[parts]):
        tick()
        parts.append(value * own.random())
    for row in cg.loop(csv.reader(io.StringIO("1,2\n3,4\n5,6\n")), name="rows", state=[parts]):
        tick()
        parts.append(float(row[0]) + random.random())
        result["raw"].extend(b"x")
    tracker.log.append(sum(parts))
    tracker.seen.add(epoch)
    tracker.weights[epoch % 2] += sum(parts)
    if sum(parts) > tracker.best.score:
        tracker.best = Best(sum(parts), parts)

for _ in range(2):
    for step in cg.loop({"a": 1, "b": 2, "c": 3}.items(), name="fold", every="1it", state=[result]):
        tick()
        result["total"] += step[1] * random.random()
        if step[0] == "b":
            break

assert tracker.log is log
end(tasks, log, list(recent), own.random(), random.random(), result, tracker.best, tracker.weights, tracker.seen)

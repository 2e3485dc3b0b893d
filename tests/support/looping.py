"""Loops over loaders, and what it means that they end with the same bits: cells, datasets, samplers."""

from __future__ import annotations

from typing import Any

from tests.support.dying import lives, plain

SEEDS = "import random, numpy as np, torch\nfrom torch.utils.data import *\ntorch.manual_seed(3)\nnp.random.seed(4)\n"

# Draws from three random sources for each item; a loop's body draws from them too.
NOISY = """
class Noisy(Dataset):
    def __len__(self):
        return 12
    def __getitem__(self, i):
        loads.append(i)
        return i + random.random() + np.random.rand() + torch.rand(()).item()
loads = []
"""

TRAIN = """
seen, noise = [], []
for epoch in range(2):
    for number, batch in enumerate(loader):
        noise.append((random.random(), float(np.random.rand()), torch.rand(()).item()))
        seen.append(np.asarray(batch).tolist())
after = random.random(), float(np.random.rand()), torch.rand(2).tolist()
"""

RESULTS = ("seen", "noise", "after", "loads")

SAMPLERS = """
class Mixed(Sampler):  # what it gives depends on draws that mix with the loop's, and on what it gave
    def __len__(self):
        return 9
    def __iter__(self):
        left = list(range(12))
        for _ in range(9):
            yield left.pop(random.randrange(len(left)) if torch.rand(()) < 0.7 else 0)

class Counting(Sampler):  # changes itself
    epoch = 0
    def __init__(self):
        self.epoch = 0
    def __len__(self):
        return 12
    def __iter__(self):
        self.epoch += 1
        return iter(torch.randperm(12, generator=torch.Generator().manual_seed(self.epoch)).tolist())

class Buckets(Sampler):
    def __len__(self):
        return 4
    def __iter__(self):
        for _ in range(4):
            yield random.sample(range(12), random.randint(1, 4))
shared = torch.Generator().manual_seed(5)
own = np.random.default_rng(6)
"""

ITERABLES = """
class Stream(IterableDataset):
    def __init__(self):
        self.begun = 0
    def __iter__(self):
        self.begun += 1
        for i in range(11):
            yield i + random.random() + torch.rand(()).item() + self.begun

class Buffered(IterableDataset):
    def __iter__(self):
        buffer = []
        for i in range(14):
            if len(buffer) < 4:
                buffer.append(i)
                continue
            place = random.randrange(4)
            yield buffer[place]
            buffer[place] = i
        yield from buffer
"""

# Its iterators can't be pickled, so that nothing but a replay is left.
CLOSED = """
import threading
class Closed(IterableDataset):
    def __init__(self):
        self.begun, self.given, self.own = 0, [], random.Random(9)
    def __iter__(self):
        self.begun += 1
        return Items(self)

class Items:
    def __init__(self, parent):
        self.lock, self.parent, self.left = threading.Lock(), parent, 11
        self.lock.acquire()  # so that it can't be pickled
    def __iter__(self):
        return self
    def __next__(self):
        if not self.left:
            raise StopIteration
        self.left -= 1
        self.parent.given.append(self.left)
        return self.left + self.parent.begun + self.parent.own.random() + random.random()
"""


def ends(source: str, above: str, stride: int = 1) -> list[dict[str, Any]]:
    """The results of the run that was left alone, then of each that died, at one safe point after the other."""
    above = f"{SEEDS}{above}\nloads = globals().get('loads', [])"
    found = [plain(source, above), *(end for _, end in lives(source, above, stride))]
    return [{name: end[name] for name in RESULTS} for end in found]


def assert_exact(source: str, above: str, stride: int = 3) -> None:
    alone, *resumed = ends(source, above, stride)
    assert len(resumed) > 3
    for number, end in enumerate(resumed, 1):
        assert end == alone, f"died at safe point {number}"

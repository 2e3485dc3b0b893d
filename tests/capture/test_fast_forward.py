"""A loop that died at any of its iterations ends with the bits of one that did not, whatever it iterates."""

import linecache
from collections.abc import Iterator
from typing import Any

import pytest
import torch.utils.data

from colab_guard.capture import loaders, replay
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


@pytest.fixture(autouse=True)
def _watched() -> Iterator[None]:
    loaders.watch()
    yield
    loaders.unwatch()


@pytest.fixture(autouse=True)
def _said(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    said: list[str] = []
    replay.configure(replay.Settings(say=said.append, show=said.append))
    yield said


def ends(source: str, above: str, stride: int = 1) -> list[dict[str, Any]]:
    """The results of the run that was left alone, then of each that died, at one safe point after the other."""
    above = f"{SEEDS}{above}\nloads = globals().get('loads', [])"
    # As IPython does it for the cells above: a generator's source is looked up by the name of the code's file.
    linecache.cache["<above>"] = (len(above), None, above.splitlines(keepends=True), "<above>")
    code: Any = compile(above, "<above>", "exec")
    found = [plain(source, code), *(end for _, end in lives(source, code, stride))]
    return [{name: end[name] for name in RESULTS} for end in found]


def assert_exact(source: str, above: str, stride: int = 1) -> None:
    alone, *resumed = ends(source, above, stride)
    assert len(resumed) > 3
    for number, end in enumerate(resumed, 1):
        assert end == alone, f"died at safe point {number}"


@pytest.mark.parametrize("loader", [
    "DataLoader(Noisy(), batch_size=5, shuffle=True)",
    "DataLoader(Noisy(), batch_size=5, shuffle=True, drop_last=True)",
    "DataLoader(Noisy(), batch_size=None, shuffle=True)",
    "DataLoader(Noisy(), batch_size=5, shuffle=True, generator=torch.Generator().manual_seed(1))",
    "DataLoader(Noisy(), batch_size=4, sampler=RandomSampler(Noisy(), replacement=True, num_samples=15))",
    "DataLoader(Noisy(), batch_size=4, sampler=RandomSampler(Noisy(), True, 40, torch.Generator()))",
    "DataLoader(Noisy(), batch_size=4, sampler=RandomSampler(Noisy(), num_samples=30))",
    "DataLoader(Noisy(), batch_size=4, sampler=WeightedRandomSampler(range(1, 13), 14))",
    "DataLoader(Noisy(), batch_size=4, sampler=SubsetRandomSampler(range(2, 11)))",
    "DataLoader(Noisy(), batch_size=4, sampler=[3, 1, 4, 1, 5, 9, 2, 6])",
    "DataLoader(Noisy(), batch_sampler=BatchSampler(RandomSampler(Noisy()), 5, True))",
    "DataLoader(Noisy(), batch_sampler=[[3, 1], [4, 1, 5], [9], [2, 6]])",
    "DataLoader(Subset(Noisy(), range(3, 11)), batch_size=3, shuffle=True)",
    "DataLoader(ConcatDataset([Noisy(), Noisy()]), batch_size=5, shuffle=True)",
])  # fmt: skip
def test_a_map_style_loader_is_exact_and_loads_nothing_again(loader: str, _said: list[str]) -> None:
    assert_exact(TRAIN, f"{NOISY}\nloader = {loader}")
    assert not _said


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


@pytest.mark.parametrize("loader", [
    "DataLoader(Noisy(), batch_size=2, sampler=Mixed())",
    "DataLoader(Noisy(), batch_size=None, sampler=Mixed())",
    "DataLoader(Noisy(), batch_size=2, sampler=Mixed(), drop_last=True)",
    "DataLoader(Noisy(), batch_size=5, sampler=Counting())",
    "DataLoader(Noisy(), batch_sampler=Buckets())",
])  # fmt: skip
def test_a_sampler_of_the_users_goes_on_where_it_stood(loader: str, _said: list[str]) -> None:
    assert_exact(TRAIN, f"{NOISY}{SAMPLERS}\nloader = {loader}")
    assert not _said


@pytest.mark.parametrize("sampler", ["RandomSampler(Noisy(), True, 40, shared)", "RandomSampler(Noisy(), generator=shared)"])
def test_a_generator_that_sampler_and_body_share(sampler: str) -> None:
    body = TRAIN.replace("seen.append(", "torch.rand(3, generator=shared); seen.append(")
    assert_exact(body, f"{NOISY}{SAMPLERS}\nloader = DataLoader(Noisy(), batch_size=5, sampler={sampler})")


def test_draws_between_iter_and_the_first_next() -> None:
    source = """
seen, noise, data = [], [], iter(loader)
for step in range(9):
    noise.append((random.random(), torch.randn(2).tolist()))
    try:
        batch = next(data)
    except StopIteration:
        data = iter(loader)
        noise.append(torch.rand(()).item())
        batch = next(data)
    seen.append(batch.tolist())
after = random.random(), torch.rand(2).tolist()
"""
    assert_exact(source, f"{NOISY}\nloader = DataLoader(Noisy(), batch_size=4, shuffle=True)")


def test_set_epoch_of_a_distributed_sampler() -> None:
    above = f"""{NOISY}
from torch.utils.data.distributed import DistributedSampler
sampler = DistributedSampler(Noisy(), num_replicas=2, rank=1, seed=3)
loader = DataLoader(Noisy(), batch_size=2, sampler=sampler)"""
    assert_exact(TRAIN.replace("    for", "    sampler.set_epoch(epoch)\n    for"), above)
    # Whoever sets the next epoch within the loop does not change the order of the one under way.
    assert_exact(TRAIN.replace("        noise", "        sampler.set_epoch(epoch + 7)\n        noise"), above)


def test_an_index_whose_loading_failed_is_not_drawn_again() -> None:
    above = f"""{NOISY}
class Broken(Noisy):
    def __getitem__(self, i):
        if i % 4 == 1:
            raise ValueError(i)
        return super().__getitem__(i)
loader = DataLoader(Broken(), batch_size=2, shuffle=True)"""
    source = """
seen, noise, data = [], [], iter(loader)
while True:
    noise.append(random.random())
    try:
        seen.append(next(data).tolist())
    except ValueError as error:
        seen.append(str(error))
    except StopIteration:
        break
after = torch.rand(2).tolist()
"""
    assert_exact(source, above)


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


@pytest.mark.parametrize("loader", [
    "DataLoader(Stream(), batch_size=3)", "DataLoader(Stream(), batch_size=3, drop_last=True)",
    "DataLoader(Buffered(), batch_size=3)", "DataLoader(Buffered(), batch_size=None)",
])  # fmt: skip
def test_an_iterable_dataset_goes_on_where_it_stood(loader: str, _said: list[str]) -> None:
    assert_exact(TRAIN, f"{ITERABLES}\nloader = {loader}")
    assert not _said


# Its iterators can't be pickled, nor can a generator of such a class be entered again.
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
    def __iter__(self):
        return self
    def __next__(self):
        if not self.left:
            raise StopIteration
        self.left -= 1
        self.parent.given.append(self.left)
        return self.left + self.parent.begun + self.parent.own.random() + random.random()
"""
FOR = TRAIN.replace("enumerate(loader)", "zip(range(99), loader)")
COUNTS = "\nafter += (loader.begun, loader.given, loader.own.random())\n"


def test_an_iterable_dataset_that_can_not_be_saved_is_replayed(_said: list[str]) -> None:
    assert_exact(TRAIN + COUNTS.replace("loader", "data"), f"{CLOSED}\ndata = Closed()\nloader = DataLoader(data, batch_size=3)")
    assert any(text.startswith("replaying 2 items of a DataLoader") for text in _said)


def test_an_iterator_that_can_not_be_saved_is_replayed(_said: list[str]) -> None:
    source = TRAIN.replace("for number, batch in enumerate(loader)", "for batch in loader") + COUNTS
    assert_exact(source, f"{CLOSED}\nloader = Closed()")
    assert any(text.startswith("replaying 2 items of a Closed") for text in _said)

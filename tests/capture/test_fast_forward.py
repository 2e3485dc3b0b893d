"""A loop that died at any of its iterations ends with the bits of one that did not, whatever it iterates."""

import pytest
import torch.utils.data  # noqa: F401 - watched from the start

from tests.support.looping import CLOSED, ITERABLES, NOISY, SAMPLERS, TRAIN, assert_exact


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
def test_a_map_style_loader_is_exact_and_loads_nothing_again(loader: str, said: list[str]) -> None:
    assert_exact(TRAIN, f"{NOISY}\nloader = {loader}")
    assert not said


@pytest.mark.parametrize("loader", [
    "DataLoader(Noisy(), batch_size=2, sampler=Mixed())",
    "DataLoader(Noisy(), batch_size=None, sampler=Mixed())",
    "DataLoader(Noisy(), batch_size=2, sampler=Mixed(), drop_last=True)",
    "DataLoader(Noisy(), batch_size=5, sampler=Counting())",
    "DataLoader(Noisy(), batch_sampler=Buckets())",
])  # fmt: skip
def test_a_sampler_of_the_users_goes_on_where_it_stood(loader: str, said: list[str]) -> None:
    assert_exact(TRAIN, f"{NOISY}{SAMPLERS}\nloader = {loader}")
    assert not said


@pytest.mark.parametrize(
    "sampler", ["RandomSampler(Noisy(), True, 40, shared)", "RandomSampler(Noisy(), generator=shared)"]
)
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


@pytest.mark.parametrize("loader", [
    "DataLoader(Stream(), batch_size=3)", "DataLoader(Stream(), batch_size=3, drop_last=True)",
    "DataLoader(Buffered(), batch_size=3)", "DataLoader(Buffered(), batch_size=None)",
])  # fmt: skip
def test_an_iterable_dataset_goes_on_where_it_stood(loader: str, said: list[str]) -> None:
    assert_exact(TRAIN, f"{ITERABLES}\nloader = {loader}")
    assert not said


FOR = TRAIN.replace("enumerate(loader)", "zip(range(99), loader)")
COUNTS = "\nafter += (loader.begun, loader.given, loader.own.random())\n"


def test_an_iterable_dataset_that_can_not_be_saved_is_replayed(said: list[str]) -> None:
    assert_exact(
        TRAIN + COUNTS.replace("loader", "data"), f"{CLOSED}\ndata = Closed()\nloader = DataLoader(data, batch_size=3)"
    )
    assert any(text.startswith("replaying 2 items of a DataLoader") for text in said)


def test_an_iterator_that_can_not_be_saved_is_replayed(said: list[str]) -> None:
    source = TRAIN.replace("for number, batch in enumerate(loader)", "for batch in loader") + COUNTS
    assert_exact(source, f"{CLOSED}\nloader = Closed()")
    assert any(text.startswith("replaying 2 items of a Closed") for text in said)

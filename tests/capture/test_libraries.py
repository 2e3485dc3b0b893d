"""torchdata's loader and Hugging Face's datasets go on by their own state, or are replayed."""

import datasets  # noqa: F401 - its import draws random numbers: not in the first run only
import pytest
import torchdata.stateful_dataloader  # noqa: F401 - watched from the start

from colab_guard.capture import replay
from colab_guard.capture.describe import describe
from colab_guard.capture.take import take
from tests.capture.test_roundtrip import define
from tests.support.looping import ITERABLES, NOISY, SEEDS, TRAIN, assert_exact

pytestmark = pytest.mark.filterwarnings("ignore:'set_vital' is deprecated")  # torchdata's, on torch from 2.13 on

LIBRARIES = f"import datasets\nfrom torchdata.stateful_dataloader import StatefulDataLoader\n{NOISY}{ITERABLES}"
TWO_WORKERS = "StatefulDataLoader(Noisy(), batch_size=5, shuffle=True, num_workers=2)"

STREAM = """
data = datasets.Dataset.from_dict({"a": list(range(14))})
stream = data.to_iterable_dataset(num_shards=3)
def noisy(row):
    return {"a": row["a"] + random.random()}
def values(rows):
    return [float(row["a"]) for row in rows]
"""


@pytest.mark.parametrize("loader", [
    "StatefulDataLoader(Noisy(), batch_size=5, shuffle=True)",
    "StatefulDataLoader(Noisy(), batch_size=5, sampler=WeightedRandomSampler(range(1, 13), 12))",
    "StatefulDataLoader(Stream(), batch_size=3)",
])  # fmt: skip
def test_torchdata_without_workers_is_exact(loader: str, said: list[str]) -> None:
    assert_exact(TRAIN, f"{LIBRARIES}\nloader = {loader}")
    assert not said


def test_torchdata_with_workers_is_exact_where_a_replay_is_asked_for(said: list[str]) -> None:
    replay.configure(replay.Settings(say=said.append, forced=True))
    assert_exact(TRAIN, f"{LIBRARIES}\nloader = {TWO_WORKERS}", stride=3)


def test_what_torchdata_does_not_keep_of_its_workers_is_named() -> None:
    namespace = define(f"{SEEDS}{LIBRARIES}\nloader = {TWO_WORKERS}")
    iterator = iter(namespace["loader"])
    next(iterator)
    notes = take(namespace, [], {"_cg_i": iterator}, frozenset()).notes
    assert len(notes) == 1
    assert notes[0].startswith("random numbers that the workers of a StatefulDataLoader with 2 workers draw")
    assert describe(namespace["loader"]) == "its own state, but not random numbers that its 2 workers draw"


@pytest.mark.parametrize("loader", [
    "DataLoader(data, batch_size=5, shuffle=True, collate_fn=values)",
    "DataLoader(stream, batch_size=4, collate_fn=values)",
])  # fmt: skip
def test_a_dataset_of_hugging_face_in_a_loader(loader: str) -> None:
    assert_exact(TRAIN, f"{LIBRARIES}{STREAM}\nloader = {loader}", stride=2)


@pytest.mark.parametrize(("iterable", "phrase"), [
    ("stream", "its own state"),
    ("stream.map(noisy)", "its own state"),
    ("stream.shuffle(seed=3, buffer_size=5)", "replays: its own state leaves its shuffle buffer out"),
    ("data", "saved as it stands, or replayed where its iterator can't be pickled"),
])  # fmt: skip
def test_a_dataset_of_hugging_face_in_a_loop(iterable: str, phrase: str, said: list[str]) -> None:
    above = f"{LIBRARIES}{STREAM}\nloader = {iterable}"
    body = TRAIN.replace("number, batch in enumerate(loader)", "batch in loader").replace("(batch)", '(batch["a"])')
    assert_exact(body, above, stride=4)
    assert bool(said) == (phrase != "its own state")
    assert describe(define(SEEDS + above)["loader"]) == phrase

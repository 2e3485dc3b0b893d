"""Where workers load, the batches are replayed: under the random state of the entry, said beforehand."""

import time
from types import SimpleNamespace

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from colab_guard.capture import loaders, replay
from colab_guard.capture.counting import Counting
from colab_guard.capture.describe import describe
from colab_guard.capture.entry import note_entry
from colab_guard.capture.process import random_state, set_random_state
from colab_guard.capture.take import take
from colab_guard.core import underway
from colab_guard.core.errors import RestoreError
from tests.capture.test_roundtrip import define
from tests.support.looping import CLOSED, ITERABLES, NOISY, SAMPLERS, SEEDS, TRAIN, assert_exact

SEVERAL = TRAIN.replace("range(2)", "range(3)")


@pytest.mark.parametrize("loader", [
    "DataLoader(Noisy(), batch_size=6, shuffle=True, num_workers=2)",
    "DataLoader(Noisy(), batch_size=6, shuffle=True, num_workers=2, persistent_workers=True)",
    "DataLoader(Stream(), batch_size=7, num_workers=1, persistent_workers=True)",
])  # fmt: skip
def test_workers_draw_again_what_they_drew(loader: str, said: list[str]) -> None:
    replay.configure(replay.Settings(say=said.append, forced="persistent" in loader))
    above = f"{NOISY}{ITERABLES}\nloader = {loader}"
    assert_exact(SEVERAL, above, stride=4)
    assert any(text.startswith("replaying 1 item of a DataLoader with") for text in said)


def test_a_replay_says_beforehand_what_it_does_and_shows_how_far_it_is(
    said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(underway, "LINE_SECONDS", 0.0)
    monkeypatch.setattr(underway, "_write", said.append)
    items, now = Counting(iter(range(9))), time.monotonic()
    monkeypatch.setattr(underway, "time", SimpleNamespace(monotonic=lambda: now))

    def advance() -> None:
        next(items)
        underway._steps[0].begun = now - 10 * items.count  # each takes so long

    underway.show_lines(lambda: True)
    replay.pass_over(advance, lambda: items.count, 4, 200.0, "a Stream")
    underway.show_lines()
    first, *shown, last, end = said
    assert first == (
        "replaying 4 items of a Stream, to be where the cell was; at most 3 min, the time they took in the cell. "
        "It may be interrupted: run the cell again to resume."
    )
    begin = "\rcolab_guard: replaying a Stream: "
    assert shown == [f"{begin}{n} of 4 items, 0.1 items/s, {40 - 10 * n} s left" for n in (1, 2, 3)]
    assert (last.rstrip(), end) == (f"{begin}4 of 4 items, 0.1 items/s", "\n")
    assert next(items) == 4


def test_data_that_became_shorter_is_an_error_that_names_it() -> None:
    items = Counting(iter(range(3)))
    with pytest.raises(RestoreError, match=r"had taken 5 items of a Stream, .* stopped after 3: it ended\. .* --fresh"):
        replay.pass_over(items.__next__, lambda: items.count, 5, 1.0, "a Stream")


def test_data_that_can_not_be_read_any_more_is_an_error_that_says_why() -> None:
    def missing() -> None:
        raise FileNotFoundError("cat.png")

    with pytest.raises(RestoreError, match=r"it raised FileNotFoundError: cat\.png"):
        replay.pass_over(missing, lambda: 0, 5, 1.0, "a Stream")


def test_a_map_style_dataset_that_became_shorter_is_an_error() -> None:
    loader = DataLoader(TensorDataset(torch.arange(8)), batch_size=2)
    with pytest.raises(RestoreError, match="had taken 7 batches of a DataLoader, which has only 4 now"):
        next(loaders.Resumed(loader, note_entry(loader), 7, 0.0, {}))


def test_an_interrupted_replay_leaves_all_as_it_was_and_can_be_had_again(said: list[str]) -> None:
    above = define(f"{SEEDS}{NOISY}\nloader = DataLoader(Noisy(), batch_size=3, shuffle=True)")
    loader, entry = above["loader"], note_entry(above["loader"])
    whole = list(map(str, loader))
    resumed = loaders.Resumed(loader, entry, 2, 1.0, {})

    def interrupt(text: str) -> None:
        raise KeyboardInterrupt

    state = random_state()
    replay.configure(replay.Settings(say=interrupt, forced=True))
    with pytest.raises(KeyboardInterrupt):
        next(resumed)
    assert str(random_state()) == str(state)
    replay.configure(replay.Settings(say=said.append, forced=True))
    set_random_state(entry[0])
    assert len(list(resumed)) == len(whole) - 2
    assert len(said) == 1


def notes(loader: str, epochs: int = 1) -> tuple[str, ...]:
    """What a snapshot says that was taken in the middle of a loop over the loader."""
    namespace = define(f"{SEEDS}{NOISY}{SAMPLERS}{CLOSED}\nloader = {loader}")
    for _ in range(epochs):
        iterator = iter(namespace["loader"])
        next(iterator)
    return take(namespace, [], {"_cg_i": iterator}, frozenset()).notes


@pytest.mark.parametrize(("loader", "epochs", "named"), [
    ("DataLoader(Noisy(), 2, shuffle=True, num_workers=1)", 1, ""),
    ("DataLoader(Noisy(), 2, sampler=Mixed(), num_workers=1)", 1, "what Mixed draws at random"),
    ("DataLoader(Noisy(), batch_sampler=Buckets(), num_workers=1)", 1, "what Buckets draws at random"),
    ("DataLoader(Closed(), 2)", 1, "what Closed draws at random"),
    ("DataLoader(Noisy(), 2, num_workers=1, persistent_workers=True)", 1, ""),
    ("DataLoader(Noisy(), 2, num_workers=1, persistent_workers=True)", 2, "that the persistent workers of"),
    ("DataLoader(Noisy(), 2, num_workers=1, in_order=False)", 1, "in_order=False"),
])  # fmt: skip
def test_what_may_not_be_exact_is_named(loader: str, epochs: int, named: str) -> None:
    found = notes(loader, epochs)
    assert (len(found) == 1 and named in found[0]) if named else not found


def test_persistent_workers_without_random_numbers_are_exact_from_the_epoch_on() -> None:
    above = "loader = DataLoader(range(12), batch_size=4, shuffle=True, num_workers=1, persistent_workers=True)"
    assert_exact(SEVERAL, above, stride=5)


@pytest.mark.parametrize(("iterable", "phrase"), [
    ("DataLoader(Noisy())", "skips by index, loads nothing"),
    ("DataLoader(Noisy(), num_workers=2)", "replays: 2 workers"),
    ("DataLoader(Noisy(), num_workers=1, persistent_workers=True)",
     "replays: 1 worker, without the random numbers of earlier epochs"),
    ("DataLoader(Closed())", "its dataset's iterator saved as it stands, or replayed where that can't be pickled"),
    ("__import__('tqdm').tqdm(DataLoader(Noisy()), disable=True)", "skips by index, loads nothing; its bar goes on"),
    ("[1, 2]", "saved as it stands"),
    ("enumerate([1, 2])", "saved as it stands"),
    ("np.arange(3)", "saved as it stands"),
    ("Closed()", "saved as it stands, or replayed where its iterator can't be pickled"),
])  # fmt: skip
def test_what_explain_says_of_an_iterable(iterable: str, phrase: str) -> None:
    assert describe(define(f"{SEEDS}{NOISY}{CLOSED}\nit = {iterable}")["it"]) == phrase

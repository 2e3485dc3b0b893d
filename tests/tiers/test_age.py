"""What is durable is never older than ``2 U + I``, whatever the bandwidth; and what is remembered does not grow."""

from math import log

import pytest

from colab_guard.tiers.uploads import FIRST_LOOK_SECONDS, LAST_LOOK_SECONDS, LOOK_SHARE
from tests.tiers.simulated import BYTES_PER_SECOND, World, between, held

RATIOS = (0.003, 0.1, 0.5, 0.9, 1.0, 1.1, 1.5, 2.0, 3.7, 10.0, 61.8)  # of U and I
MANIFEST_SECONDS = 600 / BYTES_PER_SECOND  # a manifest has less


def seen(upload: float) -> float:
    """U: how long a snapshot takes to be uploaded, and to be seen to be."""
    sent = upload + MANIFEST_SECONDS
    return sent + min(max(sent * LOOK_SHARE, FIRST_LOOK_SECONDS), LAST_LOOK_SECONDS)


@pytest.mark.parametrize("blocks", [False, True], ids=["mount", "put"])
@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("interval", [1.0, 60.0])
def test_the_age_of_what_is_durable_is_bound(interval, ratio, blocks):
    world = World(lambda: interval, lambda: interval * ratio, blocks=blocks, writing=0.2)
    world.run(round(40 * max(1.0, ratio)))
    u = seen(interval * ratio)
    least = max(interval, interval * ratio) + interval * ratio  # nobody could do better, with one line
    bound = 2 * u + interval if u > interval else u + interval
    assert least <= world.oldest <= bound + 0.2


@pytest.mark.parametrize("blocks", [False, True], ids=["mount", "put"])
@pytest.mark.parametrize("ratio", RATIOS)
def test_the_age_is_bound_by_the_longest_interval_and_the_largest_snapshot_where_they_vary(ratio, blocks):
    world = World(between(0.0, 10.0, 1), between(0.0, 10.0 * ratio, 2), blocks=blocks, writing=1.0)
    world.run(round(100 * max(1.0, ratio)))
    assert world.oldest <= 2 * seen(10.0 * ratio) + 10.0 + 1.0


@pytest.mark.parametrize("blocks", [False, True], ids=["mount", "put"])
@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("lasts", [0.5, 20.0, 3000.0])
def test_after_an_outage_it_is_tried_again_within_twice_the_time_that_it_lasted_and_at_most_five_minutes(
    lasts, ratio, blocks
):
    u, interval = 10.0 * ratio, 10.0
    begin = 5.0 * (u + interval) + u / 3
    world = World(lambda: interval, lambda: u, blocks=blocks, outages=[(begin, begin + lasts)])
    world.run(round((begin + lasts + 400) / interval + 10 * max(1.0, ratio)))
    assert world.oldest <= 3 * seen(u) + interval + lasts + min(2 * lasts + 1, 300), "one upload was for nothing"
    world.oldest = 0.0
    world.run(world.newest.seq + round(10 * max(1.0, ratio)))
    assert world.oldest <= 2 * seen(u) + interval, "all is as before"


@pytest.mark.parametrize("ratio", [0.3, 7.0])
def test_what_is_remembered_does_not_grow(ratio):
    world, sizes = World(lambda: 10.0, lambda: 10.0 * ratio), list[tuple[int, int, int]]()

    def note() -> None:
        remembered = held(world.tiered, world.uploads, world.uploads.catalogue)
        assert remembered < 60
        sizes.append((remembered, len(world.local.files), len(world.remote.files)))

    world.run(1000, note)
    early = [max(column) for column in zip(*sizes, strict=True)]
    sizes.clear()
    world.run(10_000, note)
    late = [max(column) for column in zip(*sizes, strict=True)]
    assert all(now <= then for now, then in zip(late, early, strict=True))


def test_the_newest_are_uploaded_and_none_twice():
    world = World(lambda: 1.0, lambda: 3.3)
    world.run(500)
    assert world.remote.snapshots == sorted(set(world.remote.snapshots))
    assert len(world.remote.snapshots) > 500 / 3.3 * 0.9


@pytest.mark.parametrize("minutes", [1.0, 10.0, 60.0])
def test_an_upload_is_looked_at_seldom_however_long_it_takes_and_however_many_snapshots_are_taken(minutes):
    upload = 60.0 * minutes
    world = World(lambda: 0.5, lambda: upload)
    world.run(round(upload / 0.5))
    most = 1 / FIRST_LOOK_SECONDS + log(upload) / LOOK_SHARE + upload / LAST_LOOK_SECONDS
    assert world.remote.looks <= most + 10

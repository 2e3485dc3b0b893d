"""The newest are kept, the best by a variable, and as many as a budget allows; never fewer than the newest one."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from colab_guard.core.errors import UsageError
from colab_guard.store.manifest import BlobRef, Manifest
from colab_guard.store.repository import Repository
from colab_guard.store.retention import Best, Retention, choose, parse_best, parse_budget

LOSS = Best("loss", "min")
MB = 1_000_000


def snapshots(*values: Any, best: Best = LOSS, packs: list[list[int]] | None = None) -> list[Manifest]:
    """Newest first; of each what the variable was, and the numbers of the packs that it needs (else its own one)."""
    made = []
    for n, value in enumerate(values, start=1):
        refs = tuple(BlobRef("0" * 64, 1, f"{pack:012x}", 0) for pack in (packs[n - 1] if packs else [n]))
        body = {} if value is None else best.recorded({best.name: value})
        made.append(Manifest(f"{n:012x}", n, "train", float(n), refs, body, 1))
    return made[::-1]


def kept(retention: Retention, made: list[Manifest]) -> list[int]:
    names = choose(retention, made, {f"{n:012x}": MB for n in range(1, 20)}).kept
    return [manifest.seq for manifest in made if manifest.name in names]


@pytest.mark.parametrize(
    ("values", "goal", "best"),
    [
        ([3, 1, 2, 2, 2], "min", [5, 4, 2]),
        ([3, 1, 2, 2, 2], "max", [5, 4, 1]),
        ([3, 1, 1, 2, 2], "min", [5, 4, 2]),  # of equals the first: its weights are those that were measured
        ([3, 2, 2, 1, 2], "min", [5, 4]),
        ([float("nan"), 7, float("inf"), float("nan"), float("nan")], "min", [5, 4, 2]),
        ([float("-inf"), "0", None, 8, 9], "min", [5, 4]),
        ([None, True, [1], "x", None], "min", [5, 4]),
    ],
)
def test_the_best_is_kept_beside_the_newest(values: list[Any], goal: str, best: list[int]) -> None:
    named = Best("loss", goal)
    made = snapshots(*values, best=named)
    assert kept(Retention(2, named), made) == best
    if made[0].body:
        assert kept(Retention(2), made) == best, "who prunes without being told finds it in the newest snapshot"


def test_what_another_variable_or_goal_was_for_is_not_compared() -> None:
    made = snapshots(5, 6, 7) + snapshots(1, 2, best=Best("loss", "max")) + snapshots(0, best=Best("error", "min"))
    assert LOSS.of(made) == made[2]


@pytest.mark.parametrize("found", [[], "loss", {"name": "loss"}, {"name": 1, "goal": "min"}, {"goal": [], "name": ""}])
def test_anything_may_stand_in_a_body(found: Any) -> None:
    made = [Manifest("0" * 12, 1, "train", 1.0, (), {"best": found}, 0)]
    assert choose(Retention(1), made, {}).best is None
    assert choose(Retention(1, LOSS), made, {}).best is None


class Hostile:
    ndim = 0

    def item(self) -> None:
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1.0),
        (Fraction(1, 2), 0.5),
        (SimpleNamespace(ndim=0, item=lambda: 2.5), 2.5),  # a stand-in for an array or tensor of no dimension
        (SimpleNamespace(ndim=1, item=lambda: 2.5), None),
        (10**400, None),
        (Hostile(), None),
        (Decimal(1), None),
        ("1", None),
        (True, None),
        (1j, None),
    ],
)
def test_what_counts_as_a_number(value: Any, number: float | None) -> None:
    assert LOSS.recorded({"loss": value}) == {"best": {"name": "loss", "goal": "min", "value": number}}
    assert LOSS.recorded({})["best"]["value"] is None


@pytest.mark.parametrize(
    ("budget_mb", "seqs", "remark"),
    [
        (4, [5, 4, 3, 1], None),
        (3, [5, 4, 1], "holds fewer than the newest 3 snapshots"),
        (2, [5, 1], "holds fewer than the newest 3 snapshots"),
        (1, [5], "the best one by loss:min goes too"),
        (0.5, [5], "alone needs more than --budget 500 kB allows. It is kept all the same"),
    ],
)
def test_a_budget_lets_the_oldest_go_then_the_best_and_never_the_newest(
    budget_mb: float, seqs: list[int], remark: str | None
) -> None:
    made = snapshots(1, 2, 3, 4, 5)
    retention = Retention(3, LOSS, int(budget_mb * MB))
    assert kept(retention, made) == seqs
    remarks = choose(retention, made, {f"{n:012x}": MB for n in range(6)}).remarks
    assert (remark is None and not remarks) or remark in "".join(remarks)


def test_a_pack_that_several_need_counts_once() -> None:
    assert kept(Retention(3, budget_bytes=2 * MB), snapshots(1, 2, 3, packs=[[1], [1, 2], [1, 2]])) == [3, 2, 1]


def test_the_budget_is_held_in_a_repository(tmp_path: Path) -> None:
    repository = Repository.open(tmp_path)
    for n in range(5):
        repository.commit("train", {}, [bytes([n]) * 1000, b"shared"])
        pruned = repository.prune("train", Retention(3, budget_bytes=2100))
        if n == 2:
            assert [manifest.seq for manifest in repository.snapshots()] == [3], "the pack of what is shared counts"
            assert "fewer than the newest 3 snapshots" in pruned.remarks[0]
    assert [manifest.seq for manifest in repository.snapshots()] == [5, 4], "what is shared has moved"
    assert pruned.remarks == ()
    assert repository.verify().problems == ()


@pytest.mark.parametrize(
    ("text", "count"), [("10GB", 10**10), ("500MB", 5 * 10**8), ("1.5kB", 1500), ("2TB", 2 * 10**12)]
)
def test_sizes_as_people_write_them(text: str, count: int) -> None:
    assert parse_budget(text) == count


@pytest.mark.parametrize("text", ["10", "GB", "0GB", "-1GB", "1e3MB", "10 GB", "10GiB", ""])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="such as 10GB"):
        parse_budget(text)


def test_a_goal_is_named_with_its_variable() -> None:
    assert parse_best("val_loss:min") == Best("val_loss", "min")
    for text in ("val_loss", "val_loss:least", ":min", "m['loss']:min", "a b:max"):
        with pytest.raises(UsageError, match=r"such as val_loss:min"):
            parse_best(text)


def test_to_keep_none_is_refused() -> None:
    with pytest.raises(UsageError, match="keep is 0"):
        Retention(0)

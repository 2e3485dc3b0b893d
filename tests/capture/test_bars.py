"""A progress bar goes on at its count, in each flavour, and there is one of it."""

import io
from typing import Any

import pytest
import tqdm.auto
import tqdm.std

from tests.capture.test_roundtrip import there_and_back
from tests.support.dying import lives, plain

FLAVOURS = ["tqdm", "tqdm.auto", "tqdm.asyncio"]
LOOPS = """
seen, counts = [], []
for i, item in enumerate(tqdm(items, file=out, mininterval=0, miniters=1)):
    seen.append(item)
for a in trange(2, file=out, mininterval=0):
    for b in tqdm(items, leave=False, disable=True):
        seen.append((a, b))
with tqdm(total=6, desc="by hand", unit="B", file=out) as bar:
    while bar.n < 6:
        bar.update(2)
        counts.append(bar.n)
finished = bar.n
del bar
"""


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_loops_over_bars_are_exact(flavour: str) -> None:
    above = f"import io\nfrom {flavour} import tqdm, trange\nitems, out = [3, 1, 4], io.StringIO()"
    names = ("seen", "counts", "finished")
    alone = plain(LOOPS, above)
    for number, end in lives(LOOPS, above):
        assert [end[name] for name in names] == [alone[name] for name in names], number


def test_a_bar_keeps_its_count_and_its_looks() -> None:
    bar = tqdm.std.tqdm(total=9, desc="steps", unit="B", unit_scale=True, file=io.StringIO(), colour="green", ncols=50)
    bar.set_postfix(loss="0.5")
    bar.update(4)
    new = there_and_back(bar=bar)["bar"]
    bar.close()
    for name in ("n", "total", "desc", "unit", "unit_scale", "colour", "ncols", "postfix", "pos"):
        assert getattr(new, name) == getattr(bar, name), name
    new.close()


def test_a_bar_that_is_over_is_not_drawn_again(capsys: pytest.CaptureFixture[str]) -> None:
    bar = tqdm.std.tqdm([1, 2])
    assert list(bar) == [1, 2]
    capsys.readouterr()
    new = there_and_back(bar=bar)["bar"]
    assert new.n == 2
    new.refresh()
    new.close()
    assert capsys.readouterr().err == ""


def test_a_bar_that_is_off_stays_off() -> None:
    new = there_and_back(bar=tqdm.std.tqdm([1, 2, 3], disable=True))["bar"]
    assert (list(new), new.disable, new.total) == ([1, 2, 3], True, 3)


def test_the_notebooks_bar_is_shown_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import tqdm.notebook

    shown: list[Any] = []
    monkeypatch.setattr(tqdm.notebook, "display", shown.append)
    loop = "seen = []\nfor item in tqdm(items, mininterval=0, miniters=1):\n    seen.append(item)\nbar = 0"
    above = "from tqdm.notebook import tqdm\nitems = [3, 1, 4, 1, 5]"
    for number, end in lives(loop, above, stride=99):
        assert end["seen"] == [3, 1, 4, 1, 5]
        # One by the life that died, unless that was before the loop, and one by the life that went on.
        assert len(shown) <= 2, number
        if 1 < number < 6:
            assert [bar.children[1].value for bar in shown] == [number - 2, 5]
        shown.clear()

"""Where workers load, the batches are replayed: under the random state of the entry, said beforehand."""

import pytest

from colab_guard.capture import loaders, replay
from colab_guard.core.errors import RestoreError
from tests.capture.test_fast_forward import ITERABLES, NOISY, SAMPLERS, TRAIN, _said, _watched, assert_exact, ends

__all__ = ["_said", "_watched"]

SEVERAL = TRAIN.replace("range(2)", "range(3)")


@pytest.mark.parametrize("loader", [
    "DataLoader(Noisy(), batch_size=6, shuffle=True, num_workers=2)",
    "DataLoader(Noisy(), batch_size=6, shuffle=True, num_workers=2, persistent_workers=True)",
    "DataLoader(Stream(), batch_size=7, num_workers=2)",
    "DataLoader(Stream(), batch_size=7, num_workers=1, persistent_workers=True)",
])  # fmt: skip
def test_workers_draw_again_what_they_drew(loader: str, _said: list[str]) -> None:
    replay.configure(replay.Settings(say=_said.append, forced="persistent" in loader))
    above = f"{NOISY}{ITERABLES}\nloader = {loader}"
    assert_exact(SEVERAL, above, stride=2)
    assert any(text.startswith("replaying 1 item of a DataLoader with") for text in _said)


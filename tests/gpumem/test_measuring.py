"""The batch size that fits is found by running steps, under the cap, whatever line their memory lies on.

The meter is a stand-in: peaks that lie on a line, or not. What a real allocator adds to that (pieces, rounding) is
shown on a real GPU only.
"""

import contextlib
import random

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from colab_guard.core.errors import UsageError
from colab_guard.gpumem import suggesting
from colab_guard.gpumem.measuring import MARGIN, MOST_EXAMPLES, measure, measure_here
from colab_guard.guards import gpu
from tests.gpumem.session import Session
from tests.support.fake_gpu import T4_BYTES, needs_gpu


class Line:
    """A GPU on which a step takes so many bytes, and raises torch's own error past the cap."""

    def __init__(self, fixed, each, curve=0.0):
        self.fixed, self.each, self.curve = fixed, each, curve
        self.ran = []

    def takes(self, examples):
        return int(self.fixed + self.each * examples + self.curve * examples**2)

    def step(self, examples):
        random.random()
        if self.takes(examples) > self.cap:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        self.ran.append(examples)

    @contextlib.contextmanager
    def capped(self, cap_bytes):
        self.cap = cap_bytes
        yield
        self.cap = None

    def begin(self):
        pass

    def peak_bytes(self):
        return self.takes(self.ran[-1])


@given(st.integers(0, 10**10), st.integers(10_000, 10**9), st.integers(10**9, 10**11))
def test_the_size_found_fits_and_a_tenth_more_would_not(fixed, each, cap):
    line = Line(fixed, each)
    assume(line.takes(1) <= cap)
    found = measure(line.step, cap, line)
    assert line.takes(found.fits) <= cap
    if found.failed == 0 and len(found.peaks) > 1 and found.peaks[-1][0] < MOST_EXAMPLES:
        assert line.takes(found.fits + 1) > cap * (1 - MARGIN) * 0.999
        assert found.example_bytes == pytest.approx(each, rel=1e-3, abs=2)
        assert found.fixed_bytes == pytest.approx(fixed, abs=1e-3 * cap)
        assert found.straight
    assert line.cap is None, "the cap is taken off again"


def test_steps_stop_before_they_run_out_where_the_line_tells():
    line = Line(1_000, 100)
    found = measure(line.step, 3_000, line)
    assert line.ran == [1, 1, 2, 4, 8, 16]
    assert found.failed == 0
    assert found.fits == 18  # 5 % less than the cap, of 100 each


def test_where_memory_grows_faster_than_a_line_only_what_ran_is_said_to_fit():
    line = Line(100, 1, curve=10)
    found = measure(line.step, 10_000, line)
    assert not found.straight or line.takes(found.fits) <= 10_000
    assert found.fits == found.peaks[-1][0]


def test_a_single_example_that_does_not_fit_is_said():
    line = Line(1_000, 100)
    with pytest.raises(UsageError, match="One example does not fit"):
        measure(line.step, 1_050, line)


def test_a_function_that_does_not_use_its_argument_is_said():
    line = Line(1_000, 0)
    with pytest.raises(UsageError, match="Memory did not grow from 1 to"):
        measure(line.step, 5_000, line)


def test_other_errors_of_the_step_come_through_and_the_cap_is_taken_off():
    line = Line(1_000, 1)

    def step(examples):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        measure(step, 5_000, line)


def test_random_states_are_put_back():
    random.seed(5)
    torch.manual_seed(5)
    expected = random.getstate(), torch.get_rng_state()
    line = Line(1_000, 100)

    def step(examples):
        torch.rand(examples)
        line.step(examples)

    measure(step, 3_000, line)
    assert random.getstate() == expected[0]
    assert torch.equal(torch.get_rng_state(), expected[1])


def test_what_was_found_is_told_in_words_with_code(monkeypatch):
    monkeypatch.setattr(gpu, "gpus", lambda: [gpu.Gpu(0, "Tesla T4", 0, T4_BYTES)])
    line = Line(2_000_000_000, 100_000_000)
    text = suggesting.suggest(Session(step=line.step), step="step", meter=line)
    for part in ("2.0 GB for any batch", "100 MB for each example", "115 examples fit; 112 is", "batch_size = 112"):
        assert part in text


def test_without_a_gpu_there_is_nothing_to_measure_on(monkeypatch):
    with pytest.raises(UsageError, match="nothing to measure on"):
        measure_here(lambda examples: None, 0.9)
    monkeypatch.setattr(gpu, "gpus", lambda: [gpu.Gpu(0, "Tesla T4", 0, T4_BYTES)])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="torch is missing here, or can't use the GPU"):
        measure_here(lambda examples: None, 0.9)


@pytest.mark.gpu
@needs_gpu
def test_what_is_found_on_a_real_gpu_runs():
    model = torch.nn.Sequential(*(torch.nn.Linear(4096, 4096) for _ in range(8))).cuda()

    def step(examples):
        model(torch.randn(examples * 1000, 4096, device="cuda")).sum().backward()
        model.zero_grad()

    total = torch.cuda.get_device_properties(0).total_memory
    fraction = (torch.cuda.memory_allocated() + 4_000_000_000) / total
    found = measure_here(step, fraction)
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(fraction)
    try:
        step(found.fits)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)

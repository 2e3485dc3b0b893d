"""What nobody asked to keep is let go of, counted by step; no variable is touched.

The bytes are those of tensors in RAM, which are real; those that a GPU's allocator counts come from a stand-in.
"""

import gc
import sys
import weakref

import pytest
import torch

from colab_guard.gpumem import freeing
from colab_guard.gpumem.freeing import free
from colab_guard.gpumem.keepers import frames
from colab_guard.guards import gpu
from tests.gpumem.session import Session
from tests.support.fake_gpu import needs_gpu

BYTES = 40_000


@pytest.fixture(autouse=True)
def no_collection_meanwhile():
    """So that cycles wait for the step that is theirs."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def tensor():
    return torch.zeros(BYTES // 4)


def freed(session, **options):
    return {step.what.split()[-1]: step.freed_bytes for step in free(session, **options).steps}


def test_each_step_is_counted_and_what_it_held_is_gone():
    kept = tensor()
    session = Session(kept=kept)
    session.out["Out[1]"] = tensor()

    def train():
        batch, outputs = tensor(), [tensor()]
        alive.extend([weakref.ref(batch), weakref.ref(outputs[0])])
        raise ValueError(len(outputs))

    alive = [weakref.ref(session.out["Out[1]"])]
    session.fails(train)
    loop = [tensor()]
    loop.append(loop)
    alive.append(weakref.ref(loop[0]))
    del loop
    done = free(session)
    sizes = [step.freed_bytes for step in done.steps]
    assert sizes == [BYTES, 2 * BYTES, BYTES], done
    assert [one() for one in alive] == [None] * 4
    assert session.namespace == {"kept": kept}
    assert done.left_bytes >= BYTES
    assert done.freed_bytes == 4 * BYTES


def test_frames_that_a_debugger_looked_at_and_all_of_a_chain_are_cleared():
    session = Session()

    def deep():
        held = tensor()
        alive.append(weakref.ref(held))
        raise ValueError(len(held))

    def train():
        held = tensor()
        alive.append(weakref.ref(held))
        try:
            deep()
        finally:
            raise ExceptionGroup("of two", [KeyError(len(held))])

    alive = []
    session.fails(train)
    assert [len(frame.f_locals) for frame in frames(session.last)]
    freed(session)
    assert [one() for one in alive] == [None, None]


def test_what_the_error_and_its_variables_say_stays_and_so_do_functions_that_run():
    session = Session()

    def run():
        mine = tensor()
        session.last = [sys.exc_info()[1]]
        freed(session)
        return mine

    def train(lr):
        raise ValueError(lr)

    try:
        train(0.5)
    except ValueError:
        assert run().nbytes == BYTES
    error = session.last[0]
    assert error.args == (0.5,)
    assert error.__traceback__ is not None


def test_gradients_go_only_where_that_is_asked():
    model = torch.nn.Linear(BYTES // 4, 1, bias=False)
    model(torch.ones(BYTES // 4)).backward()
    session = Session(model=model)
    assert "gradients" not in freed(session)
    assert model.weight.grad is not None
    assert freed(session, grads=True)["gradients"] == BYTES
    assert model.weight.grad is None


def test_where_torch_uses_a_gpu_its_allocator_is_what_counts(monkeypatch):
    """A stand-in: what one of 8 GB would say. That ``empty_cache`` gives memory back is shown on a real GPU only."""
    said = iter([(5, 8), (3, 8), (3, 8), (3, 8), (3, 8), (3, 8), (3, 8), (3, 8), (3, 4), (3, 4), (3, 4)])
    calls = []
    monkeypatch.setattr(gpu, "allocators", lambda: [gpu.Allocator(0, *(n * 10**9 for n in next(said)), 0)])
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: calls.append(1))
    done = free(Session())
    assert (done.freed_bytes, done.given_back_bytes, done.left_bytes) == (2 * 10**9, 4 * 10**9, 3 * 10**9)
    assert calls == [1]
    assert "given back to the GPU by torch's cache   4.0 GB" in str(done)


def test_the_table_says_where_there_is_no_gpu():
    told = str(free(Session()))
    assert "are left in RAM (torch has not used a GPU)" in told
    assert "given back" not in told


def test_without_torch_nothing_is_counted_and_all_is_let_go_of(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch")
    session = Session()
    session.out["Out[1]"] = 1
    assert set(freed(session).values()) == {0}
    assert session.out == {}


@pytest.mark.gpu
@needs_gpu
def test_a_real_gpu_has_its_memory_back():
    session = Session()

    def train():
        batch = torch.zeros(100_000_000, device="cuda")
        raise ValueError(len(batch))

    session.fails(train)
    before = torch.cuda.mem_get_info()[0]
    done = free(session)
    assert done.steps[1].freed_bytes == 400_000_000
    assert done.given_back_bytes >= 400_000_000
    assert torch.cuda.mem_get_info()[0] - before >= 400_000_000
    assert freeing.gpu.allocators()

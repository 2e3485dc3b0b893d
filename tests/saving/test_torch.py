"""torch beside the writer: loader workers that are forked meanwhile, and memory on a GPU."""

import numpy as np
import pytest
import torch

from tests.saving.slow import Session
from tests.saving.test_process import run, snapshots

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no NVIDIA GPU here")


def test_loader_workers_forked_while_snapshots_are_written_give_every_batch(tmp_path):
    ended = run(
        tmp_path,
        """
        import torch
        from torch.utils.data import DataLoader
        session.disk.go.set()
        for epoch in range(5):
            session.namespace["x"] = session.namespace["x"] + 1
            assert session.save(60)
            assert sum(len(batch) for batch in DataLoader(range(100), batch_size=5, num_workers=2)) == 100
        assert session.saver.finish()
        """,
    )
    assert ended.returncode == 0, ended.stderr
    assert snapshots(tmp_path) == 3


@pytest.mark.gpu
@needs_gpu
def test_what_lies_on_a_gpu_is_copied_beside_later_work_and_comes_back(tmp_path):
    """Large pieces and small ones; the copies wait for the work before them, and the work behind waits for them."""
    torch.manual_seed(0)
    large = torch.randn(20_000_000, device="cuda")
    small = [torch.randn(n + 1, device="cuda") for n in range(50)]
    session = Session(tmp_path, large=large, small=small)
    session.disk.go.clear()
    for _ in range(200):
        large.mul_(1.0001)
    expected = [tensor.clone() for tensor in (large, *small)]
    assert session.save()
    for tensor in (large, *small):
        tensor.fill_(-1)
    session.disk.go.set()
    assert session.saver.finish(), session.said
    found = session.newest()
    for tensor, then in zip((found["large"], *found["small"]), expected, strict=True):
        assert tensor.device.type == "cuda"
        assert torch.equal(tensor, then)


@pytest.mark.gpu
@needs_gpu
def test_what_did_not_change_on_a_gpu_is_not_stored_again(tmp_path):
    large = torch.randn(1_000_000, device="cuda")
    session = Session(tmp_path, large=large, count=np.zeros(1))
    for _ in range(2):
        assert session.save()
        assert session.saver.finish(), session.said
    assert session.saver.last.new_bytes < 50_000

"""What ``%gpumem top`` claims of where tensors lie. torch's allocator is put in at the seam: there is no GPU."""

import torch

from colab_guard.gpumem import views
from colab_guard.guards.gpu import Allocator
from tests.gpumem.session import Session


def test_a_gpu_that_torch_has_used_and_holds_nothing_on_is_not_said_to_be_unused(monkeypatch):
    session = Session(x=torch.zeros(7))
    monkeypatch.setattr(views.gpu, "allocators", lambda: [Allocator(0, 0, 0, 9_000_000)])
    assert views.top_text(session) == "No tensors on the GPU."
    monkeypatch.setattr(views.gpu, "allocators", lambda: [Allocator(0, 1_000_000, 2_000_000, 9_000_000)])
    assert "1.0 MB  in no tensor of Python's" in views.top_text(session)
    monkeypatch.setattr(views.gpu, "allocators", list)
    assert "in RAM (torch has not used a GPU in this kernel)" in views.top_text(session)

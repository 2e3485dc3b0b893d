"""The plot of GPU memory says the newest figures, of each GPU. GPU and allocator are put in at the seam."""

import re

from colab_guard.gpumem import plot as module
from colab_guard.gpumem.plot import Plot
from colab_guard.guards.gpu import Allocator, Gpu


def test_the_newest_figures_of_each_gpu_are_said(monkeypatch):
    gpus = [Gpu(0, "Tesla T4", 10**9, 15 * 10**9), Gpu(1, "NVIDIA L4", 0, 24 * 10**9)]
    held = list[Allocator]()
    monkeypatch.setattr(module.gpu, "gpus", lambda: gpus)
    monkeypatch.setattr(module.gpu, "allocators", lambda: held)
    plot = Plot()
    plot.now()
    gpus[0] = Gpu(0, "Tesla T4", 9 * 10**9, 15 * 10**9)
    held.append(Allocator(0, 7 * 10**9, 8 * 10**9, 0))
    drawn = plot.now()
    one, other = re.sub("<[^>]*>", "", drawn).split("now")[:2]
    assert one.startswith("GPU 0 Tesla T4, of 15.0 GB: used 9.0 GB torch holds 8.0 GB in tensors 7.0 GB")
    assert other.startswith("GPU 1 NVIDIA L4, of 24.0 GB: used 0 B torch holds 0 B")
    assert [len(points.split()) for points in re.findall('points="([^"]*)"', drawn)] == [2] * 6

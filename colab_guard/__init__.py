"""colab_guard: training cells that survive the death of their runtime."""

__version__ = "0.1.0"

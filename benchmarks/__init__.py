"""What colab_guard costs, beside what one would do without it: ``python -m benchmarks``."""

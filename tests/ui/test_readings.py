"""What the panel makes of readings."""

import pytest

from colab_guard.ui.readings import model


@pytest.mark.parametrize(
    ("said", "called"),
    [
        ("Tesla T4", "T4"),
        ("NVIDIA L4", "L4"),
        ("Tesla V100-SXM2-16GB", "V100"),
        ("NVIDIA A100-SXM4-40GB", "A100"),
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA GeForce RTX 3060 Laptop GPU", "RTX 3060"),
        ("NVIDIA RTX A6000", "RTX A6000"),
        ("Tesla", "Tesla"),
    ],
)
def test_a_gpu_has_the_name_that_people_use(said: str, called: str) -> None:
    """There is room for that beside its bar."""
    assert model(said) == called

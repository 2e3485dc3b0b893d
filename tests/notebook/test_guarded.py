"""A cell's own name is read from its first line, as a person wrote it."""

import pytest

from colab_guard.notebook.guarded import guarded_name


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("%%checkpointed train --every 60s\nx = 1", "train"),
        ("\n  %%checkpointed 'my run'\n", "my run"),
        ("%%checkpointed", ""),
        ("%%checkpointed \nx", ""),
        ("%%checkpointed --every 60s train\nx", ""),
        ("%%checkpointed it's\nx", ""),
        ("%%checkpointedly train\nx", None),
        ("x = 1\n%%checkpointed train", None),
        ("", None),
    ],
)
def test_the_name_of_a_guarded_cell(source, name):
    assert guarded_name(source) == name

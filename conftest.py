"""Lets tests say `from tests.support…` and `import demo`, while `import colab_guard` means the wheel.

The checkout goes to the end of sys.path, behind site-packages; with --import-mode=importlib pytest itself
adds nothing. Kernels that tests start run in folders of their own, and have only the wheel.

The snapshots of all tests, and of the kernels and scripts that they start, are signed with one key, so that none is
made in the home of whoever runs them.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
os.environ["COLAB_GUARD_KEY"] = "7e57" * 16
os.environ["COLAB_GUARD_PANEL"] = "off"  # but where a test is about it: its imports take 0.2 s in each kernel
os.environ["COLAB_GUARD_DRIVE"] = "/content/drive"  # else Drives that other tests have mounted would count
pytest_plugins = ["tests.standins.fixtures", "tests.support.disks"]
with suppress(ImportError):  # which not every Python has that some of the tests run on
    from hypothesis import HealthCheck, settings

    settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("any machine")
LONGEST = ("tests/test_pins.py", "tests/chaos/", "tests/notebook/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no core waits at the end for another."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))

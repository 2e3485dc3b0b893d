"""Lets tests say `from tests.support…` and `import demo`, while `import colab_guard` means the wheel.

The checkout goes to the end of sys.path, behind site-packages; with --import-mode=importlib pytest itself
adds nothing. Kernels that tests start run in folders of their own, and have only the wheel.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))

"""One message that is known, and how its sources are written."""

from __future__ import annotations

import re
from dataclasses import dataclass

FAQ = "Colab's FAQ, research.google.com/colaboratory/faq.html"
SOURCE = "source of google.colab"
TORCH = "docs.pytorch.org/docs/stable"
CUDA = "CUDA Runtime API, cudaError_t: docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html"
ERRNO = "Python, errno: docs.python.org/3/library/errno.html"


def issues(*numbers: int) -> str:
    """Issues of Colab's own tracker."""
    return ", ".join(f"googlecolab/colabtools#{number}" for number in numbers)


@dataclass(frozen=True)
class Known:
    """One message: its words, what they look like (a pattern that is looked for, letter case ignored), what is behind
    it, what to do, in the order in which to try it, and who says so.
    """

    says: str
    pattern: str
    because: str
    do: tuple[str, ...]
    sources: tuple[str, ...]

    def is_in(self, text: str) -> bool:
        """Whether a text, in one line, holds this message."""
        return re.search(self.pattern, text, re.IGNORECASE) is not None

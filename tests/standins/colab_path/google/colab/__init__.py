"""A stand-in for the package that only Colab's runtime has: see tests/standins/colab.py. Runs in the kernel."""

from google.colab import drive, files, output, runtime, userdata

__all__ = ["drive", "files", "output", "runtime", "userdata"]

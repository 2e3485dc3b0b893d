"""Magics and messages as a user meets them: in real kernels, on the newest Jupyter and on Colab's pins."""

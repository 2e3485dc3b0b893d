"""Cells of users, kernels killed at random instants, and the demand that the end be the same bits."""

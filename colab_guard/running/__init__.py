"""One run of a guarded cell: the code under way, its safe points, and what they do."""

"""What a machine says of itself: each module turns one probe into a reading, and knows nothing of cells or snapshots.

A probe is a plain function that reads the system; where there is nothing to read (no GPU, no Linux) it gives None or
an empty list, and raises nothing. Tests put their own probe in its place only where the machine has no such thing.
"""

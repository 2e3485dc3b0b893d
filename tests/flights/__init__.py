"""Recorded flights, and how they were made. `python -m tests.flights.record` makes them anew, as root, in ten minutes.

Each is the flight of a real kernel that died a real death, thinned out and kept as a small file, with the death's true
cause and what the machine knew afterwards. The clock is injected (`inside`): of the hours that a session takes, a
recording takes seconds. Each file names what in it is a stand-in; what these can't show is how Colab itself ends a
runtime, and what a GPU does.
"""

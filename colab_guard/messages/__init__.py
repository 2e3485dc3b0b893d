"""Messages that people meet in notebooks: what is behind each, what helps, and where that is known from.

The tables ``of_…`` are data, one entry a message; ``finding`` finds the entry that a text speaks of.
"""

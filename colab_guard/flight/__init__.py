"""The flight recorder: what the session was like while it lived, so that the next one can say why it died.

docs/flight.md is the format and the design.
"""

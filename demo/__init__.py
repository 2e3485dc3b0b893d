"""`make demo`: the quickstart notebook, killed three times, against the same notebook left alone."""

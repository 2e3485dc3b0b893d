# Context managers around loops: suppress, one defined in a cell that must put back what it found, two at once.
# results: level, seen, found, nested, timer
# %%
import random
import time
from contextlib import suppress

level = {"verbosity": 3}

class quiet:
    """Lowers the verbosity, and puts it back."""

    def __init__(self, to):
        self.to = to

    def __enter__(self):
        self.before = level["verbosity"]
        level["verbosity"] = self.to
        return self

    def __exit__(self, *error):
        level["verbosity"] = self.before

seen, found, nested = [], [], []
# %%
%%checkpointed with-blocks
with quiet(1) as timer:
    for i in range(150):
        seen.append((level["verbosity"], random.random()))
        time.sleep(0.005)
seen.append(level["verbosity"])

with suppress(KeyError, ZeroDivisionError):
    for i in range(150):
        found.append(1 / (149 - i) + random.random())
        time.sleep(0.005)

with quiet(0), suppress(StopIteration):
    for i in range(4):
        with quiet(i):
            for j in range(30):
                nested.append((level["verbosity"], i * j))
                time.sleep(0.005)
        nested.append(level["verbosity"])

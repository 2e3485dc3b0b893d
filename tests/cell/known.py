"""What random programs don't ask for, because the engine is known to fail there.

Each name says what happens today and is to be set to False, then removed, with the fix. `test_programs` proves
that each program here still fails, so that none outlives its fix.
"""

from tests.cell.programs import Program

# What a function of a cell above has closed over is not put back: neither a variable shared by nonlocal, nor the
# mutable defaults of a function behind a decorator.
CLOSURES_ABOVE_LOST = True

# An error that leaves a loop of the cell closes its generator behind the `with` and `finally` around the loop.
GENERATORS_CLOSED_LATE = True

# A dict's items and values that are still to come are those of the time of death, though the cell changes them.
DICT_ITEMS_FROZEN = True

# A restored generator that is left before it gives another item does not run its `finally`, nor leave its `with`.
RESTORED_NOT_CLOSED = True

# An iterator of a list stands, after a restore, at the list's end at most, though it was further: a list that had
# shrunk by then, and grows again, gives items once more.
LIST_INDEX_CLIPPED = True

PROGRAMS = {
    "CLOSURES_ABOVE_LOST": Program(
        """
def make():
    total = 0
    def add():
        nonlocal total
        total += 1
        return total
    return add
add = make()
""",
        "add()\nlog = [add()]\nlog.append(add())",
    ),
    "GENERATORS_CLOSED_LATE": Program(
        """
def numbers():
    try:
        yield 1
    finally:
        log.append("closed")
""",
        """
log = []
try:
    try:
        for n in numbers():
            raise ValueError
    finally:
        log.append("finally")
except ValueError:
    pass
""",
    ),
    "DICT_ITEMS_FROZEN": Program(
        "",
        """
table = {"a": 1, "b": 2}
for key, value in table.items():
    table["b"] = 3
""",
    ),
    "RESTORED_NOT_CLOSED": Program(
        """
def numbers():
    try:
        yield 1
    finally:
        log.append("closed")
""",
        """
log = []
for n in numbers():
    log.append(n)
    break
""",
    ),
    "LIST_INDEX_CLIPPED": Program(
        "",
        """
items, log = [1, 2], []
for item in items:
    if item == 2:
        items.pop()
        for n in range(1):
            log.append(n)
        items.append(2)
""",
    ),
    # Random programs don't go through such sets anyway.
    "SETS_LOSE_THEIR_ORDER": Program(
        "",
        """
bag = set(range(40))
for n in range(40):
    if n not in (1, 8):
        bag.discard(n)
log = list(bag)
for n in range(2):
    log.append(list(bag))
""",
    ),
}

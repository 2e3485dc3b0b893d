"""What random programs don't ask for, because the engine is known to fail there.

Each name says what happens today and is to be set to False, then removed, with the fix. `test_programs` proves
that each program here still fails, so that none outlives its fix.
"""

from tests.cell.programs import Program

# What a function of a cell above has closed over is not put back: neither a variable shared by nonlocal, nor the
# mutable defaults of a function behind a decorator.
CLOSURES_ABOVE_LOST = False

# An error that leaves a loop of the cell closes its generator behind the `with` and `finally` around the loop.
GENERATORS_CLOSED_LATE = False

# A dict's items and values that are still to come are those of the time of death, though the cell changes them.
DICT_ITEMS_FROZEN = False

# A restored generator that is left before it gives another item does not run its `finally`, nor leave its `with`.
RESTORED_NOT_CLOSED = False

PROGRAMS = {
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

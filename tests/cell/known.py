"""Programs that random ones led to: differences that were mended, and must stay so, and the one that is known."""

from tests.cell.programs import Program

MENDED = {
    "CONTEXTS_BEHIND_A_YIELD": Program(
        """
class Manager:
    def __enter__(self): log.append("in")
    def __exit__(self, *error): log.append("out")
def numbers():
    yield 1
    with Manager():
        if log:
            try:
                yield 2
            finally:
                log.append("finally")
    yield 3
""",
        """
log = []
for n in numbers():
    log.append(n)
""",
    ),
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
    "GENERATORS_CLOSED_BEHIND_WITH": Program(
        """
class Mode:
    def __enter__(self): return self
    def __exit__(self, *_): log.append("exit")
def numbers():
    try:
        yield 1
    finally:
        log.append("closed")
""",
        """
log = []
try:
    with Mode():
        for n in numbers():
            raise ValueError
except ValueError:
    pass
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
}

KNOWN = {
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

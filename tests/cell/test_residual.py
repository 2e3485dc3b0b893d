"""A cell that dies at any of its safe points, again and again, ends as the cell that never died."""

import pytest

from tests.support.dying import lives, plain

CELLS = {
    "nested loops, break, continue, else": """
        import random
        log = []
        for a in range(4):
            for b in range(4):
                if b == 2 and a == 1:
                    continue
                if a == 2 and b == 3:
                    break
                log.append((a, b, random.random()))
            else:
                log.append("inner else")
            if a == 3:
                break
        else:
            log.append("outer else")
        log.append("end")
    """,
    "while with else": """
        import random
        n, log = 0, []
        while n < 6:
            n += 1
            if n == 3:
                continue
            m = n
            while m:
                m -= 1
                log.append(random.random())
                if m == 2 and n == 5:
                    break
            else:
                log.append("ran out")
        else:
            log.append("done")
    """,
    "branches": """
        log = []
        for i in range(6):
            if i % 3 == 0:
                for j in range(2):
                    log.append(("a", i, j))
            elif i % 3 == 1:
                for j in "xy":
                    log.append(("b", i, j))
            else:
                log.append("c")
        match len(log):
            case 3:
                log.append("no")
            case n if n > 5:
                for k in range(n % 4 + 1):
                    log.append(k)
            case _:
                log.append("never")
    """,
    "try, except, else, finally": """
        log = []
        for i in range(5):
            try:
                for j in range(3):
                    if i == 2 and j == 1:
                        raise ValueError(i)
                    log.append((i, j))
            except ValueError as error:
                log.append(str(error))
            else:
                for j in range(2):
                    log.append(("else", j))
                    if i == 3:
                        break
            finally:
                log.append("finally")
    """,
    "a list that shrinks, a dict, a set": """
        names, out = list("abcdef"), []
        for name in names:
            out.append(name)
            if name in "bd":
                names.remove(name)
        table = {"x": 1, "y": 2, "z": 3}
        for key, value in table.items():
            table[key] = value * 2
            out.append((key, value))
        seen = 0
        for word in {"one", "two", "three", "four"}:
            seen += len(word)
    """,
    "composed iterators": """
        out = []
        base = [3, 1, 2]
        for i, (a, b) in enumerate(zip(reversed(base), map(str, range(10))), 5):
            base.append(i) if i < 7 else None
            out.append((i, a, b))
        for x in filter(None, [0, 1, 0, 2]):
            out.append(x)
        for x in (y * 2 for y in base if y != 1):
            out.append(x)
        for letter in "abc":
            out.append(letter)
    """,
    "generators": """
        import random
        def walk(n):
            total = 0
            try:
                for i in range(n):
                    for j in [1, 2]:
                        total += random.random()
                        got = yield i, j, total
                        assert got is None
                yield from inner("zz")
                while total > 1:
                    total -= 1
                    yield total
            finally:
                out.append("closed")
        def inner(text):
            for letter in text:
                yield letter
        out = []
        for step in walk(3):
            out.append((step, random.random()))
        for step in walk(3):
            out.append(step)
            if len(out) > 25:
                break
    """,
    "shared objects": """
        a = [1]
        b = a
        c = {"a": a}
        def bump(x, cache=[]):
            cache.append(x)
            return len(cache)
        class Config:
            rate = 1.0
            sizes = [1]
        config = Config()
        for i in range(5):
            b.append(i)
            Config.rate *= 0.5
            Config.sizes.append(bump(i))
            config.here = Config.rate
            same = a is b and c["a"] is a
        end = (Config.rate, Config.sizes, config.rate, bump(0), len(a), same)
    """,
    "deletion": """
        out = []
        for i in range(4):
            big = [i] * 3
            out.append(sum(big))
            del big
        gone = "big" not in globals()
    """,
}


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("stride", [10**9, 1, 3], ids=["once", "repeatedly", "repeatedly, at each third"])
def test_dying_changes_nothing(name: str, stride: int) -> None:
    source = "\n".join(line[8:] for line in CELLS[name].splitlines()[1:])
    wanted = plain(source)
    points = 0
    for point, end in lives(source, stride=stride):
        points += 1
        for variable, value in wanted.items():
            if variable not in ("config",):
                assert end[variable] == value, f"{variable} after a death at safe point {point}"
    assert points > 3

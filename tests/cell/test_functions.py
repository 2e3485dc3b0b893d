"""A cell that dies inside the functions it calls, at any safe point of theirs, ends as if it never had."""

import textwrap

import pytest

from tests.support.dying import count, lives, plain

FAMILIES = {
    "a function two cells above": (
        """
        import random
        def train(n, log, *, k=2, **more):
            total = 0
            for i in range(n):
                for j in range(k):
                    total += random.random()
                log.append((i, total, more))
            else:
                log.append("else")
            return total, len(log)
        """,
        """
        log = []
        total, count = train(3, log, k=3, tag="x")
        log.append((total, count))
        """,
    ),
    "methods, super(), private names, a subclass": (
        """
        import random
        class Base:
            rate = 0.5
            def __init__(self):
                self.__seen, self.log = 0, []
            def fit(self, n):
                for i in range(n):
                    self.__seen += 1
                    self.log.append(("base", i, self.__seen, random.random()))
                return self.__seen
            @staticmethod
            def twice(n, into):
                for i in range(n):
                    into.append(2 * i)
            @classmethod
            def slower(cls, n):
                for _ in range(n):
                    cls.rate *= 0.5
                return cls.rate
        class Child(Base):
            def fit(self, n):
                for i in range(n):
                    seen = super().fit(2)
                    self.log.append(("child", i, seen))
                    Base.twice(i, self.log)
                    rate = self.slower(1)
                    self.log.append(rate)
                return super().fit(1)
        """,
        """
        child = Child()
        result = child.fit(3)
        log, rates = child.log, (Base.rate, Child.rate)
        del child
        """,
    ),
    "closures that share a variable": (
        """
        def make(start):
            count, history = start, []
            def bump(n):
                nonlocal count
                for _ in range(n):
                    count += 1
                    history.append(count)
                return count
            def read():
                return count, tuple(history)
            return bump, read
        def inline(n):
            total = 0
            def add(x):
                nonlocal total
                total += x
            for i in range(n):
                add(i)
                again = lambda: total
                for j in range(2):
                    add(again())
            return total, again()
        """,
        """
        bump, read = make(5)
        log = []
        for i in range(3):
            got = bump(i + 1)
            log.append((got, read()))
        end = inline(3)
        """,
    ),
    "recursion": (
        """
        import random
        def search(node, depth, path, best):
            if depth == 0:
                score = random.random()
                best[tuple(path)] = score
                return score
            highest = 0.0
            for child in range(2):
                path.append(child)
                got = search(node + child, depth - 1, path, best)
                highest = max(highest, got)
                path.pop()
            return highest
        """,
        """
        best = {}
        top = search(0, 3, [], best)
        """,
    ),
    "decorators": (
        """
        import functools, random
        def timed(f):
            calls = []
            @functools.wraps(f)
            def wrapper(*args, **kwargs):
                calls.append(len(args))
                result = f(*args, **kwargs)
                calls.append("done")
                return result, tuple(calls)
            return wrapper
        def repeat(times):
            def around(f):
                def wrapper(*args):
                    out = []
                    for _ in range(times):
                        one = f(*args)
                        out.append(one)
                    return out
                return wrapper
            return around
        @timed
        @repeat(2)
        def work(n, log):
            for i in range(n):
                log.append((i, random.random()))
            return len(log)
        """,
        """
        log = []
        result = work(3, log)
        again = work(1, log)
        """,
    ),
    "return f(), with f(), for in f()": (
        """
        import random
        class Mode:
            def __init__(self, log, name): self.log, self.name = log, name
            def __enter__(self): self.log.append(("in", self.name)); return self
            def __exit__(self, *_): self.log.append(("out", self.name))
        def opened(log, n):
            for i in range(n):
                log.append(("opening", i))
            return Mode(log, n)
        def rows(log, n):
            made = []
            for i in range(n):
                made.append(random.random())
            return made
        def inner(log, n):
            with opened(log, n) as mode, Mode(log, "second"):
                for row in rows(log, n):
                    log.append((mode.name, row))
                    if row > 0.9:
                        continue
                    for _ in range(2):
                        log.append(row)
            return len(log)
        def outer(log, n):
            return inner(log, n)
        """,
        """
        log = []
        for i in range(3):
            count = outer(log, i + 1)
        log = [entry for entry in log]
        """,
    ),
    "exceptions across functions": (
        """
        import random
        def risky(n, log):
            try:
                for i in range(n):
                    if i == 2:
                        raise ValueError(i)
                    log.append(i)
            finally:
                log.append("finally")
            return "whole"
        def careful(n, log):
            for i in range(n):
                try:
                    kept = risky(i + 1, log)
                except ValueError as error:
                    log.append(str(error))
                    continue
                else:
                    log.append(kept)
                finally:
                    log.append("next")
            return i
        """,
        """
        log = []
        last = careful(4, log)
        """,
    ),
    "callables that are no functions": (
        """
        import functools, random
        class Model:
            def __init__(self): self.calls = 0
            def __call__(self, n, log):
                for i in range(n):
                    self.calls += 1
                    log.append((i, self.calls, random.random()))
                return self.calls
        def step(scale, n, log):
            for i in range(n):
                log.append(scale * i)
            return scale
        table = {"a": step, "b": functools.partial(step, 10)}
        """,
        """
        log, model = [], Model()
        first = model(3, log)
        second = table["a"](2, 3, log)
        third = table["b"](2, log)
        fourth = functools.partial(model, 2)(log)
        calls = model.calls
        del model, table
        """,
    ),
    "global names, defaults that remember, deleted variables": (
        """
        import random
        counter = 0
        def work(n, seen=[]):
            global counter
            for i in range(n):
                counter += 1
                seen.append(counter)
                temporary = random.random()
                if i % 2:
                    del temporary
                for j in range(2):
                    counter += j
            try:
                temporary
            except UnboundLocalError:
                seen.append("unbound")
            return list(seen)
        """,
        """
        a = work(2)
        b = work(3)
        """,
    ),
    "two functions that call each other": (
        """
        import random
        def even(n, log):
            for i in range(2):
                log.append(("even", n, random.random()))
            if n > 0:
                back = odd(n - 1, log)
                return back + 1
            return 0
        def odd(n, log):
            while True:
                log.append(("odd", n, random.random()))
                if len(log) % 3 == 0:
                    break
            if n > 0:
                return even(n - 1, log)
            return 100
        """,
        """
        log = []
        result = even(5, log)
        """,
    ),
    "functions of the cell's own": (
        "import random",
        """
        log = []
        class Trainer:
            def fit(self, n):
                for epoch in range(n):
                    loss = self.epoch(epoch)
                    log.append(loss)
                return self
            def epoch(self, epoch):
                total = 0
                for i in range(2):
                    total += random.random()
                return epoch, total
        def main(n):
            def helper(k):
                for i in range(k):
                    log.append(("helper", i))
                return k
            trainer = Trainer()
            fitted = trainer.fit(n)
            got = helper(2)
            return got + (fitted is trainer)
        result = main(3)
        """,
    ),
    "generators and iterators held by functions": (
        """
        import random
        def batches(data, size):
            for start in range(0, len(data), size):
                yield data[start : start + size], random.random()
        def walk(data, log):
            source = batches(data, 2)
            for batch, noise in source:
                log.append((batch, noise))
                for index, item in enumerate(batch):
                    log.append((index, item))
            shrinking = list(data)
            for item in shrinking:
                shrinking.remove(item)
                log.append(item)
            return len(shrinking)
        """,
        """
        log = []
        left = walk([1, 2, 3, 4, 5], log)
        """,
    ),
    "an object that shuffles when it is iterated, and is its own iterator; a method that is called eval": (
        """
        import random
        class Shuffled:
            def __init__(self, n):
                self.items, self.i = list(range(n)), 0
            def __iter__(self):
                random.shuffle(self.items)
                self.i = 0
                return self
            def __next__(self):
                if self.i == len(self.items):
                    raise StopIteration
                self.i += 1
                return self.items[self.i - 1]
            def eval(self):
                return len(self.items)
        def doubled(items):
            for item in items:
                yield 2 * item
        def both(shuffled, log):
            log.append(shuffled.eval())
            for item in shuffled:
                log.append(item)
            for item in doubled(shuffled):
                log.append(item)
        """,
        """
        log = []
        shuffled = Shuffled(4)
        for item in shuffled:
            log.append(item)
        both(shuffled, log)
        del shuffled
        """,
    ),
    "match, star targets, annotations, walrus, comprehension calls": (
        """
        import random
        def classify(items, log):
            kinds: dict[str, int] = {}
            for item in items:
                match item:
                    case int(n) if n > 2:
                        for _ in range(2):
                            kinds["big"] = kinds.get("big", 0) + n
                    case [first, *others]:
                        for other in others:
                            kinds["list"] = first + other
                    case _:
                        kinds["other"] = len(kinds)
                if (size := len(kinds)) > 1:
                    log.append(size)
            found: int = total([value for value in kinds.values()], log)
            return found
        def total(values, log):
            s = 0
            for value in values:
                s += value
            return s
        """,
        """
        log = []
        whole = classify([1, 3, [1, 2, 3], "x", 5], log)
        sums = [total([i, i], log) for i in range(3)]
        a, *b = classify([4], log), total([1], log)
        """,
    ),
}


@pytest.mark.parametrize("stride", [10**9, 3], ids=["once", "repeatedly"])
@pytest.mark.parametrize("family", FAMILIES)
def test_dies_at_every_safe_point(family: str, stride: int) -> None:
    above, cell = map(textwrap.dedent, FAMILIES[family])
    expected = plain(cell, above)
    assert dict(lives(cell, above, stride, lambda _: [0])) == {0: expected}, "already where nothing dies"
    ends = dict(lives(cell, above, stride))
    assert list(ends) == list(range(1, count(cell, above) + 1))
    for number, end in ends.items():
        assert end == expected, f"died at point {number}"

"""What a cell's code alone shows: each cause where it is, and none where nothing can differ."""

import ast

import pytest

from colab_guard.cell.causes import causes_in, gone_through

NAMES = {"np": "numpy", "torch": "torch", "mylib": "mylib", "plt": "matplotlib.pyplot"}


def keys(source: str, *, strict: bool = False) -> set[str]:
    return {cause.key for cause in causes_in(ast.parse(source), NAMES, _kept, strict=strict)}


def _kept(name: str) -> bool:
    return name in ("torch.backends.cudnn.benchmark", "os.environ.OMP_NUM_THREADS")


FOUND = {
    "a loop that ends by the clock": ("clock", "import time\nend = time.time() + 9\nwhile time.time() < end: f()"),
    "an early stop by the clock": (
        "clock", "from time import perf_counter as now\nt0 = now()\nfor x in y:\n    if now() - t0 > 9:\n        break",
    ),
    "a rate that depends on what time it took": (
        "clock", "import time\nt0 = time.time()\nlr = 1 if time.time() - t0 > 3 else 2",
    ),
    "a date that decides": ("clock", "from datetime import datetime\nif datetime.now().hour > 6:\n    train()"),
    "entropy in a loop": ("entropy", "import os\nfor x in y:\n    seed = os.urandom(4)"),
    "an unseeded generator in a loop": ("entropy", "for x in y:\n    rng = np.random.default_rng()"),
    "secrets": ("entropy", "import secrets\nwhile True:\n    k = secrets.randbelow(3)"),
    "a request in a loop": ("outside", "import requests\nfor u in urls:\n    pages.append(requests.get(u).text)"),
    "a process in a loop": ("outside", "import subprocess\nfor x in y:\n    subprocess.run(['a'])"),
    "hash as a number": ("hash", "for name in names:\n    part[hash(name) % 10].append(name)"),
    "hash that decides": ("hash", "rows = [r for r in rows if hash(r) % 10 < 8]"),
    "id as a key": ("identity", "seen[id(model)] = 1"),
    "id that is looked for": ("identity", "if id(x) in seen:\n    f(x)"),
    "a module's variable": ("module-state", "import mylib\nmylib.CACHE = {}\nfor x in y:\n    f(x)"),
    "a patched class": ("module-state", "torch.nn.Linear.forward = mine"),
    "an entry of a module's dict": ("module-state", "plt.rcParams['font.size'] = 3"),
    "a variable of the environment": ("module-state", "import os\nos.environ['WANDB_MODE'] = mode"),
    "the path of modules": ("module-state", "import sys\nif y:\n    sys.path.append('src')\nfor x in y:\n    f(x)"),
    "logging to a file": ("module-state", "import logging\nlogging.basicConfig(filename='log')"),
    "a cache of random numbers": (
        "cached-random", "import functools\n@functools.lru_cache(None)\ndef noise(n):\n    return np.random.randn(n)",
    ),
}  # fmt: skip

QUIET = {
    "time taken, printed": "import time\nt0 = time.time()\nfor x in y:\n    f(x)\nprint(f'{time.time() - t0:.1f} s')",
    "time taken, rounded and shown in a bar": (
        "import time\nfor x in bar:\n    t = time.time()\n    f(x)\n    dt = round(time.time() - t, 2)\n    "
        "bar.set_postfix(s=dt)"
    ),
    "something printed every 5 s": (
        "import time\nlast = time.time()\nfor x in y:\n    if time.time() - last > 5:\n        print(x)\n"
        "        last = time.time()"
    ),
    "a run's name, made once": "import uuid\nrun = uuid.uuid4().hex\nfor x in y:\n    f(x)",
    "a seeded generator in a loop": "for seed in range(3):\n    rng = np.random.default_rng(seed)",
    "a download before the loop": "import requests\ntext = requests.get(url).text\nfor x in text:\n    f(x)",
    "id, printed": "print(id(model))",
    "hash in __hash__": "class A:\n    def __hash__(self):\n        return hash(self.x)",
    "an attribute of a variable": "model.training = False\nconfig['lr'] = 3",
    "a flag that is put back": "torch.backends.cudnn.benchmark = True\nimport os\nos.environ['OMP_NUM_THREADS'] = '1'",
    "what is set up again": "import os, sys\nsys.path.append('src')\nos.environ['WANDB_MODE'] = 'offline'",
    "set in each iteration": "import mylib\nfor x in y:\n    mylib.CURRENT = x",
    "a cache of what is computed": "import functools\n@functools.cache\ndef fib(n):\n    return fib(n - 1) + 1",
    "names that only look like it": "def time():\n    return 0\nwhile time() < 3:\n    id = 3\n    request.get(id)",
}

ONLY_STRICT = {
    "time kept in a list": ("clock", "import time\nt0 = time.time()\ntimes = []\ntimes.append(time.time() - t0)"),
    "a seed from the clock": ("clock", "import time, random\nrandom.seed(time.time())"),
    "entropy in a function": ("entropy", "import uuid\ndef name():\n    return uuid.uuid4().hex"),
    "a request in a function": ("outside", "import requests\ndef get(url):\n    return requests.get(url).text"),
    "a setting of the kernel": ("outside", "import os\nfor x in y:\n    n = int(os.environ.get('N', 3))"),
}


@pytest.mark.parametrize(("key", "source"), FOUND.values(), ids=FOUND)
def test_a_cause_is_found(key: str, source: str) -> None:
    assert keys(source) == {key}


@pytest.mark.parametrize("source", QUIET.values(), ids=QUIET)
def test_what_makes_no_difference_is_passed_over(source: str) -> None:
    assert keys(source) == set()


@pytest.mark.parametrize(("key", "source"), ONLY_STRICT.values(), ids=ONLY_STRICT)
def test_what_happens_once_or_is_data_is_told_with_exact_only(key: str, source: str) -> None:
    assert (keys(source), keys(source, strict=True)) == (set(), {key})


@pytest.mark.parametrize("source", QUIET.values(), ids=QUIET)
def test_with_exact_too_what_makes_no_difference_is_passed_over(source: str) -> None:
    assert keys(source, strict=True) == set()


def test_a_cause_says_the_line_and_the_code() -> None:
    module = ast.parse("import time\nend = time.time() + 60\nwhile time.time() < end:\n    f()\n")
    assert [str(cause) for cause in causes_in(module, {}, _kept)] == [
        "line 3: `while time.time() < end:` depends on the clock, which goes on while the kernel is dead"
    ]


def test_what_is_gone_through() -> None:
    source = (
        "for w in words:\n    pass\nl = [x for x in tags]\nfor u in set(users): f(u)\nn = todo.pop()\nlist(names)\n"
    )
    assert gone_through(ast.parse(source)) == [
        (1, "words", "over"), (3, "tags", "over"), (4, "users", "made"), (5, "todo", "popped"), (6, "names", "over"),
    ]  # fmt: skip
    assert gone_through(ast.parse("for w in sorted(words): pass\nd.pop('k')\n")) == []

"""A fingerprint is the same for equal values in every process, and another for others."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from colab_guard.capture.survey import Unlinkable, survey

ANY = """
import collections, dataclasses, datetime, decimal, enum, fractions, random, re, torch, numpy as np, pandas as pd
from pathlib import Path
Color = enum.Enum("Color", "RED BLUE")
class Plain:
    def __init__(self, **more): self.__dict__.update(more)
class Slots:
    __slots__ = "a", "b"
    def __init__(self): self.a, self.b = 1, [2]
def word(n): return "word" + str(n)
shared = [1, word(2)]
"""
VALUES = """
values = [
    1, 2**100, 1.5, float("nan"), 1j, "é", b"x", None, ..., (1, (word(1), [2])), [shared, shared], {"b": 1, "a": [2]},
    {word(n) for n in range(50)}, frozenset([(word(1), 2)]), collections.deque([1, [2]]), collections.Counter("hello"),
    collections.OrderedDict(b=1, a=2), collections.defaultdict(list, a=[1]), datetime.datetime(2026, 1, 2, 3),
    decimal.Decimal("1.5"), fractions.Fraction(1, 3), re.compile("a+"), Path("a"), Color.RED, Plain(x=[1], y=Plain()),
    Slots(), random.Random(1), bytearray(b"abc"), range(5), word, Plain, np, np.float32(1.5), np.dtype("f4,i8"),
    np.arange(6).reshape(2, 3).T, np.arange(10)[::-2], np.array([word(1), None, [1]], object), np.zeros((0, 3)),
    np.array(["a", "bc"]), np.array(["2026-01-01"], "M8[D]"), np.ma.masked_array([1, 2], [True, False]),
    np.random.default_rng(1), torch.arange(6).view(2, 3).t(), torch.zeros(0), torch.ones(3, dtype=torch.bfloat16),
    torch.utils.data.TensorDataset(torch.arange(3)), torch.Generator().manual_seed(3),
    pd.DataFrame({"i": [1, 2], "s": [word(1), None], "f": [0.5, np.nan], "c": pd.Categorical(["x", "y"]),
                  "t": pd.to_datetime(["2026-01-01", None]), "n": pd.array([1, None], "Int64")}, index=["p", "q"]),
    pd.Series([1, 2], name="s"), pd.Index([word(1), "b"]), pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]),
    pd.date_range("2026-01-01", periods=3), pd.DataFrame({(1, "a"): [1], (2, "b"): 0.5}),
]
"""


def fingerprints(source: str) -> list[str]:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(source, namespace)
    return [survey(value).fingerprint for value in namespace["values"]]


def test_a_fingerprint_is_the_same_in_every_process_and_another_for_every_value(tmp_path: Path) -> None:
    code = (
        f"{ANY}{VALUES}\nfrom colab_guard.capture.survey import survey\nfor v in values: print(survey(v).fingerprint)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed},
                       capture_output=True, text=True, check=True).stdout.split()
        for seed in ("1", "2")
    ]  # fmt: skip
    here = fingerprints(ANY + VALUES)
    assert runs == [here, here]
    assert len(set(here)) == len(here)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("[1, 2]", "[1, 2.0]"), ("[1]", "(1,)"), ("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}"), ("[1, True]", "[1, 1]"),
        ("[shared, shared]", "[shared, list(shared)]"), ("np.zeros(3, 'i4')", "np.zeros(3, 'f4')"),
        ("np.zeros((2, 3))", "np.zeros((3, 2))"), ("np.zeros((2, 3))", "np.zeros((2, 3), order='F')"),
        ("np.array([0.0])", "np.array([-0.0])"), ("np.arange(4)[:2]", "np.arange(4)[1:3]"), ("b''", "''"),
        ("torch.zeros(2)", "torch.zeros(2).numpy()"), ("Plain(a=1)", "Plain(b=1)"), ("Plain(a=1)", "Plain(a='1')"),
        ("{1, 2}", "{1, 3}"), ("pd.DataFrame({'a': [1]})", "pd.DataFrame({'b': [1]})"),
        ("pd.DataFrame({'a': [1, 2]})", "pd.DataFrame({'a': [1, 2]}, index=[1, 0])"),
        ("pd.DataFrame({'a': ['x', 'y']})", "pd.DataFrame({'a': ['x', 'z']})"), ("Color.RED", "Color.BLUE"),
        ("torch.zeros(2, dtype=torch.int16)", "torch.zeros(2, dtype=torch.float16)"), ("[[], []]", "[[[]]]"),
        ("random.Random(1)", "random.Random(2)"), ("[np.zeros(2)] * 2", "[np.zeros(2), np.zeros(2)]"),
        ("{'a': None}", "{'a': 0}"), ("['ab', 'c']", "['a', 'bc']"),
    ],
)  # fmt: skip
def test_what_differs_has_another_fingerprint(one: str, other: str) -> None:
    first, second = fingerprints(f"{ANY}\nvalues = [{one}, {other}]")
    assert first != second


def test_what_ends_with_its_process_has_no_fingerprint() -> None:
    trained = torch.ones(1, requires_grad=True)
    for value in ((i for i in []), threading.Lock(), trained, [torch.nn.Linear(1, 1)], torch.eye(3).to_sparse()):
        with pytest.raises(Unlinkable):
            survey(value)

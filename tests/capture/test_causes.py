"""What a session shows: each cause on real threads, processes, graphs and loaders, and none without them."""

import ast
import csv
import io
import multiprocessing
import os
import random
import re
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

from colab_guard.capture import causes, loaders
from colab_guard.capture.causes import at_resume, at_snapshot, before
from colab_guard.capture.environment import describe
from colab_guard.capture.take import take
from colab_guard.core.causes import KNOWN, Cause
from colab_guard.core.errors import ColabGuardError, Inexact

DOCUMENT = Path(__file__).parents[2] / "docs/exactness.md"


@pytest.fixture(autouse=True)
def without_the_children_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    forked = causes._forked
    others = forked()
    monkeypatch.setattr(causes, "_forked", lambda: forked() - others)


def found(source: str, **namespace: Any) -> set[str]:
    return {cause.key for cause in before(ast.parse(source), namespace)}


def noted(**variables: Any) -> list[Cause]:
    return at_snapshot(take({"__name__": "__main__", **variables}, variables, {}, frozenset()).notes)


class Noise(Dataset[float]):
    """Draws in its workers from what no seed decides."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> float:
        return float(np.random.default_rng().random())


class Seeded(Noise):
    """Draws from the generator that torch seeds in each worker."""

    def __getitem__(self, index: int) -> float:
        return random.random() + torch.rand(1).item()


def test_the_document_and_the_code_know_the_same_causes() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \|", DOCUMENT.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(KNOWN)


def test_exact_refuses_with_each_cause_and_what_to_do() -> None:
    refused = Inexact([Cause("clock", "line 3: `while …`"), Cause("clock", "line 3: `while …`")])
    assert isinstance(refused, ColabGuardError)
    assert str(refused).count("line 3") == 1
    assert KNOWN["clock"] in str(refused)
    assert "without --exact" in str(refused)


# -- before the run -----------------------------------------------------------------------------------


def test_a_plain_training_has_no_cause() -> None:
    model = torch.nn.Linear(2, 2)
    source = "for epoch in range(3):\n    for x, in loader:\n        model(x).sum().backward()\n"
    loader = DataLoader(TensorDataset(torch.ones(4, 2)), num_workers=0, shuffle=True)
    assert found(source, model=model, loader=loader, torch=torch, np=np) == set()


def test_the_iterator_of_a_loader_made_before_the_cell() -> None:
    loader = DataLoader(TensorDataset(torch.ones(4, 2)))
    loaders.unwatch()
    assert found("for x in it: pass", it=iter(loader)) == {"iterator"}
    assert found("for x in it: pass", it=iter([1])) == set()
    loaders.watch()
    try:
        assert found("for x in it: pass", it=iter(loader)) == set(), "noted, so that it can be made again"
    finally:
        loaders.unwatch()


def test_entropy_in_workers() -> None:
    assert found("for x in data: pass", data=DataLoader(Noise(), num_workers=2)) == {"worker-entropy"}
    assert found("for x in data: pass", data=DataLoader(Noise())) == set(), "in this process it is drawn once"
    assert found("for x in data: pass", data=DataLoader(Seeded(), num_workers=2)) == set()


def test_names_of_the_session_are_followed_to_what_they_are() -> None:
    import time as clock
    from os import urandom as draw

    assert found("while clock.time() < end: pass", clock=clock, end=3) == {"clock"}
    assert found("for x in y: draw(4)", draw=draw) == {"entropy"}
    assert found("while clock.time() < end: pass", clock=types.SimpleNamespace(time=int), end=3) == set()


@pytest.mark.parametrize("device", ["mps", "xpu"])
def test_devices_without_a_saved_random_state(device: str) -> None:
    assert found("x.to(d)", d=torch.device(device)) == {"other-device"}
    assert found("x.to(d)", d=torch.device("cpu")) == set()


def test_a_cached_function_that_draws() -> None:
    from functools import cache

    assert found("noise(3)", noise=cache(lambda n: random.gauss(0, n))) == {"cached-random"}
    assert found("square(3)", square=cache(lambda n: n * n)) == set()


def test_flags_that_are_put_back_are_no_cause() -> None:
    assert found("torch.backends.cudnn.benchmark = True", torch=torch) == set()
    assert found("os.environ['CUBLAS_WORKSPACE_CONFIG'] = ':4096:8'", os=os) == set()
    assert found("os.environ['WANDB_MODE'] = mode", os=os) == {"module-state"}
    assert found("torch.nn.Linear.forward = f", torch=torch) == {"module-state"}


# -- sets ---------------------------------------------------------------------------------------------


def test_a_set_of_strings_differs_with_the_hash_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    words = {"a", "b", "c"}
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    assert found("for w in words: pass", words=words) == {"set-order"}
    assert found("for w in set(words): pass", words=list(words)) == {"set-order"}
    assert found("for w in sorted(words): pass", words=words) == set()
    assert found("for w in words: pass", words=sorted(words)) == set()
    assert found("part[hash(x) % 3] = 1", x=3) == {"hash"}
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    assert found("for w in set(words): pass", words=list(words)) == set()
    assert found("part[hash(x) % 3] = 1", x=3) == set()


def test_a_set_of_numbers_is_a_cause_only_where_its_order_does_not_come_back() -> None:
    assert found("for n in numbers: pass", numbers={1, 2, 3}) == set()
    scattered = set(random.Random(3).sample(range(10**6), 300))
    assert list(set(list(scattered))) != list(scattered), "or this shows nothing"  # noqa: C414
    assert found("for n in numbers: pass", numbers=scattered) == {"set-order"}
    assert found("for n in sorted(numbers): pass", numbers=scattered) == set()


def test_what_pop_takes_from_a_set_depends_on_what_it_took_before() -> None:
    assert found("while todo:\n    todo.pop()", todo={1, 2, 3}) == {"set-order"}
    assert found("while todo:\n    todo.pop()", todo=[1, 2, 3]) == set()


def test_a_set_that_the_cell_made_is_seen_at_a_snapshot() -> None:
    module = ast.parse("seen = set()\nfor n in seen: pass")
    scattered = set(random.Random(3).sample(range(10**6), 300))
    assert before(module, {}) == []
    assert [cause.key for cause in at_snapshot([], module, {"seen": scattered})] == ["set-order"]


# -- at a snapshot ------------------------------------------------------------------------------------


def test_what_can_not_be_kept() -> None:
    held = threading.Lock()
    held.acquire()
    assert [(cause.key, cause.text) for cause in noted(lock=held)] == [
        ("stand-in", "lock (_thread.lock) can't be kept: a stand-in takes its place")
    ]
    assert noted(number=3) == []


def test_what_loaders_say_is_passed_on() -> None:
    note = "random numbers that the workers of loader draw, which its state_dict does not hold (--replay …)"
    assert at_snapshot([note]) == [Cause("loader", note)]


def test_a_live_graph() -> None:
    weight = torch.ones(2, requires_grad=True)
    assert [cause.key for cause in noted(total=(weight * 2).sum())] == ["graph"]
    assert noted(total=(weight * 2).sum().detach()) == []


def test_a_generator_that_can_not_be_saved() -> None:
    assert [cause.key for cause in noted(g=(a * b for a in [1] for b in [2]))] == ["iterator"]
    assert [cause.key for cause in noted(rows=csv.reader(io.StringIO("1,2")))] == ["stand-in"]
    assert noted(g=(a for a in [1])) == []


OWN = "a resumed cell has the new session's own"


def test_what_cells_above_make_anew_is_told_as_such_and_executors_not_at_all() -> None:
    with ThreadPoolExecutor(1) as pool:
        variables = {"rows": csv.reader(io.StringIO("1,2")), "pool": pool, "trainer": [pool]}
        names = {"__name__": "__main__", **variables}
        above = at_snapshot(take(names, variables, {}, frozenset(), stored={"i"}).notes)
        assert [(cause.key, cause.text) for cause in above] == [
            (
                "above",
                "rows (_csv.reader, made in a cell above) can't be kept: " + OWN,
            )
        ]
        made = at_snapshot(take(names, variables, {}, frozenset(), stored={"rows", "pool", "trainer"}).notes)
        assert [cause.key for cause in made] == ["stand-in", "stand-in"]


def test_an_executor_that_waits_for_work_is_no_cause_and_one_that_works_is(running: threading.Event) -> None:
    begun = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        while at_snapshot([]):  # until the worker has gone back to wait
            pass
        pool.submit(lambda: (begun.set(), running.wait()))
        begun.wait()
        assert [cause.key for cause in at_snapshot([])] == ["threads"]
        running.set()


@pytest.fixture
def running() -> Iterator[threading.Event]:
    end = threading.Event()
    yield end
    end.set()


def test_a_thread_of_the_users(running: threading.Event) -> None:
    assert at_snapshot([]) == []
    thread = threading.Thread(target=running.wait, name="prefetcher")
    thread.start()
    assert [(cause.key, cause.text) for cause in at_snapshot([])] == [
        ("threads", "a thread runs beside the cell: prefetcher")
    ]
    running.set()
    thread.join()
    assert at_snapshot([]) == []


def test_threads_of_the_notebook_and_of_progress_bars_are_no_cause(running: threading.Event) -> None:
    from tqdm import TMonitor, tqdm

    monitor = TMonitor(tqdm, 10)
    own = threading.Timer(3600, print)
    own.name = "colab_guard-timer"
    own.start()
    try:
        assert at_snapshot([]) == []
    finally:
        own.cancel()
        own.join()
        monitor.exit()


def test_a_child_process() -> None:
    context = multiprocessing.get_context("spawn")
    ended = context.Event()
    child = context.Process(target=ended.wait, name="actor")
    child.start()
    assert ("processes", "a child process runs beside the cell: actor") in [(c.key, c.text) for c in at_snapshot([])]
    ended.set()
    child.join()
    assert at_snapshot([]) == []


def test_a_program_that_was_started() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        told = [cause.text for cause in at_snapshot([]) if cause.key == "processes"]
        assert any(str(child.pid) in text for text in told) or sys.platform != "linux"
        assert child.stdin
        child.stdin.write(b"\n")
    assert at_snapshot([]) == []


def test_workers_of_a_loader_are_no_cause() -> None:
    iterator = iter(DataLoader(Seeded(), num_workers=2, multiprocessing_context="fork"))
    next(iterator)
    assert len(multiprocessing.active_children()) >= 2
    assert at_snapshot([]) == []


@pytest.mark.parametrize(
    ("deterministic", "benchmark", "count"), [(False, True, 2), (False, False, 1), (True, True, 1), (True, False, 0)]
)
def test_cuda_in_use_without_determinism(deterministic: bool, benchmark: bool, count: int) -> None:
    """On what torch says of itself; this machine has no GPU."""

    def session(initialized: bool) -> Any:
        return types.SimpleNamespace(
            cuda=types.SimpleNamespace(is_initialized=lambda: initialized),
            backends=types.SimpleNamespace(cudnn=types.SimpleNamespace(benchmark=benchmark)),
            are_deterministic_algorithms_enabled=lambda: deterministic,
        )

    assert [cause.key for cause in causes._cuda(session(True))] == ["cuda"] * count
    assert list(causes._cuda(session(False))) == []


# -- at a resume --------------------------------------------------------------------------------------


def test_another_environment_is_one_cause_in_one_line() -> None:
    here = describe(["numpy"])
    assert at_resume(here, describe(["numpy"])) == []
    assert at_resume({}, here) == []
    (cause,) = at_resume({**here, "cores": 99, "cpu": "Other"}, here)
    assert cause.key == "environment"
    assert "number of cores: was 99" in cause.text
    assert "\n" not in cause.text

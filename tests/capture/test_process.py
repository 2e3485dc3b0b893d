"""What decides about numbers outside of variables comes back: settings, random sources of modules, hooks, alignment."""

import copy
import decimal
import gc
import importlib
import os
import pickle
import random
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from colab_guard.capture import interpreter, torch_flags
from colab_guard.capture.process import process_state, set_process_state
from tests.capture.test_roundtrip import define, there_and_back


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    before = process_state()
    yield
    os.environ.pop("OMP_SCHEDULE", None)
    set_process_state(before)


def _threads() -> list[int]:
    return sorted(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas")


SETTINGS: dict[str, tuple[Callable[[], object], Callable[[], Any]]] = {
    "decimal precision": (lambda: setattr(decimal.getcontext(), "prec", 50), lambda: decimal.Decimal(1) / 3),
    "decimal traps": (
        lambda: decimal.getcontext().traps.__setitem__(decimal.Inexact, True),
        lambda: decimal.getcontext().traps[decimal.Inexact],
    ),
    "recursion limit": (lambda: sys.setrecursionlimit(5000), sys.getrecursionlimit),
    "digits": (lambda: sys.set_int_max_str_digits(9999), sys.get_int_max_str_digits),
    "garbage collection": (gc.disable, gc.isenabled),
    "warnings filters": (lambda: warnings.filterwarnings("ignore", message="mine"), lambda: warnings.filters[0]),
    "a variable that decides": (
        lambda: os.environ.update(OMP_SCHEDULE="static"), lambda: os.environ.get("OMP_SCHEDULE"),
    ),
    "numpy's errors": (lambda: np.seterr(all="raise"), np.geterr),
    "numpy's buffer": (lambda: np.setbufsize(64), np.getbufsize),
    "numpy's printing": (lambda: np.set_printoptions(precision=2), lambda: str(np.array([1 / 3]))),
    "sklearn": (lambda: sklearn.set_config(assume_finite=True), lambda: sklearn.get_config()["assume_finite"]),
    "pandas": (lambda: pd.set_option("compute.use_bottleneck", False), lambda: pd.options.compute.use_bottleneck),
    "blas threads": (lambda: threadpool_limits(1, "blas"), _threads),
    "denormals": (lambda: torch.set_flush_denormal(True), lambda: sys.float_info.min / 2 == 0),
    "default device": (lambda: torch.set_default_device("meta"), lambda: str(torch.empty(1).device)),
    "default dtype": (lambda: torch.set_default_dtype(torch.float64), torch.get_default_dtype),
    "anomaly mode": (lambda: torch.autograd.set_detect_anomaly(True), torch.is_anomaly_enabled),
    "autocast": (lambda: torch.set_autocast_enabled("cpu", True), lambda: torch.is_autocast_enabled("cpu")),
    "attention": (lambda: torch.backends.cuda.enable_flash_sdp(False), torch.backends.cuda.flash_sdp_enabled),
    "onednn": (
        lambda: torch.backends.mkldnn.set_flags(_enabled=False), lambda: torch.backends.mkldnn.enabled,
    ),
    "half precision sums": (
        lambda: setattr(torch.backends.cuda.matmul, "allow_bf16_reduced_precision_reduction", False),
        lambda: torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction,
    ),
    "precision, by its old name": (
        lambda: torch.set_float32_matmul_precision("high"), torch.get_float32_matmul_precision,
    ),
    "precision, by its new name": (
        lambda: setattr(torch.backends.cudnn.conv, "fp32_precision", "ieee"),
        lambda: torch.backends.cudnn.conv.fp32_precision,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "read"), SETTINGS.values(), ids=SETTINGS)
def test_a_setting_of_the_cell_is_put_back(change: Callable[[], object], read: Callable[[], Any]) -> None:
    fresh, session = process_state(), copy.deepcopy(read())
    change()
    wanted, state = copy.deepcopy(read()), pickle.loads(pickle.dumps(process_state(), 5))
    assert wanted != session, "or this shows nothing"
    set_process_state(fresh)
    os.environ.pop("OMP_SCHEDULE", None)  # what the snapshot did not have is left alone, so the old kernel's must go
    assert read() == session
    set_process_state(state)
    assert read() == wanted


def test_new_precision_flags_that_contradict_the_old_do_not_stop_snapshots() -> None:
    torch.backends.cudnn.conv.fp32_precision = "ieee"
    torch.backends.cudnn.rnn.fp32_precision = "tf32"
    with pytest.raises(RuntimeError, match="mix of the legacy and new"):
        assert torch.backends.cudnn.allow_tf32 is not None
    state = process_state()
    torch.backends.cudnn.conv.fp32_precision = "tf32"
    set_process_state(state)
    assert torch.backends.cudnn.conv.fp32_precision == "ieee"


def test_states_of_earlier_versions_are_accepted() -> None:
    old = process_state()
    old.pop("interpreter")
    old["random"].pop("modules")
    old["torch"] = {
        "threads": 1, "default_dtype": torch.float64, "grad_enabled": False, "deterministic": True, "warn_only": True,
        "matmul_precision": "high", "cudnn_benchmark": False, "cudnn_deterministic": True, "cudnn_tf32": False,
    }  # fmt: skip
    set_process_state(old)
    assert torch.get_num_threads() == 1
    assert torch.get_default_dtype() is torch.float64
    assert not torch.is_grad_enabled()
    assert torch.get_float32_matmul_precision() == "high"
    assert torch.backends.cudnn.deterministic
    assert not torch.backends.cudnn.allow_tf32
    assert torch.is_deterministic_algorithms_warn_only_enabled()


def test_a_warning_that_this_session_does_not_know_is_passed_over() -> None:
    state = interpreter.interpreter_state()
    state["warnings"] = [
        ("error", ("x", 2), "no.such.module:Warn", None, 0),
        ("error", None, "builtins:UserWarning", None, 0),
    ]
    interpreter.set_interpreter_state(state)
    assert [(one[0], one[2]) for one in warnings.filters] == [("error", UserWarning)]


def test_what_may_be_secret_or_belongs_to_the_machine_is_not_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "JAX_API_KEY", "CUDA_VISIBLE_DEVICES", "WANDB_API_KEY"):
        monkeypatch.setenv(name, "3")
    assert not {"HF_TOKEN", "JAX_API_KEY", "CUDA_VISIBLE_DEVICES", "WANDB_API_KEY"} & set(
        interpreter.interpreter_state()["environment"]
    )


def test_the_time_zone_takes_effect() -> None:
    state = interpreter.interpreter_state()
    before = time.localtime(0).tm_hour
    state["environment"] = {"TZ": "Etc/GMT-5"}
    try:
        interpreter.set_interpreter_state(state)
        assert time.localtime(0).tm_hour == 5 or not hasattr(time, "tzset")
    finally:
        del os.environ["TZ"]
        time.tzset()
    assert time.localtime(0).tm_hour == before


def test_random_sources_in_the_users_modules_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mylib.py").write_text(
        "import random, numpy as np, torch\n"
        "a, b, c, d = random.Random(1), np.random.default_rng(1), np.random.RandomState(1), torch.Generator()\n"
        "def draw(): return a.random(), b.random(), c.rand(), torch.rand(1, generator=d).item()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    mylib: Any = importlib.import_module("mylib")
    try:
        state = pickle.loads(pickle.dumps(process_state(), 5))
        drawn = mylib.draw()
        assert mylib.draw() != drawn
        importlib.reload(mylib).draw()
        set_process_state(state)
        assert mylib.draw() == drawn
    finally:
        del sys.modules["mylib"]
    set_process_state(state)  # nobody imported it: nothing to set


def test_random_sources_of_installed_libraries_are_left_alone() -> None:
    assert not {module.partition(".")[0] for module, _ in process_state()["random"]["modules"]} & {
        "numpy",
        "random",
        "torch",
    }


# -- hooks --------------------------------------------------------------------------------------------

HOOKS = define(
    "def twice(gradient):\n    return gradient * 2\n"
    "def clear(tensor):\n    tensor.grad.zero_()\n"
    "steps = []\n"
    "def stepped(optimizer, args, kwargs):\n    steps.append(1)\n"
)


def test_hooks_of_tensors_are_kept_and_their_handles_remove_them() -> None:
    weight, other = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(2))
    handle = weight.register_hook(HOOKS["twice"])
    other.register_post_accumulate_grad_hook(HOOKS["clear"])
    out = there_and_back(dict(HOOKS), weight=weight, other=other, handle=handle)
    (out["weight"] + out["other"]).sum().backward()
    assert out["weight"].grad.tolist() == [2, 2]
    assert out["other"].grad.tolist() == [0, 0]
    out["handle"].remove()
    out["weight"].grad = None
    out["weight"].sum().backward()
    assert out["weight"].grad.tolist() == [1, 1]


def test_hooks_of_optimizers_and_what_a_class_keeps_in_one() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    optimizer.register_step_post_hook(HOOKS["stepped"])
    optimizer.base_optimizer = torch.optim.Adam([weight])  # type: ignore[attr-defined]
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    out = there_and_back(optimizer=optimizer, weight=weight, schedule=schedule)
    assert out["optimizer"].base_optimizer.param_groups[0]["params"][0] is out["weight"]
    out["optimizer"].step()
    out["schedule"].step()  # which would warn that step() was not called, had it not seen it
    (hook,) = out["optimizer"]._optimizer_step_post_hooks.values()
    assert hook.__globals__["steps"] == [1]
    assert out["optimizer"].param_groups[0]["lr"] == pytest.approx(0.01)


def test_a_new_hook_does_not_take_the_place_of_a_restored_one() -> None:
    model = torch.nn.Linear(1, 1)
    model.register_forward_hook(HOOKS["stepped"])
    state, handle = process_state(), torch.utils.hooks.RemovableHandle
    number, handle.next_id = handle.next_id, 0  # as in a new kernel
    try:
        set_process_state(state)
        model.register_forward_hook(HOOKS["stepped"])
        assert len(model._forward_hooks) == 2
    finally:
        handle.next_id = max(number, handle.next_id)


# -- where memory begins ------------------------------------------------------------------------------


def _at(phase: int, values: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    buffer = np.empty(values.nbytes + 128, np.uint8)
    start = -buffer.ctypes.data % 64 + phase
    new = np.ndarray(values.shape, values.dtype, buffer=buffer, offset=start)
    new[...] = values
    return new


@pytest.mark.parametrize("phase", [0, 4, 12, 16, 20, 60])
@pytest.mark.parametrize("rows", [3, 300], ids=["small", "large"])
def test_memory_begins_where_it_began(phase: int, rows: int) -> None:
    values = np.random.default_rng(0).standard_normal((rows, 257)).astype(np.float32)
    array, tensor = _at(phase, values), torch.from_numpy(_at(phase, values))
    base = _at(phase, values)
    shared = torch.from_numpy(base[:, :100])
    out = there_and_back(array=array, tensor=tensor, base=base, shared=shared)
    assert out["array"].ctypes.data % 16 == out["tensor"].data_ptr() % 16 == phase % 16
    assert out["base"].ctypes.data % 16 == out["shared"].data_ptr() % 16 == phase % 16
    out["base"][0, 0] = 7
    assert out["shared"][0, 0] == 7
    weights = torch.from_numpy(_at(0, values[0]))
    assert torch.equal(out["tensor"] @ weights, tensor @ weights)
    assert torch.equal(out["tensor"][0].dot(weights), tensor[0].dot(weights))


def test_a_gpu_tells_no_address_and_old_snapshots_no_phase() -> None:
    from colab_guard.capture import rebuild

    assert rebuild.is_aligned(None)
    assert rebuild.is_aligned(48)
    assert not rebuild.is_aligned(4)
    assert set(torch_flags.WRITTEN_BEFORE.values()) <= {
        *torch_flags.CALLS,
        *torch_flags.ATTRIBUTES,
        *torch_flags.OLD_PRECISION,
    }


def test_patterns_of_filters_are_the_same_again() -> None:
    compiled = re.compile("x.*", re.IGNORECASE)
    assert interpreter._compiled(interpreter._pattern(compiled)) == compiled
    assert random.getstate() == process_state()["random"]["random"]

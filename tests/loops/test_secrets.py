"""Secrets in what a loop saves: left out, and those of the next process used."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from colab_guard.capture.secrets import leave_out
from colab_guard.loops.roots import RootLoad, RootPickler
from colab_guard.loops.where import arguments
from tests.support.dying import Held
from tests.support.tokens import NAMED, hugging_face


def root(token: str, count: int) -> Any:
    return SimpleNamespace(count=count, options={"token": token}, history=[f"with {token}", count])


def test_a_root_keeps_its_own_token_and_gets_the_rest() -> None:
    old, new = root(hugging_face(), 5), root(hugging_face(2), 0)
    pickler = RootPickler({}, frozenset())
    pickler.know({"0.state.0": old})
    pickler.add_contents("0.state.0", old)
    secrets = leave_out(pickler)
    skeleton = secrets.without(pickler.skeleton())
    assert hugging_face().encode() not in bytes(skeleton)
    assert len(secrets.remarks) == 2
    load = RootLoad(Held.of(["0.state.0"], [skeleton, b""]), {}, {"0.state.0": new})
    got = load.variables(["0.state.0"])["0.state.0"]
    assert got == SimpleNamespace(count=5, options=new.options, history=[new.history[0], 5])


def test_arguments_are_kept_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["x.py", "--api-key", NAMED, f"--hub={hugging_face()}", "--epochs", "5"])
    masked = "[secret]" + "*" * 32
    assert arguments() == ["--api-key", masked, f"--hub={masked[:-3]}", "--epochs", "5"]

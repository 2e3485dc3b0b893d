"""What a snapshot was taken with is told apart from what is here, and only what can change bits is told."""

import copy
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest
import sklearn
import torch
from sklearn.linear_model import SGDClassifier

from colab_guard.capture import environment
from colab_guard.capture.environment import describe, differences, joined, who_wrote
from colab_guard.capture.take import take

THEN: dict[str, Any] = {
    "python": "3.11.9", "implementation": "CPython", "system": "Linux", "machine": "x86_64", "cpu": "Xeon", "cores": 8,
    "packages": {"numpy": ["numpy", "2.0.2"], "torch": ["torch", "2.5.1"], "sklearn": ["scikit-learn", "1.6.1"]},
    "torch": {"threads": 4, "interop_threads": 4, "instructions": "AVX2"},
    "cuda": {"gpus": ["Tesla T4"], "driver": "535.104", "runtime": "12.4", "cudnn": 90100},
}  # fmt: skip


def now(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(THEN), **changes}


def test_an_environment_is_plain_data_with_the_real_versions() -> None:
    described = describe(["sklearn"])
    assert json.loads(json.dumps(described)) == described
    assert described["packages"]["sklearn"] == ["scikit-learn", sklearn.__version__]
    assert described["packages"]["torch"] == ["torch", torch.__version__], "behind numbers, if not behind a value"
    assert described["torch"]["threads"] == torch.get_num_threads()
    assert described["cores"] >= 1
    assert described["cpu"]
    assert differences(described, describe(["sklearn"])) == []


def test_what_is_imported_by_nobody_is_not_imported() -> None:
    script = (
        "import sys; from colab_guard.capture.environment import describe; d = describe(['numpy', 'nosuch']);"
        "assert 'numpy' in d['packages'] and 'nosuch' not in d['packages'], d;"
        "assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env={"PYTHONPATH": ":".join(sys.path)}, timeout=60)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"cuda": {**THEN["cuda"], "gpus": ["NVIDIA L4"]}}, "GPU: was Tesla T4, is NVIDIA L4"),
        ({"cuda": {**THEN["cuda"], "gpus": ["Tesla T4"] * 2}}, "GPU: was Tesla T4, is 2 × Tesla T4"),
        ({"cuda": {**THEN["cuda"], "cudnn": 90200}}, "cuDNN: was 90100, is 90200"),
        ({"cores": 2}, "number of cores: was 8, is 2"),
        ({"cpu": "EPYC"}, "processor: was Xeon, is EPYC"),
        ({"python": "3.12.1"}, "Python: was CPython 3.11, is CPython 3.12"),
        ({"torch": {**THEN["torch"], "instructions": "AVX512"}}, "instructions that torch uses: was AVX2, is AVX512"),
        (
            {"packages": {**THEN["packages"], "torch": ["torch", "2.6.0"]}},
            "torch: was 2.5.1, is 2.6.0",
        ),
        (
            {"packages": {name: THEN["packages"][name] for name in ("numpy", "torch")}},
            "scikit-learn: was 1.6.1, is not installed",
        ),
    ],
)
def test_what_can_change_bits_is_told(changes: dict[str, Any], sentence: str) -> None:
    assert [str(one) for one in differences(THEN, now(**changes))] == [sentence]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"python": "3.11.13"},
        {"packages": {**THEN["packages"], "requests": ["requests", "2.1"]}},
        {"cuda": {**THEN["cuda"], "driver": "550.1"}},
        {"cuda": {}},
        {"torch": {**THEN["torch"], "threads": 2}},
    ],
    ids=["nothing", "micro-version", "unrelated-package", "driver", "no-gpu-woken-yet", "threads-are-put-back"],
)
def test_what_can_not_change_bits_is_not_told(changes: dict[str, Any]) -> None:
    assert differences(THEN, now(**changes)) == []
    assert joined([]) == ""


def test_differences_make_one_line() -> None:
    found = differences(THEN, now(cores=2, python="3.13.0"))
    assert joined(found) == (
        "number of cores: was 8, is 2; Python: was CPython 3.11, is CPython 3.13: valid, not bit-identical"
    )


def test_a_snapshot_of_an_earlier_version_has_no_environment_to_differ_from() -> None:
    assert differences({}, describe([])) == []


def test_who_wrote_names_the_package_and_both_versions() -> None:
    with pytest.raises(AttributeError) as gone:
        pickle.loads(b"\x80\x04\x8c\x14sklearn.linear_model\x8c\x07NoSuchX\x93.")
    assert who_wrote(gone.value, THEN) == (
        f"the snapshot was written with scikit-learn 1.6.1; this kernel has {sklearn.__version__}"
    )


def test_who_wrote_says_where_a_package_is_missing() -> None:
    with pytest.raises(ModuleNotFoundError) as missing:
        pickle.loads(b"\x80\x04\x8c\x06nosuch\x8c\x01X\x93.")
    assert who_wrote(missing.value, {"packages": {"nosuch": ["no-such", "1.2"]}}) == (
        "the snapshot was written with no-such 1.2; this kernel does not have it"
    )


def test_who_wrote_follows_an_error_into_the_package_that_raised_it() -> None:
    with pytest.raises(AttributeError, match="'int' object has no attribute") as refused:
        SGDClassifier().__setstate__(3)  # type: ignore[arg-type]
    assert "scikit-learn 1.6.1" in who_wrote(refused.value, THEN)


def test_who_wrote_accuses_nobody_without_reason() -> None:
    same = {"packages": {"sklearn": ["scikit-learn", sklearn.__version__]}}
    with pytest.raises(AttributeError) as gone:
        pickle.loads(b"\x80\x04\x8c\x14sklearn.linear_model\x8c\x07NoSuchX\x93.")
    assert who_wrote(gone.value, same) == ""
    assert who_wrote(TypeError("no words"), THEN) == ""


def test_a_snapshot_knows_the_packages_behind_its_values() -> None:
    variables = {"clf": SGDClassifier(), "x": numpy.ones(3), "t": torch.ones(2), "path": Path(), "plain": [(1, 2)]}
    assert set(take(variables, variables, {}, frozenset()).packages) == {"sklearn", "numpy", "torch"}
    assert "sklearn" not in take(variables, ["x", "t", "plain"], {}, frozenset()).packages


def test_processors_that_share_a_name_are_told_apart() -> None:
    rome = "processor : 0\ncpu family : 23\nmodel : 49\nmodel name : AMD EPYC\nstepping : 0\n\nprocessor : 1\n"
    milan = rome.replace("23", "25")
    assert environment._from_cpuinfo(rome) == "AMD EPYC (23/49/0)" != environment._from_cpuinfo(milan)
    assert "0xd0c" in environment._from_cpuinfo("processor : 0\nCPU implementer : 0x41\nCPU part : 0xd0c\n")

"""The report has one line for each fact, true of its machine; nothing makes it fail, nothing private is in it."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import colab_guard as cg
from colab_guard.cli import main
from colab_guard.selfchecks import report as module
from colab_guard.selfchecks.facts import Fact, Finding, Situation, confirmed
from colab_guard.selfchecks.report import FACTS, run

DOCS = Path(__file__).parents[2] / "docs" / "selfcheck.md"
LINE = re.compile(r"- ([\w-]+): we assume that .+\. (Confirmed|Different|Could not be checked): .+\.")
TOKEN = "hf_" + "aB3dE6gH9jK2mN5pQ8rS1tU4vW7xY0zA1b"


def lines_of(text: str) -> dict[str, tuple[str, str]]:
    """Of each fact's line, the verdict and the whole."""
    found = [match for match in map(LINE.fullmatch, text.splitlines()) if match]
    return {match[1]: (match[2], match[0]) for match in found}


def true_of_this_machine(lines: dict[str, tuple[str, str]]) -> None:
    boot = Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
    assert f"begins with {hashlib.sha256(boot).hexdigest()[:4]}, and" in lines["new-vm"][1]
    assert boot.decode()[:8] not in "".join(line for _, line in lines.values())
    assert "COLAB_RELEASE_TAG" in lines["markers"][1]
    assert lines["markers"][0] == lines["app-log"][0] == "Different"
    assert lines["sessions"][0] == "Could not be checked"
    for fact in FACTS:
        if fact.check is None:
            assert lines[fact.key][0] == "Could not be checked"
            assert "only a person can" in lines[fact.key][1]


def test_as_a_command_it_says_what_only_the_notebook_can_check():
    command = [sys.executable, "-m", "colab_guard.cli", "selfcheck", "--wait", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    assert "This is not Colab" in done.stdout
    lines = lines_of(done.stdout)
    assert list(lines) == [fact.key for fact in FACTS], "one line each, in the table's order"
    true_of_this_machine(lines)
    for fact in FACTS:
        assert ("cg.selfcheck()` in a cell" in lines[fact.key][1]) == fact.in_kernel


@pytest.mark.parametrize("wait", ["-1", "nan", "inf", "soon", "1e9"])
def test_a_wait_that_is_none_is_refused(wait, capsys):
    assert main(["selfcheck", "--wait", wait]) == 2
    assert "--wait" in capsys.readouterr().err


def test_nothing_of_it_is_imported_until_it_is_used():
    code = "import sys, colab_guard, colab_guard.cli; print([n for n in sys.modules if 'selfcheck' in n])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_function_is_still_there_when_it_has_run(capsys):
    cg.selfcheck(wait=0)
    assert callable(cg.selfcheck), "a package of that name would take its place"
    assert "selfcheck" in capsys.readouterr().out


def reported(monkeypatch: pytest.MonkeyPatch, *checks: Callable[[Situation], Finding]) -> list[str]:
    monkeypatch.setattr(module, "FACTS", tuple(Fact(f"f{n}", "it holds", check) for n, check in enumerate(checks)))
    said: list[str] = []
    run(0, said.append)
    return said


def raising(error: BaseException) -> Callable[[Situation], Finding]:
    def check(situation: Situation) -> Finding:
        raise error

    return check


@pytest.mark.parametrize(
    "error",
    [
        OSError(107, "Transport endpoint is not connected", "/content/drive/MyDrive/my diary.txt"),
        RuntimeError(f"no access for somebody.else@example.org with {TOKEN}"),
        ValueError("file 1AbCdEfGhIjKlMnOpQrStUvWxYz012345 of 5e551011-0000-4000-8000-00000000abcd\n" * 50),
        RuntimeError(f"{'so ' * 91}{TOKEN}"),
        AttributeError(f"nothing in {Path.home()}/thesis"),
    ],
)
def test_a_check_that_raises_could_not_be_made_and_tells_nothing_private(monkeypatch, error):
    lines = lines_of("\n".join(reported(monkeypatch, raising(error), lambda situation: confirmed("yes"))))
    assert [verdict for verdict, _ in lines.values()] == ["Could not be checked", "Confirmed"]
    text = lines["f0"][1]
    assert type(error).__name__ in text
    for private in ("diary", "@example", "aB3dE6gH", "1AbCdE", "5e551011-0000", str(Path.home())):
        assert private not in text


def test_an_interrupt_ends_the_checking_not_the_report(monkeypatch):
    said = reported(
        monkeypatch, lambda situation: confirmed("yes"), raising(KeyboardInterrupt()), raising(ValueError())
    )
    assert said[-3:-1] == ["Interrupted: the rest could not be checked.", "1 confirmed."]


def test_the_document_has_a_row_for_each_fact():
    rows = re.findall(r"^\| `([\w-]+)` \|", DOCS.read_text(), re.MULTILINE)
    assert rows == [fact.key for fact in FACTS]

"""A loop goes on from its own snapshots; from those signed with another key only where it is told to."""

from pathlib import Path

import pytest

from tests.loops.script import Life, Script

THEIRS = "5a" * 32
SOURCE = """
import os
import colab_guard as cg
from helpers import die, end

class Trap:
    def __reduce__(self): return os.mkdir, (f"{folder}/sprung",)

folder, done = os.getcwd(), [Trap()]
for n in cg.loop(range(5), name="l", every="1it", state=[done]):
    if n == 3 and not os.path.exists("second"): die()
    done.append(n)
end(done[1:])
"""


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """That died, with snapshots signed by somebody else whose pickle makes a folder."""
    script = Script(tmp_path, SOURCE)
    assert script.run(COLAB_GUARD_KEY=THEIRS).code == -9
    (script.folder / "second").touch()
    return script


def goes_on(script: Script, life: Life) -> None:
    assert life.code == 0, life.said
    assert "l goes on behind item 3" in life.said
    assert (script.folder / "sprung").exists(), "or this trap would show nothing"


def test_a_foreign_snapshot_is_refused_and_none_of_its_code_is_run(script: Script) -> None:
    refused = script.run()
    assert (refused.code, refused.end) == (1, None)
    assert "ForeignSnapshot" in refused.said
    assert "trust=True, COLAB_GUARD_TRUST=1" in refused.said
    assert not (script.folder / "sprung").exists()
    goes_on(script, script.run(COLAB_GUARD_KEY=THEIRS))


def test_trust_by_the_environment(script: Script) -> None:
    goes_on(script, script.run(COLAB_GUARD_TRUST="1"))


def test_trust_by_argument(script: Script) -> None:
    script.path.write_text(SOURCE.replace('name="l"', 'name="l", trust=True'))
    goes_on(script, script.run())


def test_a_script_without_any_key_makes_one_at_home_and_the_next_life_finds_it(tmp_path: Path) -> None:
    home, script = tmp_path / "home", Script(tmp_path / "work", SOURCE.replace("[Trap()]", "[0]"))
    environment = {"COLAB_GUARD_KEY": "", "HOME": str(home)}
    assert script.run(**environment).code == -9
    (script.folder / "second").touch()
    assert script.run(**environment).code == 0
    assert [file.name for file in home.rglob("*.key")] == ["signing.key"]
    assert not list(script.folder.rglob("*.key"))

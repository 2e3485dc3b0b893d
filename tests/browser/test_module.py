"""The unit tests of js/, which run in Node, and its types, which TypeScript checks."""

import shutil
import subprocess
from pathlib import Path

JS = Path(__file__).parents[2] / "js"
TYPESCRIPT = JS.parent / "build/npm/node_modules/typescript/bin/tsc"


def node(*arguments: str) -> str:
    """What a program of Node's prints; AssertionError where it finds fault."""
    found = shutil.which("node")
    assert found, "the tests of js/ need Node 18 or later: apt-get install nodejs"
    command = [found, *arguments]
    ran = subprocess.run(command, cwd=JS, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


def test_the_modules_hold_in_node() -> None:
    """`node --test` in js/ passes, and ran some tests."""
    assert "# pass 0" not in node("--test")


def checked(project: str) -> set[str]:
    """The modules whose types TypeScript finds to hold."""
    assert TYPESCRIPT.exists(), "TypeScript is not there: make build/npm/.ready"
    files = map(Path, node(str(TYPESCRIPT), "--project", project, "--listFiles").split())
    return {file.name for file in files if file.parent == JS}


def test_the_types_hold() -> None:
    """Those of panel.js are inferred: with a type at each parameter it would not stay below 30 kB."""
    modules = {path.name for path in JS.glob("*.js") if ".test" not in path.name}
    assert checked("panel.jsconfig.json") == {"panel.js"}
    assert checked("jsconfig.json") == modules - {"panel.js"}

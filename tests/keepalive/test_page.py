"""What goes to a browser: the modules of js/, joined by a rule that they keep to, and parameters as JSON."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from urllib.parse import unquote

import pytest

from colab_guard.cli import main
from colab_guard.keepalive.page import bookmarklet, frame_module, snippet, userscript

CHECKOUT = Path(__file__).parents[2]
MODULES = [path for path in sorted((CHECKOUT / "js").glob("*.js")) if path.stem != "panel" and ".test" not in path.name]


def parsed(text: str, tmp_path: Path, name: str) -> None:
    """Node finds nothing wrong with its syntax: a name that two modules declare would be."""
    node = shutil.which("node")
    assert node, "this needs Node 18 or later: apt-get install nodejs"
    (tmp_path / name).write_text(text)
    checked = subprocess.run([node, "--check", name], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_modules_keep_to_what_joining_them_needs() -> None:
    for path in MODULES:
        text = path.read_text()
        for line in re.findall(r"^ *import\b.*|.*\bimport\(.*", text, re.MULTILINE):
            assert "@" in line or re.fullmatch(r'import \{ [\w, ]+ \} from "\./\w+\.js";', line), (path.name, line)
        for line in re.findall(r".*\bexport\b.*", text):
            assert re.match(r"export (async )?function |export const |export default \{ render \};", line), path.name
        assert "`//" not in text, f"{path.name}: a line of a text that would be taken for a comment"


def test_every_module_is_in_the_wheel() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    kept = {name: place for name, place in included.items() if name != "js/panel.js"}
    assert kept == {f"js/{path.name}": f"colab_guard/keepalive/{path.name}" for path in MODULES}


def test_the_frame_is_one_module_that_loads_nothing(tmp_path: Path) -> None:
    text = frame_module()
    parsed(text, tmp_path, "frame.mjs")
    assert re.findall(r"^(?:import|export)\b.*", text, re.MULTILINE) == ["export default { render };"]
    assert not re.search(r"https?://|\bfetch\(|XMLHttpRequest|\beval\(|new Function", text)


def test_the_pages_script_is_the_same_in_each_form(tmp_path: Path) -> None:
    """A bookmark's address that needs no escaping; a snippet without comments; and a userscript that may reload."""
    parsed(snippet(), tmp_path, "snippet.js")
    parsed(userscript(), tmp_path, "colab-guard.user.js")
    address = bookmarklet()
    assert re.fullmatch(r"javascript:[\w.~%-]+", address)
    assert unquote(address.removeprefix("javascript:")) == snippet()
    assert len(address) < 64_000, "as long as Firefox lets a bookmark be"
    assert not re.search(r"^\s|/\*\*$|^//", snippet(), re.MULTILINE)
    for text, stays in ((snippet(), False), (userscript(), True)):
        [parameters] = re.findall(r"^keepPage\((.*)\);$", text, re.MULTILINE)
        assert json.loads(parameters)["stays"] is stays
        assert not re.search(r"https?://(?!colab\.research)|\bfetch\(|XMLHttpRequest|\beval\(|new Function", text)


def test_the_userscript_is_for_colab_alone_and_is_granted_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["userscript"]) == 0
    text = capsys.readouterr().out
    assert text == userscript()
    header = dict(re.findall(r"^// @(\S+) +(.+)$", text.partition("==/UserScript==")[0], re.MULTILINE))
    assert (header["match"], header["grant"]) == ("https://colab.research.google.com/*", "none")
    assert text.count("@match") == 1
    assert not {"require", "include", "updateURL", "downloadURL"} & {*header}

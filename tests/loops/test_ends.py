"""When a loop is over and when it goes on, what is refused, and who takes snapshots."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.loops.script import Script
from tests.support.kernel import Kernel, KernelDiedError

HEAD = "import os, sys\nfrom helpers import die, end, tick\nimport colab_guard as cg\n"
FIRST = "first = not os.path.exists('second'); open('second', 'w').close()\n"


def twice(folder: Path, body: str, *arguments: str) -> tuple[str, str]:
    """What two lives of a script said and printed, one behind the other."""
    script = Script(folder, HEAD + FIRST + body)
    one, two = script.run(*arguments), script.run(*arguments)
    return f"{one.said}{one.end}", f"{two.said}{two.end}"


@pytest.mark.parametrize(
    "way",
    [
        "    if n == 2: break",
        "    if n == 2:\n        with open(os.devnull):\n            break",
        "    try:\n        1 / (2 - n)\n    except ZeroDivisionError:\n        break",
        "    pass",
    ],
    ids=["break", "break in with", "break in except", "all items"],
)
@pytest.mark.parametrize("around", ["{}", "enumerated({})"], ids=["bare", "in a generator"])
def test_a_loop_that_ended_gives_nothing_in_the_next_process_and_its_state(
    tmp_path: Path, way: str, around: str
) -> None:
    loop = around.format("cg.loop(range(5), name='l', state=[done])")
    generator = "def enumerated(x):\n    for y in x:\n        yield y\n"
    body = f"{generator}done = []\nfor n in {loop}:\n    done.append(n)\n{way}\nend(done)\n"
    one, two = twice(tmp_path, body)
    assert "l started" in one
    assert "l finished earlier" in two
    assert one.splitlines()[-1] == two.splitlines()[-1], "the state was put back"


@pytest.mark.parametrize(
    "way",
    [
        "    if n == 3 and first: raise RuntimeError",
        "    try:\n        if n == 3 and first: sys.exit(1)\n    finally:\n        pass",
        "    1 / (n != 3 or not first)",
    ],
)
def test_a_loop_left_by_an_exception_goes_on(tmp_path: Path, way: str) -> None:
    loop = "for n in cg.loop(range(5), name='l', every='1it', state=[done]):"
    script = Script(tmp_path, f"{HEAD}{FIRST}done = []\n{loop}\n{way}\n    done.append(n)\nend(done)\n")
    one, two = script.run(), script.run()
    assert (one.code, two.code) == (1, 0)
    assert "was left before its end, in item 4" in one.said
    assert "l goes on behind item 3" in two.said
    whole = Script(tmp_path / "whole", script.path.read_text())
    (whole.folder / "second").touch()
    assert two.end == whole.run().end


def test_large_texts_and_bytes_in_the_state_come_back(tmp_path: Path) -> None:
    script = Script(tmp_path, HEAD + FIRST + """
state = {"text": "", "bytes": bytearray()}
for n in cg.loop(range(4), name="l", every="1it", state=[state]):
    if first and n == 3:
        raise RuntimeError
    state["text"] += str(n) * 100_000
    state["bytes"] += bytes([n]) * 100_000
end(state)
""")  # fmt: skip
    script.run()
    two = script.run()
    assert "l goes on behind item 3" in two.said
    whole = Script(tmp_path / "whole", script.path.read_text())
    (whole.folder / "second").touch()
    assert two.end == whole.run().end


def test_return_ends_a_loop_and_each_call_of_a_function_is_a_loop_of_its_own(tmp_path: Path) -> None:
    body = """
def train(fold, log):
    for n in cg.loop(range(5), name="train", every="1it", state=[log]):
        log.append((fold, n))
        if first and fold == 1 and n == 2: die()
        if n == 3: return len(log)
end([train(fold, log) or log for fold in range(3) for log in [[]]] if first else None)
"""
    script = Script(tmp_path, HEAD + FIRST + body.replace(" if first else None", ""))
    script.run()
    two = script.run()
    assert "train finished earlier" in two.said
    assert "train goes on behind item 2" in two.said
    assert two.code == 0


def test_fresh_starts_over_by_argument_and_by_environment(tmp_path: Path) -> None:
    script = Script(tmp_path, HEAD + "for n in cg.loop(range(2), name='l'): tick()\nend()\n")
    script.run()
    assert "finished earlier" in script.run().said
    assert "started afresh" in script.run(COLAB_GUARD_FRESH="1").said


def test_other_arguments_or_another_length_are_refused_and_nothing_is_run(tmp_path: Path) -> None:
    script = Script(tmp_path, HEAD + "for n in cg.loop(range(int(sys.argv[1])), name='l'): tick()\nend()\n")
    script.run("3")
    assert "ran with the arguments ['3'], and now they are ['4']" in script.run("4").said
    script.path.write_text(script.path.read_text().replace("int(sys.argv[1])", "7"))
    assert "was begun with range of 3, and here it has range of 7" in script.run("3").said


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("for n in cg.loop([1], name='l', state=[3]): pass", "state[0] of the loop 'l' is a int"),
        ("for n in cg.loop([1], name='l', state=[iter([])]): pass", "whose inside Python does not show"),
        ("for n in cg.loop([1], name='l', state=[(1, [])]): pass", "Hold it in a dict or a list"),
        ("for n in cg.loop([1], name='l'):\n    for m in cg.loop([1], name='l'): pass", "Two loops called 'l'"),
        ("for n in cg.loop([1], name='l'):\n    for m in cg.loop([1], name='m', fresh=True): pass", "give store="),
        ("for n in cg.loop([1], name='a/b'): pass", "can't be a name"),
        ("for n in cg.loop([1], name='l', every='9'): pass", "is no interval"),
        ("m = iter(cg.loop([1, 2], name='m'))\nfor n in cg.loop([1, 2], name='l'): next(m)", "must be nested"),
        ("for n in cg.loop([1, 2], name='l'):\n    m = m if n == 2 else iter(cg.loop([1, 2], name='m'))\n    next(m)",
         "'m' began inside of an item of another loop"),
        ("import os; os.environ['WORLD_SIZE'] = '2'\nfor n in cg.loop([1], name='l'): pass", "WORLD_SIZE"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_a_sentence(tmp_path: Path, body: str, sentence: str) -> None:
    life = Script(tmp_path, HEAD + body + "\nend()\n").run()
    assert sentence in life.said
    assert life.code == 1


def test_inner_state_that_outlives_its_item_is_named(tmp_path: Path) -> None:
    inner = "    for m in cg.loop([1], name='i', state=[d, e, [n]]): pass"
    body = f"d, e = {{}}, {{}}\nfor n in cg.loop([1, 2], name='o', state=[d]):\n{inner}\nend()\n"
    assert "o/i state[1] lives longer than an item of o" in Script(tmp_path, HEAD + body).run().said


def test_a_store_that_fails_never_stops_the_loop(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    body = "for n in cg.loop(range(3), name='l', every='1it', store='file/x'): tick()\nend()\n"
    life = Script(tmp_path, HEAD + body).run()
    assert life.code == 0
    assert life.said.count("no snapshot could be taken") == 1
    assert life.said.count(" l is in memory only: ") == 1


def test_forked_workers_and_other_threads_only_iterate(tmp_path: Path) -> None:
    body = """
import threading
seen = []
loop = iter(cg.loop(range(6), name="l", every="1it", state=[seen]))
seen.append(next(loop))
thread = threading.Thread(target=lambda: seen.append(next(loop)))
thread.start(), thread.join()
child = os.fork()
if not child:
    next(loop)
    os._exit(0)
os.waitpid(child, 0)
seen.extend(loop)
end(seen)
assert seen == [0, 1, 2, 3, 4, 5], seen
"""
    assert Script(tmp_path, HEAD + body).run().code == 0


def test_an_imported_module_is_as_good_as_a_script(tmp_path: Path) -> None:
    script = Script(tmp_path, HEAD + "import lib\nend(lib.train())\n")
    (tmp_path / "lib.py").write_text(
        "import os\nimport colab_guard as cg\nclass Log:\n    def __init__(self): self.items = []\n"
        "def train():\n    log = Log()\n    for n in cg.loop(range(4), name='l', every='1it', state=[log]):\n"
        "        if n == 2 and not os.path.exists('second'):\n            open('second', 'w').close()\n"
        "            die()\n        log.items.append(n)\n    assert log.items == [0, 1, 2, 3]\n"
    )
    script.run()
    life = script.run()
    assert "l goes on behind item 2" in life.said
    assert life.code == 0


def test_a_notebooks_cell_goes_on_in_the_next_kernel(tmp_path: Path) -> None:
    cell = """
import os, colab_guard as cg
done = []
for n in cg.loop(range(5), name="l", every="1it", state=[done]):
    if n == 3 and not os.path.exists("second"):
        open("second", "w").close()
        from colab_guard.saving.writer import WRITER
        WRITER.finish(60)
        os.kill(os.getpid(), 9)
    done.append(n)
print(done)
"""
    environment = {"COLAB_GUARD_STORE": str(tmp_path / "store")}
    with Kernel(cwd=tmp_path, env=environment) as kernel, pytest.raises(KernelDiedError):
        kernel.run(cell)
    with Kernel(cwd=tmp_path, env=environment) as kernel:
        text = kernel.run(cell).check().text
        assert "l goes on behind item 3" in text
        assert "[0, 1, 2, 3, 4]" in text
        assert "l started" in kernel.run(cell).check().text, "what finished in this kernel is run afresh"


def test_importing_colab_guard_imports_nothing_of_the_engine() -> None:
    code = "import sys, colab_guard; print([m for m in sys.modules if m.startswith('colab_guard.') or m == 'IPython'])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"

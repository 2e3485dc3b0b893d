"""`%gpumem` in a notebook: what IPython keeps is let go of, what is the user's stays, and after an out-of-memory error
a guarded cell can be run again.

There is no GPU: tensors lie in RAM, the error is torch's own, raised by hand, and where a GPU must be seen a stand-in
tells of one (tests/support/fake_gpu.py).
"""

import pytest

from tests.notebook.book import BOTH, said
from tests.support.fake_gpu import KERNEL, needs_no_gpu

KEEPERS = """
import gc, weakref
gc.disable()
class Big: pass
def made():
    "Something as large as you like; whether it is there is what `gone()` says."
    big = Big()
    alive.append(weakref.ref(big))
    return big
def gone(): return [one() is None for one in alive]
def fail():
    held = made()
    try:
        inner()
    except ValueError:
        raise RuntimeError("with all of them")
def inner():
    held = [made()]
    raise ValueError(len(held))
alive = []
"""


@BOTH
def test_what_cells_displayed_and_what_the_last_error_keeps_is_let_go_of(book):
    book.run(KEEPERS).check()
    book.run("alive.clear()\nmade()").check()
    book.run("_").check()
    book.run("[made()]").check()
    book.run("1").check()
    assert book.run("fail()").error.ename == "RuntimeError"
    assert book.value("gone()") == [False] * 4
    cleared = book.run("%gpumem clear").check()
    assert [line.split("  ")[0] for line in cleared.text.splitlines()[:3]] == [
        "what cells displayed (Out, _)", "the frames of the last error", "cycles",
    ]  # fmt: skip
    assert book.value("gone()") == [True] * 4
    assert book.value("len(Out)") == 0


@BOTH
def test_what_was_displayed_last_is_let_go_of_and_an_error_behind_which_a_typo_came(book):
    book.run(KEEPERS).check()
    assert book.run("alive.clear()\nfail()").error.ename == "RuntimeError"
    assert book.run("a typo").error.ename == "SyntaxError"
    book.run("made()").check()
    book.run("%gpumem clear\nat_once = gone()").check()
    assert book.value("at_once") == [True] * 3


@BOTH
def test_variables_stay_whatever_their_names(book):
    book.run(KEEPERS).check()
    book.run("alive.clear()\nmade()").check()
    book.run("_, __, kept, _7000 = made(), made(), made(), made()").check()
    book.run("try: fail()\nexcept Exception as e: error = e").check()
    book.run("%gpumem clear").check()
    assert book.value("[type(one).__name__ for one in (_, __, kept, _7000)]") == ["Big"] * 4
    assert book.value("error.args") == ("with all of them",)
    assert book.value("error.__traceback__.tb_frame is not None")
    assert book.value("gone()[0]") is True


@BOTH
def test_outputs_go_on_as_before_after_they_were_cleared(book):
    book.run("for name in ('_', '__'): globals().pop(name, None)\n41 + 0").check()
    book.run("%gpumem clear").check()
    assert book.run("1 + 1").check().text == "2\n"
    assert book.run("_").check().text == "2\n"
    assert book.value("list(Out.values())[-1]") == 2


@BOTH
@needs_no_gpu
@pytest.mark.parametrize("line", ["", "show", "suggest", "limit 0.8", "watch", "suggest --model x"])
def test_without_a_gpu_each_says_so_in_a_sentence(book, line):
    assert "there is no NVIDIA driver here. On Colab: Runtime," in book.run(f"%gpumem {line}").check().text


@BOTH
@pytest.mark.parametrize(
    "line",
    ["top 0", "top x", "limit", "limit 3", "limit x", "clear all", "suggest --x", "suggest --model", "watch on", "y"],
)
def test_a_line_that_makes_no_sense_is_refused_with_what_there_is(book, line):
    book.run(KERNEL).check()
    kind, text = book.refusal(f"%gpumem {line}")
    assert kind == "UsageError"
    assert f"%gpumem {line}" in text
    assert "0.85" in text


@BOTH
def test_a_gpu_is_shown_as_its_driver_and_torch_see_it(book):
    book.run(KERNEL).check()
    shown = book.run("%gpumem").check().text
    for part in (
        "GPU 0  Tesla T4 · 61 °C · busy 87%",
        "12.3 GB of 15.8 GB used, 3.5 GB free", "9.0 GB in tensors, at most 10.2 GB",
        "11.4 GB held; up to 2.4 GB of it can be given back", "400 MB held by other processes",
    ):  # fmt: skip
        assert part in shown


def updates(book, cell):
    """The plots that reach the page until a cell ends."""
    client, found = book.kernel._client, []
    message = client.execute(cell)
    while True:
        heard = client.get_iopub_msg(timeout=60)
        if heard["msg_type"] == "update_display_data":
            found.append(heard["content"])
        if heard["parent_header"].get("msg_id") == message and heard["content"].get("execution_state") == "idle":
            return found


@BOTH
def test_the_plot_goes_on_while_a_cell_runs_until_it_is_ended(book):
    book.run(KERNEL).check()
    book.run(COUNTED).check()
    first = book.run("%gpumem watch").check()
    assert first.displays[0]["text/html"].startswith("<svg")
    drawn = updates(book, "before = len(looks)\nwhile len(looks) < before + 20: time.sleep(0.01)")
    assert len(drawn) >= 5
    assert len({one["transient"]["display_id"] for one in drawn}) == 1
    assert all("Tesla T4" in one["data"]["text/html"] for one in drawn)
    book.run("%gpumem watch off").check()
    assert book.value("own.WATCH.troubles.get(own.PLOT)") is None
    assert book.value("own.PLOT in own.WATCH._due") is False
    book.run("%gpumem watch").check()
    assert book.value("own.PLOT in own.WATCH._due") is True
    book.run("%unload_ext colab_guard").check()
    assert book.value("own.PLOT in own.WATCH._due") is False
    book.run("%load_ext colab_guard").check()


COUNTED = """
import time
import colab_guard.notebook.gpumem as own
own.WATCH_SECONDS = 0.01
looks, known = [], own.gpu.gpus
def counted():
    looks.append(1)
    return known()
own.gpu.gpus = counted
"""
TENSORS = """
import torch, gc, weakref
gc.disable()
alive = []
def ran_out(batch):
    activations = [batch.repeat(4, 1)]
    alive.append(weakref.ref(activations[0]))
    if not armed: return activations[0].sum()
    raise torch.OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 14.75 GiB of which 1.00 GiB is "
        "free. Of the allocated memory 12.00 GiB is allocated by PyTorch, and 512.00 MiB is reserved by PyTorch but "
        "unallocated.")
def train(loader, model, optimizer):
    for (batch,) in loader:
        out = model(batch).sum() + ran_out(batch)
        out.backward()
        optimizer.step()
        losses.append(out.item())
armed, losses = False, []
torch.manual_seed(3)
model = torch.nn.Linear(100_000, 2)
optimizer = torch.optim.Adam(model.parameters())
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.rand(20, 100_000)), batch_size=4)
"""
ARMED = """
import os
count, plain = 0, ran_out
def ran_out(batch):
    global count, armed
    count += 1
    armed = count == 3 and not os.path.exists(f"{HERE}/second life")
    return plain(batch)
"""
GUARDED = "%%checkpointed training --every 1it\ntrain(loader, model, optimizer)\nlosses"


def test_after_an_out_of_memory_error_a_guarded_cell_is_told_what_held_it_and_goes_on(new_book):
    book = new_book()
    expected = book.run(TENSORS + "train(loader, model, optimizer)\nlosses").check().text
    book.run(TENSORS).check()
    book.run(ARMED).check()
    failed = book.run(GUARDED)
    assert failed.error.ename == "OutOfMemoryError"
    text = failed.text[failed.text.index("training ran out of GPU memory") :]
    assert "when 2.1 GB more were wanted" in text
    for held in ("optimizer, the largest", "model, the largest", "activations in ran_out(), of the last traceback"):
        assert held in text
    assert "loader.batch_size = 4 did not fit, 2 might" in text
    assert "%gpumem clear" in text
    alive = book.value("[one() is None for one in alive]")
    assert alive.count(False) == 1
    book.run("%gpumem clear").check()
    assert book.value("[one() is None for one in alive]").count(False) == 0
    (book.folder / "second life").touch()
    again = book.run(GUARDED).check()
    assert said(again)[0].startswith("training resumed at line 13 of train()")
    assert again.text.endswith(expected)


PAUSED = """%%checkpointed paused
import os
def count(upto):
    held = Big()
    for n in range(upto):
        seen.append(n)
        if n == 3 and len(seen) == 4:
            os.kill(os.getpid(), 2)
    return type(held).__name__
seen = []
kind = count(8)
seen, kind"""


@BOTH
def test_a_paused_cell_goes_on_from_memory_after_it(book):
    book.run("class Big: pass\nimport colab_guard.running.signals as signals; signals.GRACE_SECONDS = 60").check()
    assert book.run(PAUSED).error.ename == "Pause"
    book.run("%gpumem clear").check()
    assert book.run(PAUSED).check().text.endswith("([0, 1, 2, 3, 4, 5, 6, 7], 'Big')\n")


def test_the_largest_tensors_are_told_by_name(new_book):
    book = new_book()
    book.run(
        "import torch\nmodel = torch.nn.Sequential(torch.nn.Linear(1000, 1000))\nkept = {'a': torch.zeros(400_000)}"
    ).check()
    book.run("torch.zeros(300_000)").check()
    lines = book.run("%gpumem top 2").check().text.splitlines()
    assert lines[0].endswith("in RAM (torch has not used a GPU in this kernel)")
    assert lines[1] == " 4.0 MB  model.0.weight; float32 1000×1000"
    assert lines[2] == " 1.6 MB  kept['a']; float32 400000"
    assert lines[3].endswith("2 smaller ones")
    assert "Out[" in book.run("%gpumem top 3").check().text
    found = book.value("[(one.name, one.size_bytes) for one in __import__('colab_guard').gpu_tensors()][:2]")
    assert found == [("model.0.weight", 4_000_000), ("kept['a']", 1_600_000)]


def test_an_ordinary_cell_that_runs_out_is_left_alone(book):
    book.run("import torch").check()
    assert said(book.run("raise torch.OutOfMemoryError('CUDA out of memory.')")) == []

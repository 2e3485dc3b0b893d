"""`%load_ext colab_guard` says one line and imports nothing heavy; `%unload_ext` leaves no trace."""

import re

from tests.notebook.book import BOTH, said

TRACES = """
import sys, threading
def traces():
    shell = get_ipython()
    return (
        [repr(t) for t in shell.input_transformers_cleanup],
        [repr(t) for t in shell.ast_transformers],
        {kind: sorted(names) for kind, names in shell.magics_manager.magics.items()},
        sorted(shell.magics_manager.registry),
        sorted(t.name for t in threading.enumerate()),
        sorted(n for n in globals() if "_cg" in n),
    )
def settle():  # what ends, ends behind what is under way; the writer, once there, waits for what comes next
    [t.join(60) for t in threading.enumerate() if "colab_guard" in t.name and "writer" not in t.name]
"""


@BOTH
def test_one_line_says_version_platform_store_and_what_it_survives(book):
    version = book.value('__import__("colab_guard").__version__')
    assert len(book.greeting.splitlines()) == 1
    for part in (version, "on Jupyter", str(book.store), "survives the kernel", "%%checkpointed"):
        assert part in book.greeting


@BOTH
def test_loading_imports_no_heavy_library(book):
    heavy = "{n.partition('.')[0] for n in __import__('sys').modules} & {'torch', 'numpy', 'pandas'}"
    assert book.value(f"sorted({heavy})") == []


@BOTH
def test_the_platform_and_the_chances_of_the_store_are_told(new_book):
    book = new_book(COLAB_RELEASE_TAG="release-colab", COLAB_GUARD_STORE="")
    assert "on Colab" in book.greeting
    assert "NOT the end of this VM" in book.greeting
    assert str(book.folder / ".colab_guard") in book.greeting


@BOTH
def test_loading_twice_and_reloading_change_nothing(book):
    assert "already loaded" in book.run("%load_ext colab_guard").check().text
    book.run("%reload_ext colab_guard").check()
    result = book.run("%%checkpointed reloaded\nfor i in range(3): pass\ni").check()
    assert re.fullmatch(r"colab_guard: reloaded started, .*\n2\n", result.text)


@BOTH
def test_unloading_leaves_no_trace(book):
    book.run("%%checkpointed first\nfor i in range(3): pass").check()
    book.run("%unload_ext colab_guard\n" + TRACES + "settle()").check()
    before = book.value("traces()")
    book.run("%load_ext colab_guard").check()
    book.run("%%checkpointed whole\nfor i in range(3): pass").check()
    assert book.run("%%checkpointed broken\nfor i in range(3): pass\n1/0").error
    assert book.run("%%checkpointed refused --every 0\nfor i in range(3): pass").error
    book.run("%unload_ext colab_guard\nsettle()").check()
    assert book.value("traces()") == before
    assert "not found" in book.run("%%checkpointed whole\n1").text
    book.run("%load_ext colab_guard").check()


def test_between_cells_and_after_unloading_torch_has_its_own_loader_back(new_book):
    book = new_book()
    book.run("import torch.utils.data as data; own = data.DataLoader.__iter__").check()
    loop = "for x in data.DataLoader(range(4)): inside = data.DataLoader.__iter__ is own"
    assert said(book.run(f"%%checkpointed loader\n{loop}").check())
    assert book.value("inside, data.DataLoader.__iter__ is own") == (False, True)
    book.run(f"%%checkpointed loader2\n{loop}\n1/0")
    assert book.value("data.DataLoader.__iter__ is own") is True
    book.run("%unload_ext colab_guard").check()
    assert book.value("data.DataLoader.__iter__ is own") is True


@BOTH
def test_a_cell_leaves_neither_threads_nor_hidden_names(book):
    book.run("%%checkpointed tidy\nfor i in range(3): pass").check()
    flies = 'any(t.name == "colab_guard-flight" for t in threading.enumerate())'  # it begins behind the first beat
    book.run(f"{TRACES}import time\nwhile not {flies}: time.sleep(0.01)").check()
    threads = book.value("traces()[4]")
    assert book.run("%%checkpointed tidy2\nfor i in range(3): 1/0").error
    assert book.value("traces()[4:]") == (threads, [])

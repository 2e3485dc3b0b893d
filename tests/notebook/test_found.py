"""What a sceptical new user found, held."""

import re

import pytest

from tests.notebook.book import printed, said


def test_two_unnamed_cells_with_one_loop_header_are_never_mixed_up(new_book):
    book = new_book()
    above = "a, b = [], []"
    first = "%%checkpointed\nfor epoch in range(5):\n    a.append(epoch)\nprint(len(a))"
    second = (
        "%%checkpointed --every 1it\nfor epoch in range(5):\n    die(epoch == 3)\n    b.append(epoch)\nprint(len(b))"
    )
    book.run(above)
    book.run(first)
    book.dies_in(second)
    book.run(above)
    one = book.run(first)
    two = book.run(second)
    # at worst a refusal, never a wrong end
    assert all(r.error or printed(r) in ([], ["5"]) for r in (one, two)), (one.text, two.text)
    assert book.value("len(a), len(b)") == (5, 5)


def test_a_fixed_data_cell_counts_when_nothing_of_the_cell_had_run(book):
    book.run("data = {'x': 1}")
    cell = "%%checkpointed mend\nv = data['y']\nfor i in range(3): pass\nv"
    assert book.run(cell).error.ename == "KeyError"
    book.run("data = {'y': 2}")
    assert printed(book.run(cell).check()) == ["2"]


@pytest.mark.parametrize(
    "thing",
    [
        "threading.Event()",
        "queue.Queue()",
        "threading.Thread(target=print)",
        "concurrent.futures.ThreadPoolExecutor(1)",
        "tempfile.NamedTemporaryFile()",
        "threading.Condition()",
    ],
)
def test_one_value_that_can_not_be_kept_never_makes_a_run_impossible_to_resume(new_book, thing):
    book = new_book()
    book.run("import threading, queue, concurrent.futures, tempfile")
    cell = f"%%checkpointed x --every 1it\nthing = {thing}\nfor i in range(4):\n    die(i == 2)\ni"
    book.dies_in(cell)
    book.run("import threading, queue, concurrent.futures, tempfile")
    assert printed(book.run(cell).check()) == ["3"]


def test_a_cached_function_of_the_cell_is_kept(new_book):
    book = new_book()
    cell = "%%checkpointed x --every 1it\nimport functools\n@functools.lru_cache\ndef f(x): return x\nfor i in range(4):\n    die(i == 2)\n    f(i)\nf(3)"
    book.dies_in(cell)
    assert printed(book.run(cell).check()) == ["3"]


def test_lines_of_a_shell_command_are_kept(new_book):
    book = new_book()
    cell = "%%checkpointed x --every 1it\nfiles = !echo a; echo b; echo c\nfor f in files:\n    die(f == 'c')\nf, list(files)"
    book.dies_in(cell)
    assert printed(book.run(cell).check()) == ["('c', ['a', 'b', 'c'])"]


def test_a_default_traceback_shows_the_line_inside_of_a_loop(book):
    error = book.run("%%checkpointed trace\nfor i in range(3):\n    if i == 1:\n        1 / 0").error
    assert re.search(r"-+> 4         1 / 0", error.traceback), error.traceback


def test_a_traceback_does_not_hold_the_cells_source_as_one_string(book):
    error = book.run("%%checkpointed trace2\na = 0\n1 / a").error
    assert "_cg_" not in error.traceback


def test_what_the_cell_itself_makes_and_can_not_be_kept_is_named_in_the_output(book):
    told = said(
        book.run(
            "%%checkpointed own --every 1it\nimport socket\nplug = socket.socket()\nfor i in range(4): pass"
        ).check()
    )
    assert any("plug" in line for line in told)


def test_a_store_for_one_cell_is_not_that_of_the_next(book):
    book.run(f"%%checkpointed s1 --store {book.folder}/other\nfor i in range(3): pass").check()
    [told] = said(book.run("%%checkpointed s2\nfor i in range(3): pass").check())
    assert str(book.store) in told


def test_a_cell_rewritten_from_scratch_can_be_started_with_fresh(book):
    book.run("%%checkpointed anew\nfor i in range(3): pass\nprint(i)").check()
    book.run("%%checkpointed anew --fresh\nimport os\nq = 'quite another'\nos.getcwd()").check()
    assert book.value("q") == "quite another"


def test_the_twin_is_quoted_by_its_own_first_line(book):
    book.run("%%checkpointed twin\nfor i in range(3): pass\nprint(i)").check()
    assert (
        "`for i in range(3):`"
        in book.run("%%checkpointed twin\nimport os\nq = 'quite another'\nos.getcwd()").error.evalue
    )


def test_a_question_mark_after_options_does_not_swallow_the_cell(book):
    r = book.run("%%checkpointed con?\nprint('RUNS')")
    assert r.error or "RUNS" in r.text


def test_an_error_of_the_compiler_is_no_start(book):
    r = book.run("%%checkpointed ret\nreturn 1")
    assert said(r) == []
    assert "ret" not in book.run("%guard status").text


def test_usage_names_the_magic(book):
    assert "%%%" not in book.run("%%checkpointed x --nope\n1").error.evalue


def test_an_unwritable_store_does_not_stop_the_training(new_book, tmp_path):
    (tmp_path / "f").touch()
    r = new_book(COLAB_GUARD_STORE=str(tmp_path / "f/s")).run("%%checkpointed x\nfor i in range(3): pass\ni")
    assert printed(r.check()) == ["2"]
    _, why, end = said(r)
    assert why.startswith("no snapshot could be taken: ")
    assert end.startswith("the end of x is in memory only: ")


def test_reload_ext_is_no_new_kernel(book):
    book.run("%%checkpointed rl\nfor i in range(3): pass\nprint('RUNS')").check()
    book.run("%reload_ext colab_guard")
    assert "RUNS" in book.run("%%checkpointed rl\nfor i in range(3): pass\nprint('RUNS')").text


def test_an_indented_cell_runs_as_it_does_unguarded(book):
    assert printed(book.run("%%checkpointed ind\n  for i in range(3): pass\n  print(i)").check()) == ["2"]

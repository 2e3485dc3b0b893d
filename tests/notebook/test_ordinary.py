"""A guarded cell behaves as the same cell without its first line: output, results, errors, syntax."""

import re

import pytest

from tests.notebook.book import BOTH, printed, said

pytestmark = BOTH


def test_the_first_line_says_that_it_started_and_where_snapshots_go(book):
    result = book.run("%%checkpointed first --every 2m\nfor i in range(3): print(i)").check()
    assert result.text == f"colab_guard: first started, snapshots every 2 min to {book.store}.\n0\n1\n2\n"


def test_a_derived_name_is_shown_and_a_cell_that_begins_alike_gets_a_number(book):
    cell = "%%checkpointed\ntotal = 0\nfor i in range(3):\n    total += i\ntotal"
    names = {said(book.run(text).check())[0].split()[0] for text in (cell, cell.replace("+= i", "+= 2 * i"))}
    first, second = sorted(names)
    assert re.fullmatch(r"cell-[0-9a-f]{6}", first)
    assert second == f"{first}-2"
    assert said(book.run(cell).check())[0].split()[0] == first, "the first is known again"
    other = said(book.run(cell.replace("total = 0", "total = 1")).check())[0].split()[0]
    assert other != names


def test_the_last_expression_is_displayed_and_kept_in_out(book):
    result = book.run("%%checkpointed shown\nfor i in range(3): pass\n1 + 1\ni * 21").check()
    assert printed(result) == ["42"]
    assert book.value("max(Out.items())[1], _") == (42, 42)


def test_a_semicolon_keeps_the_last_expression_quiet(book):
    assert printed(book.run("%%checkpointed quiet\nfor i in range(3): pass\ni * 21;").check()) == []


def test_interactivity_all_shows_every_expression(book):
    book.run("%config InteractiveShell.ast_node_interactivity = 'all'").check()
    try:
        result = book.run("%%checkpointed everything\n'a'\nfor i in range(2): pass\n'b'").check()
    finally:
        book.run("%config InteractiveShell.ast_node_interactivity = 'last_expr'").check()
    assert printed(result) == ["'a'", "'b'"]


def test_time_and_capture_work_above(book):
    result = book.run("%%time\n%%checkpointed timed\nfor i in range(3): print(i)").check()
    assert printed(result)[:3] == ["0", "1", "2"]
    assert "Wall time" in result.text
    assert book.run("%%capture held\n%%checkpointed captured\nfor i in range(3): print(i)").check().text == ""
    assert book.value("held.stdout").endswith("0\n1\n2\n")


def test_magics_and_shell_lines_work_inside(book):
    result = book.run(
        "%%checkpointed magics\n%cd -q /\n!echo hello\nlisting = !echo a; echo b\n"
        "for i in range(2):\n    !echo item $i {i + 10}\n%time x = 1\nlist(listing)"
    ).check()
    lines = [line.strip() for line in printed(result) if "time" not in line]
    assert lines == ["hello", "item 0 10", "item 1 11", "['a', 'b']"]
    assert book.value("os.getcwd()") == "/"
    book.run(f"%cd -q {book.folder}").check()


def test_await_works_at_the_top(book):
    cell = "%%checkpointed waits\nfrom asyncio import sleep\nfor i in range(2):\n    await sleep(0)\nawait sleep(0, 5)"
    assert printed(book.run(cell).check()) == ["5"]


def test_a_traceback_shows_the_users_line_and_none_of_our_frames(book):
    error = book.run("%%checkpointed raises\na = 0\nb = 1 / a\nc = 2").error
    assert error.ename == "ZeroDivisionError"
    assert re.search(r"-+> 3 b = 1 / a", error.traceback)
    assert "colab_guard" not in error.traceback


def test_a_traceback_leads_through_the_cells_own_functions(book):
    error = book.run("%%checkpointed deep\ndef half(x):\n    return x / 0\n\nhalf(1)").error
    assert re.search(r"-+> 5 half\(1\)", error.traceback)
    assert re.search(r"-+> 3     return x / 0", error.traceback)
    assert "colab_guard" not in error.traceback


def test_plain_tracebacks_show_the_line_inside_of_a_loop(book):
    book.run("%xmode Plain").check()
    try:
        error = book.run("%%checkpointed plain\nfor i in range(3):\n    if i == 1:\n        1 / 0").error
    finally:
        book.run("%xmode Context").check()
    assert re.search(r"line 4\b.*\n\s*1 / 0", error.traceback)


@pytest.mark.parametrize(
    "body",
    ["for i in range(3)\n    pass", "x = (1,\ny = 2", "for i in range(3):\npass", "print 1", "x = 'a", "return 1"],
)
def test_a_syntax_error_is_the_ordinary_one(book, body):
    plain = book.run(f"#\n{body}").error
    guarded = book.run(f"%%checkpointed syntax\n{body}").error
    where = r"(Cell In\[|File .*?)\d+[^,]*"
    assert guarded[:2] == plain[:2] or guarded.ename == plain.ename
    assert re.sub(where, "", guarded.traceback) == re.sub(where, "", plain.traceback)


def test_a_future_import_holds(book):
    cell = "%%checkpointed future\nfrom __future__ import annotations\ndef f(x: Unknown): pass\nf.__annotations__"
    assert printed(book.run(cell).check()) == ["{'x': 'Unknown'}"]


def test_every_kind_of_name_and_definition_works(book):
    cell = """%%checkpointed kinds
from dataclasses import dataclass
global total
total = 0
class Base:
    def f(self): return 1
class Child(Base):
    def f(self): return super().f() + 1
@dataclass
class Point:
    x: int = 3
functions = []
for i in range(3):
    if (double := i * 2) > 1:
        functions.append(lambda k=i: k + double)
    total += sum(i * j for j in range(3))
print(total, [f() for f in functions], [i for i in range(2)], Child().f(), Point())"""
    assert printed(book.run(cell).check()) == ["9 [5, 6] [0, 1] 2 Point(x=3)"]


@pytest.mark.parametrize("body", ["", "\n", "# only a comment", "'only a string'", "pass"])
def test_a_cell_without_work_is_no_error(book, body):
    assert printed(book.run(f"%%checkpointed\n{body}").check()) in ([], ["'only a string'"])


def test_prints_arrive_while_the_cell_runs_and_unchanged(book):
    cell = """%%checkpointed prints
for i in range(5):
    print(i, end=' ', flush=True)
    while i == 2 and not os.path.exists("seen"):
        time.sleep(0.01)
print('end')"""
    execution = book.kernel.start(cell)
    while not execution.result.text.endswith("0 1 2 "):
        assert not execution.poll(0.05)
    (book.folder / "seen").touch()
    while not execution.poll(0.05):
        pass
    assert execution.result.check().text.split(".\n")[-1] == "0 1 2 3 4 end\n"


def test_explain_shows_safe_points_and_runs_nothing(book):
    cell = """%%checkpointed explained --explain
print("RUNS")
with a as b:
    for i in range(3):
        pass
def f():
    for i in range(3): pass
try:
    while True: pass
except OSError:
    for i in range(3): pass"""
    text = book.run(cell).check().text
    assert not re.search(r"^RUNS", text, re.M)
    notes = {3: "safe point before; entered again", 4: "start of each", 9: "start of each", 10: "atomic"}
    for number, note in notes.items():
        assert re.search(rf"^ *{number}  .*{note}", text, re.M), (number, note, text)
    assert "explained" not in book.run("%guard history").check().text


def test_help_is_shown_and_runs_nothing(book):
    assert book.run("%%checkpointed?").check().text == ""

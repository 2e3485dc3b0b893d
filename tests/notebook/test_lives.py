"""Kernels that end by SIGKILL: the next life goes on where the last snapshot was taken."""

from tests.notebook.book import BOTH, printed, said


@BOTH
def test_run_all_after_a_death_ends_as_a_run_that_never_died(new_book):
    """The model above is built without a seed, `lr` is edited above, an alias and a deletion are kept."""
    book = new_book()
    above = "import random\nlr = {lr}\nmodel = {{'w': random.random()}}\nalias = model\nscratch = 'above'"
    cell = """%%checkpointed train --every 1it
log = []
scratch = 1
del scratch
for epoch in range(3):
    for step in range(4):
        die(epoch == 1 and step == 2)
        model["w"] += lr
        log.append((epoch, step, random.random()))
len(log)"""
    book.run(above.format(lr=0.5)).check()
    weight, state = book.value("model['w'], random.getstate()")
    book.dies_in(cell)
    book.run(above.format(lr=0.25)).check()
    result = book.run(cell).check()
    assert printed(result) == ["12"]
    told = said(result)
    assert told[0].startswith("train resumed at line 6 from the snapshot of ")
    assert "variables put back" in told[0]
    assert told[1:] == ["from the snapshot, not from the cells above: lr = 0.5 (this session had 0.25)"]
    assert book.value("[entry[:2] for entry in log]") == [(e, s) for e in range(3) for s in range(4)]
    for _ in range(12):
        weight += 0.5  # one by one, as the cell does: floating-point sums depend on it
    assert book.value("model['w']") == weight
    assert book.value("alias is model, 'scratch' in globals()") == (True, False)
    book.run(f"random.setstate({state})").check()
    assert book.value("[entry[2] for entry in log] == [random.random() for _ in range(12)]") is True


def test_a_function_edited_before_the_loop_is_in_force_wherever_it_is_used(new_book):
    book = new_book()
    cell = """%%checkpointed edited-function --every 1it
def change(x):
    return x
class Model:
    def step(self, x): return x
held, model, seen = [change], Model(), []
for i in range(6):
    die(i == 3)
    seen.append((held[0](i), model.step(i)))
seen"""
    book.dies_in(cell)
    edited = cell.replace("    return x", "    return -x").replace("x): return x", "x): return x * 10")
    result = book.run(edited).check()
    assert said(result)[0].startswith("edited-function resumed at line 7 ")
    assert printed(result) == ["[(0, 0), (1, 1), (2, 2), (-3, 30), (-4, 40), (-5, 50)]"]


@BOTH
def test_what_can_not_be_kept_is_named_and_replaced_where_this_session_lacks_it(new_book):
    book = new_book()
    book.run("import threading, socket, sqlite3\nabove = threading.Lock()").check()
    cell = """%%checkpointed stand-ins --every 1it
work, plug, base = threading.Thread(), socket.socket(), sqlite3.connect(":memory:")
open_generator = (i * 2 for i in range(5))
next(open_generator)
for i in range(4):
    die(i == 2)
above.acquire(blocking=False), above.release()"""
    book.dies_in(cell)
    book.run("import threading, socket, sqlite3\nabove = threading.Lock(); base = 'of this session'").check()
    book.run(cell).check()
    for name, what in {"work": "threading.Thread", "plug": "socket.socket"}.items():
        error = book.run(f"{name}.anything").error
        assert error.ename == "LostValue"
        assert f"{name!r} held {what}, which can't be kept" in error.evalue
        assert what in book.run(name).check().text
    assert book.value("base") == "of this session"
    assert book.value("list(open_generator)") == [2, 4, 6, 8]


def test_what_can_not_be_kept_is_named_once_in_the_output(new_book):
    book = new_book()
    cell = (
        "%%checkpointed once --every 1it\nimport socket\nplug = socket.socket()\nfor i in range(5):\n    plug.fileno()"
    )
    told = said(book.run(cell).check())
    lost = "not exact after a death: plug (socket.socket) can't be kept: a stand-in takes its place"
    assert [line for line in told if "plug" in line] == [f"{lost}."]
    assert lost in book.run("%guard status").text


@BOTH
def test_death_in_a_cell_with_magics_files_and_an_inner_with(new_book):
    book = new_book()
    cell = """%%checkpointed mixed --every 1it
import contextlib
%mkdir -p below
%cd -q below
with open("log.txt", "w") as file, contextlib.suppress(KeyError):
    for i, word in enumerate(zip("abcdef", range(6))):
        die(i == 3)
        print(i, *word, file=file)
    {}["missing"]
open("log.txt").read().split("\\n"), os.path.basename(os.getcwd())"""
    book.dies_in(cell)
    result = book.run(cell).check()
    assert said(result)[0].startswith("mixed resumed at line 6 ")
    lines = [f"{i} {letter} {i}" for i, letter in enumerate("abcdef")]
    assert "".join(printed(result)).replace("\n", "") == repr(([*lines, ""], "below"))


def test_two_deaths_lose_and_repeat_nothing(new_book):
    book = new_book()
    cell = """%%checkpointed twice --every 1it
seen = []
for i in range(9):
    if i in (3, 6) and not os.path.exists(f"death at {i}"):
        open(f"death at {i}", "x").close()
        os.kill(os.getpid(), 9)
    seen.append(i)
seen"""
    book.dies_in(cell)
    book.dies_in(cell)
    assert printed(book.run(cell).check()) == [str(list(range(9)))]

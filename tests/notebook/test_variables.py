"""`%guard save` and `%guard restore`: all of a session's variables, in the next kernel as they were."""

import re

from tests.notebook.book import BOTH, printed, said
from tests.support.kernel import Kernel

SESSION = """
import random, threading, numpy as np
one = other = [1, 2]
deep = {"one": one}
whole = np.arange(6.0)
view = whole[2:]
boxed = np.array([one, None], dtype=object)
class Counter:
    calls = 0
    def count(self):
        type(self).calls += 1
counter = Counter()
counter.count()
def add(x, to=one):
    to.append(x)
lock = threading.Lock(); lock.acquire()
_ = random.random(), np.random.rand()
"""


@BOTH
def test_all_comes_back_in_the_next_kernel_aliases_and_random_states_included(new_book):
    book = new_book()
    book.run(SESSION).check()
    told = book.run("%guard save").check().text
    assert re.match(r"\d+ variables saved as no. 1 \([\d.]+ kB, of which [\d.]+ kB are new\) in ", told)
    assert "Not kept: lock (_thread.lock)." in told
    assert re.search(r"^1 .* session notebook +\d+ variables ", book.run("%guard history").check().text, re.M)
    numbers = "[random.random(), np.random.rand()]"
    drawn = book.value(numbers)
    book.restart()
    result = book.run("%guard restore --yes").check().text
    assert re.search(r"^  lock +stand-in +new: _thread.lock could not be kept$", result, re.M)
    assert re.search(r"^  whole +ndarray float64 \(6,\) +new$", result, re.M)
    assert re.search(r"^\d+ variables put back.$", result, re.M)
    book.run("import random, numpy as np").check()
    assert book.value(numbers) == drawn
    assert book.value("one is other is deep['one'] is boxed[0] is add.__defaults__[0]") is True
    assert book.value("(type(counter) is Counter, counter.calls)") == (True, 1)
    book.run("add(3); counter.count(); whole[3] = 9").check()
    assert book.value("(one, Counter.calls, view.tolist())") == ([1, 2, 3], 2, [2, 9, 4, 5])
    assert book.run("lock.acquire()").error.ename == "LostValue"


TORCH = """
import torch
tensor = torch.zeros(3)
twin = tensor.numpy()
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(2, 2)
    def forward(self, x):
        return self.linear(x)
model = Net()
optimizer = torch.optim.Adam(model.parameters())
model(torch.ones(2)).sum().backward()
optimizer.step()
"""


def test_an_optimizer_goes_on_with_its_models_own_parameters(new_book):
    book = new_book()
    book.run(f"{TORCH}\n%guard save").check()
    weight = "model.linear.weight"
    state = f"[x.tolist() for x in ({weight}, {weight}.grad, optimizer.state[{weight}]['exp_avg'], torch.rand(2))]"
    before = book.value(state)
    book.restart()
    book.run("%guard restore --yes\nimport torch").check()
    assert book.value(state) == before
    assert book.value(f"optimizer.param_groups[0]['params'][0] is {weight}") is True
    book.run("tensor[1] = 7; model(torch.ones(2)).sum().backward(); optimizer.step()").check()
    assert book.value("twin.tolist()") == [0, 7, 0]
    assert book.value(f"{weight}.tolist()") != before[0], "it trains the model"


@BOTH
def test_the_plan_is_shown_and_nothing_is_touched_before_the_answer(book):
    book.run("def f(x=[1]): return x\nf.k = 1\nx, same = 1, [5]\n%guard save asked").check()
    book.run("x = 2; f.k = 2; f()[0] = 3; del same; mine = 0").check()
    plan = r"  f +function +overwritten\n(.*\n)*  same +list of 1 +new\n(.*\n)*  x +int 1 +overwritten: it is 2 here\n"
    refused = book.run("%guard restore asked f same x", answer="n").check()
    assert re.search(plan + r"(.*\n)*Nothing was changed\.\n$", refused.text)
    assert refused.asked == ["Put back 3 variables? [y/N] "]
    state = "(x, f.k, f(), 'same' in globals(), mine)"
    assert book.value(state) == (2, 2, [3], False, 0)
    error = book.run("%guard restore asked").error
    assert (error.ename, "Add --yes" in error.evalue) == ("UsageError", True)
    assert book.value(state) == (2, 2, [3], False, 0)
    assert re.search(plan, book.run("%guard restore asked f same x", answer="y").check().text)
    assert book.value(state) == (1, 1, [1], True, 0)
    assert "Nothing to put back." in book.run("%guard restore asked x same").check().text


@BOTH
def test_what_can_not_be_read_here_is_named_with_its_reason_and_spoils_nothing_else(new_book):
    book = new_book()
    book.run("open('gone.py', 'w').write('class Thing:\\n    pass'); import gone, numpy as np").check()
    book.run("array, thing = np.arange(3.0), gone.Thing()\nthing.array = first = np.ones(2)\nlast = [1]").check()
    book.run("%guard save").check()
    book.run("os.remove('gone.py')").check()
    book.restart()
    result = book.run("import colab_guard as cg\nout = cg.restore(yes=True)").check()
    assert result.text == ""
    assert book.value("sorted(out.unreadable)") == ["thing"]
    assert book.value("out.unreadable['thing']") == "ModuleNotFoundError: No module named 'gone'"
    assert book.value("(array.tolist(), first.tolist(), last)") == ([0, 1, 2], [1, 1], [1])
    assert book.value("'thing' in globals()") is False
    text = book.run("%guard restore --yes").check().text
    assert re.search(r"^  thing +\? +unreadable here: ModuleNotFoundError: No module named 'gone'$", text, re.M)
    kind, message = (book.run("cg.restore('thing', yes=True)").error)[:2]
    assert (kind, "No module named 'gone'" in message) == ("RestoreError", True)


@BOTH
def test_saves_by_number_and_name_single_variables_and_a_guarded_cells_snapshot(book):
    book.run(
        "n, k = 1, 10\nimport colab_guard as cg\nfirst = cg.save('before')\nn, k = 2, 20\nsecond = cg.save()"
    ).check()
    book.run("cg.restore('before', 'n', yes=True)").check()
    assert book.value("(n, k, first.name, first.not_kept)") == (1, 20, "session notebook before", ())
    book.run("cg.restore('n', yes=True)").check()
    assert book.value("n") == 2, "of the newest save"
    book.run("cg.restore(first.number, yes=True)").check()
    assert book.value("(n, k)") == (1, 10)
    book.run("cg.restore(second.id, 'k', yes=True)").check()
    assert book.value("(n, k)") == (1, 20)
    book.run("%%checkpointed cell\ntotal = 0\nfor i in range(3): total += i").check()
    number = re.search(r"^(\d+) .* cell +end ", book.run("%guard history").text, re.M)[1]
    book.run(f"total = 99\n%guard restore {number} total --yes").check()
    assert book.value("total") == 3
    assert "a guarded cell is running" in book.run("%%checkpointed inside\ncg.restore(yes=True)").error.evalue.lower()


@BOTH
def test_what_makes_no_sense_is_refused_with_what_to_do(new_book):
    book = new_book()
    assert "No variables of this notebook are saved" in book.refusal("%guard restore")[1]
    book.run("weights = 1\n%guard save").check()
    for cell, part in {
        "%guard restore wieghts": "weights",
        "%guard restore 77": "%guard history",
        "%guard restore --force": "%guard restore [ID] [NAMES…] [--yes]",
        "%guard save a b": "%guard save [NAME]",
        "%guard save a/b": "can't be a name",
        "%guard status now": "%guard status now is not known",
    }.items():
        kind, message = book.refusal(cell)
        assert (kind, part in message) == ("UsageError", True), message
    assert said(book.run("%%checkpointed session\nfor i in range(2): pass").check())[0].startswith("session started")
    assert "Nothing to put back." in book.run("%guard restore").check().text, "a cell called session is no save"


@BOTH
def test_a_store_that_can_not_be_written_is_an_error_that_says_so(new_book, tmp_path):
    (tmp_path / "file").touch()
    book = new_book(COLAB_GUARD_STORE=str(tmp_path / "file/store"))
    for _ in range(2):
        kind, message = book.refusal("%guard save")
        assert kind == "StoreUnavailable"
        assert "were not saved" in message


@BOTH
def test_without_the_extension(python, tmp_path):
    with Kernel(python, cwd=tmp_path) as kernel:
        kernel.run("import colab_guard as cg\nx = [1]\nsaved = cg.save()\nx = 2\ncg.restore(yes=True)").check()
        assert kernel.run("print(x)").check().text == "[1]\n"


@BOTH
def test_a_proxy_whose_object_is_gone_is_no_trouble(new_book):
    """As `tqdm.auto` leaves them behind."""
    book = new_book()
    book.run("""
import weakref
class Node: pass
node = Node()
direct, holder = weakref.proxy(node), [weakref.proxy(node)]
del node
seen = []""").check()
    assert printed(
        book.run("%%checkpointed gone --every 1it\nfor i in range(3):\n    seen.append(i)\nseen").check()
    ) == ["[0, 1, 2]"]
    assert "variables saved" in book.run("%guard save").check().text
    book.run("seen = 4").check()
    assert "holder" in book.run("%guard restore --yes").check().text
    assert book.value("seen, len(holder)") == ([0, 1, 2], 1)

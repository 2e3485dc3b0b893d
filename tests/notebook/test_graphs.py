"""A snapshot that is due while an autograd graph waits for its ``backward()`` is taken a moment later, behind it."""

import pytest

from tests.notebook.book import BOTH, said

pytestmark = BOTH
DUE = """
def due():
    "A snapshot is due, at the next safe point."
    get_ipython().user_ns["_cg_run"].alarm.ring()
"""
DATA = """
import torch
torch.manual_seed(3)
model = torch.nn.Linear(8, 1)
opt = torch.optim.Adam(model.parameters(), lr=0.01)
x = torch.randn(64, 8)
y = x.sum(1, keepdim=True)"""
STEP = """
def step(n):
    opt.zero_grad()
    loss = ((model(x[n::4]) - y[n::4]) ** 2).mean()
    due()
    loss.backward()
    opt.step()
    return loss.item()
losses = []
for n in range(4):
    die(n == 2)
    loss = step(n)
    losses.append(loss)"""
SUM = """
losses = []
for epoch in range(4):
    opt.zero_grad()
    total = 0
    for n in range(4):
        total = total + ((model(x[n::4]) - y[n::4]) ** 2).mean()
        due()
    total.backward()
    opt.step()
    losses.append(total.item())
    die(epoch == 2)"""
END = "repr((losses, [p.tolist() for p in model.parameters()]))"


@pytest.mark.parametrize(("body", "line"), [(STEP, "line 13 of step()"), (SUM, "line 9")], ids=["a step", "a sum"])
def test_what_is_restored_calls_backward(new_book, body, line):
    book = new_book()
    plain = "\n".join(text for text in (DATA + body).splitlines() if "due()" not in text and "die(" not in text)
    book.run(plain).check()
    expected = book.value(END)
    book.run(DUE).check()
    cell = f"%%checkpointed trained --every 1h{DATA}{body}"
    book.dies_in(cell)
    book.run(DUE).check()
    result = book.run(cell).check()
    assert f"trained resumed at {line} from" in said(result)[0]
    assert book.value(END) == expected
    assert not any("not exact" in text for text in said(result))


def test_where_backward_never_comes_it_is_taken_all_the_same_and_named(book):
    book.run(
        f"{DUE}{DATA}\nimport colab_guard.running.postponed as postponed\npostponed.PATIENCE_SECONDS = 0.2"
    ).check()
    cell = """%%checkpointed kept --every 1h
outs = []
for n in range(1000):
    outs.append(model(x[n % 4::4]))
    due()
    if len(os.listdir("store/snapshots")) > 1: break
    time.sleep(0.001)"""
    result = book.run(cell).check()
    assert any("outs's autograd graph is not kept" in text for text in said(result))
    assert len(book.value("os.listdir('store/snapshots')")) > 1

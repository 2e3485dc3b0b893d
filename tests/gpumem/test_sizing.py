"""Sizes that are suggested fit: the table by what was measured elsewhere, a model's by counting it."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from colab_guard.core.errors import UsageError
from colab_guard.gpumem import suggesting
from colab_guard.gpumem.sizing import (
    FRACTION,
    GIB,
    TABLE,
    TOGETHER,
    Transformer,
    needs,
    rounded,
    row_for,
    shapes_that_fit,
    transformer,
)
from colab_guard.guards import gpu
from tests.gpumem.session import Session
from tests.support.fake_gpu import T4_BYTES

FIXED_GIB, TOKENS_PER_GIB = 9.7, 404.6  # the line of sizing.py
MEASURED = {12: 932, 16: 2551, 24: 5789, 40: 12264, 48: 15502, 80: 28454}  # GiB: tokens, see sizing.py


def tokens_that_fit(gib: float) -> int:
    """Of the usual case, in so much memory."""
    return int((gib - FIXED_GIB) * TOKENS_PER_GIB)


@pytest.mark.parametrize("gib", MEASURED)
def test_the_line_is_that_of_the_measurements(gib):
    assert tokens_that_fit(gib) == pytest.approx(MEASURED[gib], rel=0.003)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.gpu)
def test_each_row_of_the_table_fits_and_twice_as_many_tokens_would_not(row):
    fit = tokens_that_fit(row.gib * FRACTION)
    assert row.batch * row.length <= fit < 2 * row.batch * row.length
    assert TOGETHER % row.batch == 0
    assert row.alpha == 2 * row.rank


@pytest.mark.parametrize(
    ("name", "gib", "expected"),
    [
        ("Tesla T4", T4_BYTES / GIB, "T4"),
        ("NVIDIA L4", 22.0, "L4"),
        ("Tesla V100-SXM2-16GB", 15.8, "V100"),
        ("NVIDIA A100-SXM4-40GB", 39.4, "A100 40 GB"),
        ("NVIDIA A100-SXM4-80GB", 79.2, "A100 80 GB"),
        ("NVIDIA H100 80GB HBM3", 79.1, "H100 80 GB"),
        ("NVIDIA GeForce RTX 4090", 24.0, "L4"),
        ("NVIDIA H200", 140.0, "A100 80 GB"),
        ("NVIDIA GeForce GTX 1050", 4.0, None),
    ],
)
def test_a_gpu_gets_its_own_row_or_that_of_one_that_has_no_more(name, gib, expected):
    row = row_for(name, int(gib * GIB))
    assert (row and row.gpu) == expected


@pytest.mark.parametrize(
    ("make", "kept"), [(torch.optim.AdamW, 2), (torch.optim.SGD, 0), (lambda p: torch.optim.SGD(p, 0.1, 0.9), 1)]
)
def test_what_a_training_takes_is_what_its_first_step_makes(make, kept):
    """Counted before the step, and compared with what is there after it."""
    model = torch.nn.Sequential(torch.nn.Linear(300, 200), torch.nn.BatchNorm1d(200), torch.nn.Linear(200, 10))
    model[2].requires_grad_(False)
    optimizer = make([one for one in model.parameters() if one.requires_grad])
    other = torch.optim.Adam([torch.zeros(3, requires_grad=True)])
    before = needs(model, [other, optimizer])
    model(torch.ones(4, 300)).sum().backward()
    optimizer.step()
    after = needs(model, [other, optimizer])
    gradients = sum(one.grad.nbytes for one in model.parameters() if one.grad is not None)
    assert before.gradients_bytes == gradients
    assert before.optimizer_bytes == kept * gradients == pytest.approx(after.optimizer_bytes, abs=100)
    assert before.weights_bytes == sum(one.nbytes for one in model.state_dict().values())
    assert before.linear == 300 + 200 + 200 + 10
    assert before.trained == before.parameters - 200 * 10 - 10


def test_a_transformer_is_known_by_its_config_also_where_text_is_a_part_of_it():
    class Config:
        hidden_size, num_hidden_layers, vocab_size = 64, 2, 1000

    class Both:
        text_config = Config

    model = torch.nn.Linear(2, 2)
    assert transformer(model) is None
    model.config = Config
    assert transformer(model) == Transformer(64, 2, 1000)
    model.config = Both
    assert transformer(model) == Transformer(64, 2, 1000)


@given(st.integers(1, 200), st.integers(1, 20_000), st.integers(2, 300_000), st.integers(1, 10**11))
def test_what_is_suggested_fits_by_the_formula(layers, hidden, vocabulary, free):
    one = Transformer(hidden, layers, vocabulary)
    for checkpointing, batch, length in shapes_that_fit(free, one):
        assert batch >= 1
        assert batch * length * one.token_bytes(checkpointing=checkpointing) <= free
    assert one.token_bytes(checkpointing=False) == 34 * hidden * layers + 8 * vocabulary


@given(st.integers(0, 10_000))
def test_a_size_is_rounded_down(batch):
    assert rounded(batch) <= batch < max(2 * rounded(batch), 1)
    assert rounded(batch) in (0, 1, 2, 4) or rounded(batch) % 8 == 0


# -- in words ------------------------------------------------------------------------------------------


@pytest.fixture
def t4(monkeypatch):
    monkeypatch.setattr(gpu, "gpus", lambda: [gpu.Gpu(0, "Tesla T4", 0, T4_BYTES)])


@pytest.mark.usefixtures("t4")
def test_without_a_model_the_row_is_told_and_code_that_compiles():
    text = suggesting.suggest(Session())
    for part in ("Tesla T4", "batch size 1 × 16", "1024 tokens", "rank 16 and alpha 32", "fraction 0.9", "fp16"):
        assert part in text
    assert_compiles(text)


@pytest.mark.usefixtures("t4")
def test_with_a_model_its_parts_are_told():
    model = torch.nn.Linear(1000, 1000)
    text = suggesting.suggest(Session(model=model, optimizer=torch.optim.SGD(model.parameters())), "model")
    for part in ("1,001,000 parameters", "4.0 MB of weights", "4.0 MB of gradients", "0 B that", "(SGD)", "--measure"):
        assert part in text


@pytest.mark.usefixtures("t4")
@pytest.mark.parametrize(
    ("size", "words"),
    [(40_000, "With LoRA of rank 16 it takes"), (80_000, "weights in 4 bits"), (300_000, "larger GPU")],
)
def test_a_model_that_does_not_fit_is_told_what_would(size, words):
    with torch.device("meta"):
        model = torch.nn.Linear(size, size, bias=False)
    text = suggesting.suggest(Session(model=model), "model")
    assert "do not fit, even without a batch" in text
    assert words in text


@pytest.mark.usefixtures("t4")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "nothing"}, "--model nothing: there is no variable of that name"),
        ({"model": "number"}, "that is no torch module but of type int"),
        ({"model": "kind"}, "that is no torch module but of type type"),
        ({"model": "lazy"}, "run one batch first"),
        ({"step": "nothing"}, "--measure nothing: there is no variable of that name"),
        ({"step": "number"}, "is a function that runs one step"),
    ],
)
def test_names_that_are_none_are_refused(options, words):
    with pytest.raises(UsageError, match=words):
        suggesting.suggest(Session(number=3, kind=torch.nn.Linear, lazy=torch.nn.LazyLinear(2)), **options)


def assert_compiles(text):
    code = [line for line in text.split("\n\n", 1)[1].splitlines() if not line.startswith("%")]
    compile("\n".join(code), "<suggested>", "exec")

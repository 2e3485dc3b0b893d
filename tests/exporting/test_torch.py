"""Tensors, modules and optimizers come out as safetensors that its own library reads, bit for bit; pictures as PNG."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from colab_guard.store.manifest import Manifest
from colab_guard.store.repository import Repository
from tests.support.exported import Found, export, saved_by

SOURCE = """
import numpy as np, torch
from torch import nn
import gone  # which nobody has where this is exported
from matplotlib.figure import Figure
from PIL import Image
torch.manual_seed(0)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.norm = nn.Embedding(6, 4), nn.BatchNorm1d(4)
        self.head = nn.Linear(4, 6, bias=False)
        self.head.weight = self.embed.weight
    def forward(self, x):
        return self.head(self.norm(self.embed(x)))
class Lit(gone.Base):
    def __init__(self):
        super().__init__()
        self.net, self.scale = Net(), nn.Parameter(torch.ones(2))
        self.register_buffer("passing", torch.ones(3), persistent=False)
class History:  # a stand-in for the one of Keras, of which only its name and these two attributes are looked at
    epoch, history = None, None
    def __init__(self): self.epoch, self.history, self.model = [0], {"loss": [0.5]}, print

model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
model(torch.arange(6)).sum().backward()
optimizer.step(); scheduler.step()
lit, lion, fitted = Lit(), gone.Lion(torch.arange(3.0)), History()
state = model.state_dict()
checkpoint = {"model": dict(state), "epoch": 3, "a": {"b": torch.ones(1)}, "a.b": torch.zeros(1), "__metadata__": torch.ones(2)}
sizes = {"a": torch.ones(3, dtype=torch.int8), "b": torch.ones(1, dtype=torch.float64), "c": torch.tensor([True]), "d": torch.ones(1)}
base = torch.arange(10.0)
view, transposed, wide, parameter = base[2:5], torch.arange(6).reshape(2, 3).T, torch.ones(1).expand(3, 2), nn.Parameter(base * 2)
scalar, empty, half, brain = torch.tensor(5), torch.empty(0, 3), torch.randn(3).half(), torch.randn(5).bfloat16()
eighth, graph = torch.randn(4).to(torch.float8_e4m3fn), nn.Parameter(torch.ones(2)) * 3
unsigned, complexes, sparse = torch.tensor([1, 2], dtype=torch.uint16), torch.tensor([1 + 2j]).conj(), torch.eye(3).to_sparse()
shared_with_numpy = base.numpy()
generator, device, dtype, size = torch.Generator().manual_seed(1), torch.device("cuda:1"), torch.float16, torch.Size([2, 3])
many = [torch.ones(2), {"x": (torch.zeros(1), 1)}]
image, gray, unusual = Image.new("RGB", (3, 2), (1, 2, 3)), Image.new("L", (2, 2), 7), Image.new("F", (2, 2))
figure = Figure(); figure.add_subplot().plot([1, 2])
"""
GONE = """
import torch
class Base(torch.nn.Module): pass
class Lion:
    def __init__(self, momentum): self.momentum = momentum
"""
TENSORS = [
    "base",
    "view",
    "transposed",
    "wide",
    "parameter",
    "scalar",
    "empty",
    "half",
    "brain",
    "eighth",
    "graph",
    "unsigned",
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("writer")
    (folder / "gone.py").write_text(GONE)
    saved_by(SOURCE, folder / "store", folder)
    return folder / "store"


@pytest.fixture(scope="module")
def found(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Found:
    folder = tmp_path_factory.mktemp("reader")
    export(store, folder, "--to", "out")
    return Found(folder / "out")


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    """The variables of SOURCE, made here."""
    gone: dict[str, Any] = {}
    exec(GONE, gone)
    values: dict[str, Any] = {
        "__name__": "__main__",
        "gone": type("gone", (), {name: gone[name] for name in ("Base", "Lion")}),
    }
    exec(SOURCE.replace("import gone", ""), values)
    return values


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors are the same, bit for bit."""
    flat = [tensor.detach().contiguous().reshape(-1).view(torch.uint8) for tensor in (one, other)]
    return (one.dtype, one.shape) == (other.dtype, other.shape) and torch.equal(*flat)


def assert_same(tensors: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert tensors.keys() == expected.keys()
    assert [key for key in tensors if not same(tensors[key], expected[key])] == []


@pytest.mark.parametrize("name", TENSORS)
def test_a_tensor_is_a_file_of_one(found: Found, values: dict[str, Any], name: str) -> None:
    assert_same(load_file(found.file(name)), {name: values[name]})
    assert found.rows[name]["shape"] == list(values[name].shape)


def test_tied_weights_are_complete_for_a_module_that_loads_them(found: Found, values: dict[str, Any]) -> None:
    for name in ("model", "state"):
        loaded = load_file(found.file(name))
        assert_same(loaded, dict(values["state"]))
        values["Net"]().load_state_dict(loaded)
    with safe_open(found.file("model"), "pt") as file:
        assert file.metadata() == {"format": "pt"}


def test_an_optimizers_tensors_are_in_safetensors_and_the_rest_in_json(found: Found, values: dict[str, Any]) -> None:
    files = found.rows["optimizer"]["files"]
    assert files == ["optimizer.json", "optimizer.safetensors"]
    tensors = load_file(found.folder / files[1])
    expected = values["optimizer"].state_dict()
    flat = {f"state.{n}.{key}": value for n, one in expected["state"].items() for key, value in one.items()}
    assert_same(tensors, flat)
    content = found.plain("optimizer")
    assert content["state"]["0"]["exp_avg"] == {"$tensor": "state.0.exp_avg"}
    assert content["param_groups"] == json.loads(json.dumps(expected["param_groups"]))
    assert found.plain("scheduler")["last_epoch"] == 1


def test_keys_that_would_be_one(found: Found) -> None:
    tensors = load_file(found.folder / "checkpoint.safetensors")
    content = found.plain("checkpoint")
    assert content["epoch"] == 3
    assert tensors[content["a"]["b"]["$tensor"]].tolist() == [1]
    assert tensors[content["a.b"]["$tensor"]].tolist() == [0]
    assert tensors[content["__metadata__"]["$tensor"]].tolist() == [1, 1]
    nested = found.plain("many")
    assert nested == [{"$tensor": "0"}, {"x": [{"$tensor": "1.x.0"}, 1]}]


def test_elements_lie_at_multiples_of_their_size(found: Found) -> None:
    raw = found.file("sizes").read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    assert length % 8 == 0
    offsets = {name: header[name]["data_offsets"] for name in "abcd"}
    assert offsets == {"b": [0, 8], "d": [8, 12], "a": [12, 15], "c": [15, 16]}


def test_what_safetensors_lacks(found: Found) -> None:
    assert np.load(found.file("complexes")).tolist() == [1 - 2j]
    sparse = found.plain("sparse")
    assert sparse["attributes"]["shape"] == [3, 3]
    tensors = load_file(found.folder / "sparse.safetensors")
    assert tensors["indices"].tolist() == [[0, 1, 2], [0, 1, 2]]
    assert tensors["values"].tolist() == [1, 1, 1]


def test_small_things_of_torch(found: Found, values: dict[str, Any]) -> None:
    assert [found.plain(name) for name in ("device", "dtype", "size")] == ["cuda:1", "torch.float16", [2, 3]]
    state = load_file(found.folder / "generator.safetensors")["state"]
    assert torch.equal(state, values["generator"].get_state())
    assert found.plain("fitted") == {"epoch": [0], "history": {"loss": [0.5]}}


def test_what_shares_memory_is_said(found: Found) -> None:
    groups = found.index["share_memory"]
    assert ["base", "shared_with_numpy", "view"] in groups
    assert ["model", "state"] in [[name for name in group if name in ("model", "state")] for group in groups]
    assert len(groups) == 2


def test_a_module_whose_base_class_is_missing_has_its_weights(found: Found, values: dict[str, Any]) -> None:
    loaded = load_file(found.file("lit"))
    assert loaded.keys() == values["lit"].state_dict().keys()
    values["Lit"]().load_state_dict(loaded)
    assert found.plain("lion") == {
        "$object": "gone.Lion",
        "attributes": {"momentum": {"$tensor": "momentum"}},
    }
    assert load_file(found.folder / "lion.safetensors")["momentum"].tolist() == [0, 1, 2]


def test_pictures(found: Found) -> None:
    with Image.open(found.file("image")) as image:
        assert (image.mode, image.size, image.tobytes()) == ("RGB", (3, 2), bytes([1, 2, 3] * 6))
    with Image.open(found.file("gray")) as image:
        assert (image.mode, image.getpixel((0, 0))) == ("L", 7)
    with Image.open(found.file("figure")) as image:
        assert image.width > 100
    assert "F" in found.left_out["unusual"]


def test_tensors_of_a_device_that_is_not_here(store: Path, tmp_path: Path) -> None:
    """The snapshot's own bytes, but that they say ``xpu``, which this build of torch does not know."""
    saved_by("import torch\nx, after = torch.arange(3.0), 1", tmp_path / "store", tmp_path)
    repository = Repository.open(tmp_path / "store")
    (manifest,) = repository.snapshots()
    assert isinstance(manifest, Manifest)
    blobs = [bytes(repository.read(ref)) for ref in manifest.blobs]
    altered = blobs[0].replace(b"\x8c\x03cpu", b"\x8c\x03xpu", 1)  # of the tensor; what follows is the process
    repository.commit("xpu", manifest.body, [altered, *blobs[1:]])
    export(tmp_path / "store", tmp_path, "xpu", "--to", "out")
    assert load_file(Found(tmp_path / "out").file("x"))["x"].tolist() == [0, 1, 2]


def without(folder: Path, *modules: str) -> str:
    """A folder for PYTHONPATH in which a stand-in for each module says that it is not there."""
    (folder / "without").mkdir()
    for module in modules:
        (folder / "without" / f"{module}.py").write_text(
            f"raise ModuleNotFoundError(\"No module named '{module}'\", name='{module}')"
        )
    return ":".join([str(folder / "without"), *sys.path[1:]])


def test_a_machine_without_torch_gets_the_rest(store: Path, tmp_path: Path) -> None:
    export(store, tmp_path, "--to", "out", "model", "image", "lion", "size", PYTHONPATH=without(tmp_path, "torch"))
    found = Found(tmp_path / "out")
    assert "No module named 'torch'" in found.left_out["model.embed.weight"]
    assert found.file("image").name == "image.png"


def test_a_machine_without_a_parquet_engine_gets_csv(tmp_path: Path) -> None:
    saved_by("import pandas as pd\nframe = pd.DataFrame([[1], [2]])", tmp_path / "store", tmp_path)
    path = without(tmp_path, "pyarrow", "fastparquet")
    said = export(tmp_path / "store", tmp_path, "--to", "out", PYTHONPATH=path).stdout
    assert "frame: written as CSV, which keeps no types: Parquet needs pyarrow or fastparquet" in said
    assert pd.read_csv(Found(tmp_path / "out").file("frame"), index_col=0)["0"].tolist() == [1, 2]

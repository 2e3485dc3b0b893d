"""A snapshot comes out as plain files that hold its variables bit for bit, on a machine that lacks what made it."""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from colab_guard.exporting.names import Stems, safe
from colab_guard.store.sealed import seal
from tests.support import tokens
from tests.support.exported import Found, export, guarded_by, run, saved_by

SECRET = tokens.hugging_face()
SOURCE = """
import collections, dataclasses, datetime, decimal, enum, pathlib, random, socket, sys, types
import numpy as np, pandas as pd
import gone  # which nobody has where this is exported

class Color(enum.Enum):
    RED = 1
@dataclasses.dataclass
class Run:
    lr: float
    losses: list
class Meter:
    def __init__(self): self.total, self.count = 1.5, np.arange(3)
Point = collections.namedtuple("Point", "x y")

number, real, big, flag, nothing, text, π = 3, 0.1, 10**30, True, None, "π\\ud800", 3.14
nan, infinite, complex_ = float("nan"), -float("inf"), 1 - 2j
long_text, raw = "long " * 30_000, bytes(range(256))
history = {"loss": [0.5, float("nan")], "epoch": (1, 2), 3: {"deep": [None, b"\\0", Color.RED]}}
pairs = {(1, 2): "a", "$file": "b", 1: "c", "1": "d"}
kinds = [datetime.datetime(2026, 1, 2), decimal.Decimal("1.10"), pathlib.PurePosixPath("a/b"), {2, 1}, np.float32(0.1),
         np.int64(7), Point(1, 2), range(2), datetime.timedelta(seconds=90), np.datetime64("2026-01-02"), pd.NaT]
run, meter, space, rng = Run(0.1, [1.0]), Meter(), types.SimpleNamespace(a=1), random.Random(5)
random.seed(3)
f8, big_endian, fortran, zero_d = np.random.default_rng(0).random((3, 4)), np.arange(3, dtype=">i4"), np.asfortranarray(np.eye(3)), np.array(5)
bools, complexes, days = np.array([True, False]), np.array([1j, 2]), np.array(["2026-01-02"], "M8[D]")
records, strings, objects = np.array([(1, 2.5)], [("a", "i4"), ("b", "f8")]), np.array(["a", "bc"]), np.array([1, "a", None], object)
masked, empty = np.ma.array([1, 2], mask=[0, 1]), np.empty((0, 3))
view, again, A, a = f8[1:, ::2], history, np.zeros(1), np.ones(1)
CON, nested = np.arange(4), {"a/b": np.arange(3), "..": [np.arange(2.0)], "odd": np.array([1j])}
frame = pd.DataFrame({"n": [1, 2], "when": pd.to_datetime(["2026-01-02", None]).tz_localize("UTC"), "kind": pd.Categorical(["x", "y"])})
series, mixed = pd.Series([1.5, 2.5], name="s", index=["p", "q"]), pd.DataFrame({"m": [1, "a"]})
names_of = pd.Index(["i", "j"])
globals()["a/b"], globals()["x" * 300] = [1], [2]
loop = [1]; loop.append(loop)
function, Class, mixture = lambda: 1, Meter, {"fine": 1, "not": [print, sys]}
thing, things = gone.Thing([1, 2]), {"held": [gone.Thing(np.arange(2)), gone.DEFAULT]}
derived = type("Derived", (gone.Thing,), {"__module__": "__main__"})(7)
api_token, config = SECRET, {"url": f"https://u:{SECRET}@host/", "n": 1}
zz_last = "behind all of these"
"""
OPEN = "\nsock, opened = socket.socket(), open(__file__)\n"
GONE = """
class Thing:
    def __init__(self, inside): self.inside = inside
class Kind(Thing):
    pass
DEFAULT = Kind("d")
"""


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    """The variables of SOURCE, made here."""
    values: dict[str, Any] = {"__name__": "__main__", "__file__": __file__}
    source = SOURCE.replace("import gone", "gone = Gone()  #").replace(
        "derived = type(", "derived = (lambda *_: lambda one: one)("
    )
    values["Gone"] = type("Gone", (), {"Thing": lambda self, one: one, "DEFAULT": 0})
    exec(f"SECRET = {SECRET!r}\n{source}", values)
    return values


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("writer")
    (folder / "gone.py").write_text(GONE)
    saved_by(f"SECRET = {SECRET!r}\n{SOURCE}{OPEN}\ndel SECRET", folder / "store", folder, HUB=SECRET)
    return folder / "store"


@pytest.fixture(scope="module")
def found(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Found:
    folder = tmp_path_factory.mktemp("reader")
    said = export(store, folder, "--to", "out", HUB=SECRET).stdout
    found = Found(folder / "out")
    assert f"{len(found.rows)} variables of snapshot no. 1 (session writer) written to {found.folder}" in said
    assert all(f"left out: {name}: {why}" in said for name, why in list(found.left_out.items())[:20])
    return found


# -- what is written ----------------------------------------------------------------------------------


def test_every_variable_is_in_a_file_or_left_out_with_a_reason(found: Found, values: dict[str, Any]) -> None:
    user = {name for name in values if not name.startswith("__") and not isinstance(values[name], type(os))}
    there = {name.partition(".")[0] for name in found.rows.keys() | found.left_out.keys()}
    assert there == user - {"SECRET", "Gone", "gone"} | {"sock", "opened"}
    listed = {one for row in found.rows.values() for one in row["files"]}
    assert {one.name for one in found.folder.iterdir()} == listed | {"export.json"}
    assert found.index["snapshot"].keys() == {"id", "number", "cell", "line", "taken"}


def test_numbers_and_texts(found: Found, values: dict[str, Any]) -> None:
    for name in ("number", "real", "big", "flag", "nothing", "text", "π"):
        assert found.plain(name) == values[name]
        assert found.rows[name]["files"] == ["variables.json"]
    assert (found.plain("nan"), found.plain("infinite")) == ({"$float": "nan"}, {"$float": "-inf"})
    assert found.plain("complex_") == {"$complex": [1.0, -2.0]}
    assert found.plain("long_text") == values["long_text"]
    assert found.file("raw").read_bytes() == values["raw"]


def test_lists_dicts_and_objects_of_the_notebook(found: Found, values: dict[str, Any]) -> None:
    history = {
        "loss": [0.5, {"$float": "nan"}],
        "epoch": [1, 2],
        "3": {"deep": [None, {"$bytes": "AA=="}, "Color.RED"]},
    }
    assert found.plain("history") == history
    assert found.plain("pairs") == {"$items": [[[1, 2], "a"], ["$file", "b"], [1, "c"], ["1", "d"]]}
    assert found.plain("kinds") == [
        "2026-01-02T00:00:00", "1.10", "a/b", [1, 2], float(np.float32(0.1)), 7, {"x": 1, "y": 2},
        "range(0, 2)", 90.0, "2026-01-02", None,
    ]  # fmt: skip
    assert found.plain("run") == {"lr": 0.1, "losses": [1.0]}
    meter = {"$object": "Meter", "attributes": {"total": 1.5, "count": {"$tensor": "count"}}}
    assert found.plain("meter") == meter
    assert found.plain("space") == {"$object": "types.SimpleNamespace", "attributes": {"a": 1}}
    assert found.plain("rng")["state"][1] == list(values["rng"].getstate()[1])
    reasons = [{"$left_out": found.left_out[f"mixture.not.{number}"]} for number in (0, 1)]
    assert found.plain("mixture") == {"fine": 1, "not": reasons}
    assert found.rows["history"] == {**found.rows["again"], "same_as": "again"}


@pytest.mark.parametrize(
    "name", ["f8", "big_endian", "fortran", "zero_d", "bools", "complexes", "days", "records", "strings", "empty", "view", "CON", "A", "a"]
)  # fmt: skip
def test_arrays(found: Found, values: dict[str, Any], name: str) -> None:
    expected = values[name]
    array = np.load(found.file(name), allow_pickle=False)
    assert (array.dtype, array.shape, array.tobytes()) == (expected.dtype, expected.shape, expected.tobytes())
    assert found.rows[name]["shape"] == list(expected.shape)


def test_arrays_inside_of_others_and_of_objects(found: Found) -> None:
    parts = {"a/b": {"$tensor": "a/b"}, "..": [{"$tensor": "...0"}], "odd": {"$file": "nested.odd.npy"}}
    assert found.plain("nested") == parts
    assert np.load(found.folder / "nested.odd.npy").tolist() == [1j]
    assert found.plain("objects") == [1, "a", None]
    masked = load_file(found.file("masked"))
    assert (masked["data"].tolist(), masked["mask"].tolist()) == ([1, 2], [False, True])


def test_tables(found: Found, values: dict[str, Any]) -> None:
    pd.testing.assert_frame_equal(pd.read_parquet(found.file("frame")), values["frame"])
    pd.testing.assert_series_equal(pd.read_parquet(found.file("series"))["s"], values["series"])
    assert pd.read_parquet(found.file("names_of"))[
        0 if 0 in pd.read_parquet(found.file("names_of")) else "0"
    ].tolist() == ["i", "j"]
    assert pd.read_csv(found.file("mixed"), index_col=0)["m"].tolist() == ["1", "a"]
    assert any(
        one.startswith("mixed: written as CSV") and "Parquet can't hold it" in one for one in found.index["remarks"]
    )


def test_what_shares_memory_is_said(found: Found) -> None:
    assert found.index["share_memory"] == [["f8", "view"]]


def test_what_has_no_plain_form_is_named_with_the_reason(found: Found) -> None:
    left_out = found.left_out
    assert left_out["loop.1"] == "it contains itself"
    assert "socket" in left_out["sock"]
    assert left_out["function"].startswith("a function")
    assert left_out["Class"].startswith("a class")
    assert left_out["opened"] == "it stood for a file that was open, which is outside of the snapshot"
    assert left_out["mixture.not.0"].startswith("a function")


def test_what_needs_a_module_that_is_missing_costs_nothing_else(found: Found) -> None:
    thing = {"$object": "gone.Thing", "attributes": {"inside": [1, 2]}}
    assert found.plain("thing") == thing
    held = found.plain("things")["held"]
    assert held[1] == {"$object": "gone.Kind", "attributes": {"inside": "d"}}
    assert found.plain("derived") == {"$object": "Derived", "attributes": {"inside": 7}}
    assert any(
        one.startswith("thing: only the contents") and "No module named 'gone'" in one for one in found.index["remarks"]
    )
    assert found.plain("zz_last") == "behind all of these"


def test_no_secret_is_written_not_even_this_machines_own(found: Found) -> None:
    assert "secret" in found.left_out["api_token"]
    assert "secret" in found.left_out["config.url"]
    assert SECRET.encode() not in found.all_bytes()


# -- names ------------------------------------------------------------------------------------------


def test_file_names_are_safe_on_any_system(found: Found) -> None:
    files = [one.name for one in found.folder.iterdir()]
    assert len({one.casefold() for one in files}) == len(files)
    assert found.file("CON").name == "_CON.npy"
    assert found.rows["a/b"]["files"] == ["a_b.json"]
    assert {found.file("A").name, found.file("a").name} == {"A.npy", "a-2.npy"}
    assert all(len(one.encode()) < 200 for one in files)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("π", "π"), ("", "_"), ("..", "_"), (".hidden", "_hidden"), ("nul.x", "_nul.x"), ("COM1", "_COM1"), ("a:b\\c\n", "a_b_c_"), ("console", "console")],
)  # fmt: skip
def test_names(name: str, expected: str) -> None:
    assert safe(name) == expected


def test_no_two_names_have_one_stem_and_none_is_ours() -> None:
    stems = Stems()
    assert [stems.of(name) for name in ("x", "X", "x", "export", "Variables")] == [
        "x",
        "X-2",
        "x-3",
        "export-2",
        "Variables-2",
    ]


# -- which snapshot, and where to -----------------------------------------------------------------------


def test_a_guarded_cells_snapshot_with_a_large_text_and_a_missing_module(tmp_path: Path) -> None:
    """All its variables are in one group, behind one another, and its pickles are cut."""
    (tmp_path / "gone.py").write_text(GONE)
    source = (
        "import gone\na, text, z = gone.Thing(1), 'large ' * 50_000, {'n': [1]}\nfor i in range(3): z['n'].append(i)"
    )
    guarded_by(source, tmp_path / "store", tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    export(tmp_path / "store", elsewhere, "train")
    (made,) = elsewhere.iterdir()
    found = Found(made)
    number = found.index["snapshot"]["number"]
    assert made.name == f"export-train-{number}"
    assert found.plain("text") == "large " * 50_000
    assert found.plain("z") == {"n": [1, 0, 1, 2]}
    assert found.plain("a")["attributes"] == {"inside": 1}
    export(tmp_path / "store", elsewhere, "--zip", str(number), "z", "i", "--to", "part")
    with zipfile.ZipFile(elsewhere / "part.zip") as archive:
        assert sorted(archive.namelist()) == ["part/export.json", "part/variables.json", "part/z.json"]
        assert json.loads(archive.read("part/z.json")) == {"n": [1, 0, 1, 2]}
    assert sorted(one.name for one in elsewhere.iterdir()) == [made.name, "part.zip"]


WRITING = """
import os
for step in range(3):
    for folder in ("runs/out", "other/out"):
        os.makedirs(f"{folder}/checkpoint-{step}", exist_ok=True)
        with open(f"{folder}/checkpoint-{step}/weights.bin", "wb") as file:
            file.write(folder.encode() + bytes(range(step, 256)) * 1000)
os.symlink("checkpoint-2", "runs/out/last")
with open("log.txt", "w") as file:
    print("end", file=file)
"""


def test_what_files_had_saved_are_files_again_whole_and_by_their_names(tmp_path: Path) -> None:
    store = tmp_path / "store"
    guarded_by(WRITING, store, tmp_path, "--files runs/out --files other/out --files log.txt --files never")
    done = export(store, tmp_path, "--to", "all")
    assert "files/out and files/out-2 and files/log.txt" in done.stdout
    found = Found(tmp_path / "all")
    assert found.plain("step") == 2
    placed = {one["at"]: Path(one["path"]) for one in found.index["files"]}
    assert list(placed) == ["files/out", "files/out-2", "files/log.txt"]
    assert found.left_out["files/out/last"] == "it was a link to checkpoint-2"
    for at, path in placed.items():
        assert tree(tmp_path / "all" / at) == tree(path)
    done = export(store, tmp_path, "train", "other/out", "--to", "one", "--zip")
    assert done.stdout.startswith("files/out of snapshot no. ")
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        written = {name.removeprefix("one/"): archive.read(name) for name in archive.namelist()}
    assert set(written) == {"export.json", *(f"files/out/checkpoint-{step}/weights.bin" for step in range(3))}
    assert written["files/out/checkpoint-2/weights.bin"] == tree(tmp_path / "other/out")["checkpoint-2/weights.bin"]
    done = export(store, tmp_path, "train", "step", "log.txt", "--to", "both")
    assert {path.name for path in (tmp_path / "both").iterdir()} == {"export.json", "variables.json", "files"}
    assert "There is no variable checkpoint-1" in export(store, tmp_path, "train", "checkpoint-1", code=2).stderr


def tree(path: Path) -> dict[str, bytes]:
    """All files of a folder that are no links, or the one, by their paths below it."""
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return {str(one.relative_to(path)): one.read_bytes() for one in files if "last" not in one.parts}


def test_nothing_is_overwritten(store: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    (tmp_path / "taken.zip").write_text("mine")
    assert "is no empty folder" in export(store, tmp_path, "number", "--to", "out", code=2).stderr
    assert "is there already" in export(store, tmp_path, "number", "--zip", "--to", "taken", code=2).stderr
    assert (tmp_path / "taken.zip").read_text() == "mine"
    for expected in ("export-session_writer-1", "export-session_writer-1-2"):
        export(store, tmp_path, "number")
        assert Found(tmp_path / expected).plain("number") == 3
    (tmp_path / "empty").mkdir()
    export(store, tmp_path, "number", "--to", "empty")
    assert Found(tmp_path / "empty").plain("number") == 3
    assert "no variable nmber" in export(store, tmp_path, "nmber", code=2).stderr
    assert "no snapshot 7" in export(store, tmp_path, "7", code=2).stderr
    assert "no variable that can be exported" in export(store, tmp_path, "function", "--to", "none", code=2).stderr
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize(
    "kind", ["np.ones(1_000_000)", "pd.DataFrame(np.random.default_rng(0).random((200_000, 2)))", "'x' * 2_000_000"]
)
def test_a_full_disk_leaves_nothing_and_is_said_in_a_sentence(tmp_path: Path, small_disk: Path, kind: str) -> None:
    saved_by(f"import numpy as np, pandas as pd\na, value = [1], {kind}", tmp_path / "store", tmp_path)
    told = export(tmp_path / "store", tmp_path, "--to", str(small_disk / "out"), code=1).stderr
    assert told.startswith(
        f"colab-guard: {small_disk / 'out'} could not be written: No space left on device. Nothing is left of it."
    )
    assert told.count("\n") == 1
    assert list(small_disk.iterdir()) == []


# -- whose code may run ---------------------------------------------------------------------------------

EVIL = """
class Evil:
    def __reduce__(self): return eval, (f"open({str(RAN)!r}, 'w').close()",)
evil, fine = Evil(), 1
"""


def test_what_somebody_else_wrote_is_refused_before_its_code_runs(tmp_path: Path) -> None:
    ran, store = tmp_path / "ran", tmp_path / "store"
    saved_by(f"RAN = {str(ran)!r}\n{EVIL}", store, tmp_path)
    theirs = {"COLAB_GUARD_KEY": "ab" * 32}
    for words in ([], ["1"]):
        told = export(store, tmp_path, *words, "--to", "out", code=1, **theirs).stderr
        assert "signed with the key" in told
        assert "--trust" in told
    (manifest,) = (store / "snapshots").iterdir()
    content = json.loads(manifest.read_text())
    unsigned = {name: value for name, value in content.items() if name not in ("key", "signature", "digest", "format")}
    manifest.write_bytes(seal(unsigned))
    for words in ([], ["1"], ["fine"]):
        assert "is not signed" in export(store, tmp_path, *words, "--to", "out", code=1).stderr
    assert not ran.exists()
    assert not (tmp_path / "out").exists()
    export(store, tmp_path, "fine", "--trust", "--to", "out")
    assert Found(tmp_path / "out").plain("fine") == 1
    content["body"]["line"] = 5  # altered
    manifest.write_bytes(seal({name: value for name, value in content.items() if name not in ("digest", "format")}))
    assert "altered" in export(store, tmp_path, "--trust", "--to", "other", code=1).stderr


# -- from Python ----------------------------------------------------------------------------------------


def test_it_can_be_called_from_a_script(store: Path, tmp_path: Path) -> None:
    script = f"import colab_guard as cg; print(cg.export('number', store={str(store)!r}, to='out', zip=True))"
    done = run(tmp_path, ["-c", script])
    assert "1 variable of snapshot no. 1" in done.stdout, done.stderr
    assert (tmp_path / "out.zip").is_file()
    nothing = run(tmp_path, ["-c", "import colab_guard as cg; cg.export(store='elsewhere')"])
    assert "elsewhere holds no snapshots" in nothing.stderr
    assert not (tmp_path / "elsewhere").exists()

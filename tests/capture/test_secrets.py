"""No byte of a snapshot has a secret; the next session's own take their place, or a stand-in that says so."""

import collections
import functools
import json
import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from colab_guard.capture.opcodes import TEXTS, texts_at
from colab_guard.capture.pickler import Pickler
from colab_guard.capture.sources import find_source, keep_source
from colab_guard.capture.take import Level, Taken, take
from colab_guard.core.errors import LostValue
from colab_guard.core.secrets import mask
from colab_guard.resume.loading import Load
from tests.support.dying import Held, session_with
from tests.support.tokens import ALNUM, NAMED, SHAPES, drawn, hugging_face, private_key

HF, NEW = hugging_face(), hugging_face(99)
CLASSES = """
from dataclasses import dataclass
import pathlib
@dataclass
class Config:
    name: str
    api_key: str
class CFG:
    hf = {0!r}
    lr = 0.1
def login(where, token={0!r}): return token
def constant(): return {0!r}
"""


def taken(namespace: dict[str, Any], **options: Any) -> Taken:
    return take(namespace, set(namespace), {}, frozenset(), **options)


def content(snapshot: Taken) -> bytes:
    return b"".join(map(bytes, (snapshot.skeleton, snapshot.table, *snapshot.memory)))


def loaded(snapshot: Taken, session: dict[str, Any] | None = None) -> dict[str, Any]:
    """The variables in a session that holds others."""
    held = Held(snapshot)
    load = Load(held, {"__name__": "__main__"} if session is None else session, frozenset())
    return {name: value for name, value in load.variables(held.names).items() if not name.startswith("<")}


@pytest.mark.parametrize("token", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("kind", [str, str.encode])
def test_every_shape_is_left_out_wherever_it_is(token: str, kind: Any) -> None:
    value = kind(token)
    namespace = {"a": value, "b": {"x": [value, 1]}, "c": ("y" * 300, value), "n": 5}
    snapshot = taken(namespace)
    assert token[4:].encode() not in content(snapshot)
    assert loaded(snapshot, namespace) == namespace
    out = loaded(snapshot)
    assert out["n"] == 5
    for lost in (out["a"], out["b"]["x"][0], out["c"][1]):
        with pytest.raises(LostValue, match=r"The secret in a \(a"):
            lost.strip()


def session(token: str, secret: str = "") -> dict[str, Any]:
    """A notebook's variables that hold a token, and what only its name tells."""
    namespace = session_with(CLASSES.format(token))
    namespace["cfg"] = {"lr": 0.1, "hf": token, 3: {"api_key": secret}}
    namespace["config"] = namespace["Config"]("name", secret)
    namespace["keys"] = ["first", token, "last"]
    namespace["partial"] = functools.partial(namespace["login"], "here", token=token)
    namespace["environ"] = {b"HF_PASSWORD": secret.encode()}
    return namespace


def test_the_new_sessions_values_are_used_wherever_the_old_ones_were() -> None:
    snapshot = taken(session(HF, NAMED))
    assert HF.encode() not in content(snapshot)
    assert NAMED.encode() not in content(snapshot)
    new = drawn(ALNUM, 33, 5)
    out = loaded(snapshot, session(NEW, new))
    assert out["cfg"] == {"lr": 0.1, "hf": NEW, 3: {"api_key": new}}
    assert (out["config"].name, out["config"].api_key) == ("name", new)
    assert out["keys"] == ["first", NEW, "last"]
    assert out["CFG"].hf == out["login"]("here") == out["constant"]() == out["partial"]() == NEW
    assert out["environ"] == {b"HF_PASSWORD": new.encode()}


def test_where_there_is_none_its_use_says_so_and_the_rest_is_there() -> None:
    out = loaded(taken(session(HF, NAMED)))
    assert out["cfg"]["lr"] == 0.1
    assert out["keys"][::2] == ["first", "last"]
    for use in (str, len, lambda value: f"{value}", lambda value: value + "x", lambda value: value == HF):
        with pytest.raises(LostValue, match=r"The secret in cfg\['hf'\] \(a Hugging Face token\) was not stored"):
            use(out["cfg"]["hf"])
    with pytest.raises(LostValue, match=r"cfg\[3\]\['api_key'\] \(a secret\)"):
        out["config"].api_key.strip()
    with pytest.raises(LostValue):
        out["constant"]().strip()
    assert HF not in repr(out)


def test_it_is_said_where_a_secret_was_and_never_what_it_was() -> None:
    snapshot = taken(session(HF, NAMED))
    assert "not stored in snapshots: the secret in cfg[3]['api_key']." in snapshot.remarks
    assert any("Hugging Face" in remark for remark in snapshot.remarks)
    assert HF not in str(snapshot)
    assert NAMED not in str(snapshot)


def test_a_stand_in_is_saved_as_one_and_finds_its_value_in_a_later_life() -> None:
    second = loaded(taken({"cfg": {"token": HF}}))
    third = loaded(taken(second), {"cfg": {"token": NEW}})
    assert third["cfg"] == {"token": NEW}


def test_the_environment_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", NAMED)
    snapshot = taken({"headers": ["a", NAMED]})
    assert NAMED.encode() not in content(snapshot)
    monkeypatch.setenv("SOME_API_KEY", "rotated")
    assert loaded(snapshot)["headers"] == ["a", "rotated"]


def test_variables_of_functions_under_way_and_texts_around_a_secret_count_too() -> None:
    level = Level({"password": NAMED, "n": 1}, {}, {}, [((f"Bearer {NAMED}",), {})])
    snapshot = taken({"said": [NAMED]}, levels=[level], source=f'login(secret="{drawn(ALNUM, 30, 7)}")')
    assert NAMED.encode() not in content(snapshot)
    assert snapshot.secrets == {NAMED, drawn(ALNUM, 30, 7)}
    assert loaded(snapshot)["1:n"] == 1


def test_in_a_long_text_only_the_secret_is_masked() -> None:
    text = "begin " + "word " * 100 + HF + " end"
    out = loaded(taken({"log": [text], "raw": text.encode()}))
    assert out["log"][0] == text.replace(HF, "[secret]" + "*" * 29)
    assert out["raw"] == out["log"][0].encode()
    assert loaded(taken({"log": [text]}), {"log": [text.replace(HF, NEW)]})["log"] == [text.replace(HF, NEW)]
    assert loaded(taken({"log": [text]}), {"log": ["another"]})["log"] == out["log"]


def test_what_is_made_from_a_text_is_made_from_a_masked_one() -> None:
    namespace = session_with(CLASSES.format(HF))
    namespace["path"] = namespace["pathlib"].PurePosixPath("/content") / HF
    out = loaded(taken({"path": namespace["path"], "token": HF}))
    assert str(out["path"]) == "/content/[secret]" + "*" * 29


@pytest.mark.parametrize("before", [0, 300])
def test_keys_of_dicts_that_came_before_are_known_again(before: int) -> None:
    """The pickle names each text once: from the second time on it holds a number, of one or of four bytes."""
    values = [drawn(ALNUM, 24, seed) for seed in range(700)]
    records = [{"id": f"{index} {value[::-1]}", "client_secret": value} for index, value in enumerate(values)]
    written = content(taken({"a": [f"{index} before" for index in range(before)], "records": records}))
    assert [value for value in values if value.encode() in written] == []
    assert all(value[::-1].encode() in written for value in values)


@dataclass
class Tokenizer:
    """What must stay: regular texts under telling names, and random ones under names that do not tell."""

    pad_token: str = "[PAD]"
    eos_token: str = "<|endoftext|>"
    token: str = "a_very_long_ordinary_identifier"
    RNG_KEY: tuple[int, int] = (0, 42)
    sha256: str = field(default_factory=lambda: drawn("0123456789abcdef", 64))
    source: str = "https://huggingface.co/datasets/squad/resolve/main/train-v2.0.json"
    password_file: str = "/content/drive/MyDrive/secrets/password_2024.txt"
    greeting: str = "The secret of getting ahead is getting started. 100% Mark Twain"


def test_what_is_no_secret_is_kept() -> None:
    rng = random.Random(1)
    vocabulary = {drawn(ALNUM + "Ġ_-", rng.randrange(2, 26), seed): seed for seed in range(50_000)}
    hashes = [drawn("0123456789abcdef", 40, seed) for seed in range(100)]
    namespace = {
        "tokenizer": Tokenizer(), "vocab": vocabulary, "hashes": hashes, "PAD_TOKEN": "[PAD]", "RNG_KEY": "k" * 40,
        "rows": collections.deque((float(n), n, (n,)) for n in range(1000)),
    }  # fmt: skip
    snapshot = taken(namespace)
    assert snapshot.remarks == ()
    assert loaded(snapshot) == namespace


@pytest.mark.parametrize("size", [10, 1000, 65_000, 900_000])
def test_secrets_are_found_and_taken_out_at_any_place(size: int) -> None:
    """Across the frames of the pickle, the blocks that are searched, and in texts that have a frame of their own."""
    rng = random.Random(size)
    filler = [rng.random() if rng.random() < 0.9 else "w" * rng.randrange(100) for _ in range(size // 10)]
    for index in range(0, len(filler) + 1, max(len(filler) // 7, 1)):
        filler.insert(index, [HF, "x" * (size // 3), {"password": NAMED}, private_key()])
    big = "y " * (size // 2)
    namespace = {"a": filler, "b": big + HF + big, "c": filler[3:]}
    snapshot = taken(namespace)
    written = content(snapshot)
    assert HF.encode() not in written
    assert NAMED.encode() not in written
    assert private_key(lines=1).splitlines()[1].encode() not in written
    assert loaded(snapshot, namespace) == namespace


def test_a_generator_with_a_secret_in_its_code_is_a_stand_in() -> None:
    namespace = session_with(
        f'def count():\n    secret = "{NAMED}"\n    yield 1\n    yield secret\ng = count()\nn = next(g)'
    )
    snapshot = taken(namespace)
    assert NAMED.encode() not in content(snapshot)
    assert snapshot.notes == ("g (generator)",)
    assert loaded(snapshot)["n"] == 1


def test_masked_code_has_no_source_to_be_run() -> None:
    text = mask(f'def f():\n    return "{HF}"\n')
    namespace: dict[str, Any] = {}
    for name, source in (("<masked>", text), ("<whole>", text.replace("[secret]", ""))):
        keep_source(name, source)
        exec(compile(source, name, "exec"), namespace)
        assert (find_source(namespace["f"].__code__) is None) == (name == "<masked>")


def test_an_offset_that_is_no_text_leads_to_none() -> None:
    pickler = Pickler({}, frozenset())
    pickler.add("a", [1.5, "text", b"bytes", bytearray(b"more"), 10**30, "z" * 100_000])
    pickles = pickler.skeleton()
    found = texts_at(pickles, range(len(pickles)))
    assert [one.value for one in found] == ["text", b"bytes", bytearray(b"more"), "z" * 100_000]
    assert set(TEXTS.values()) == {str, bytes, bytearray}


def test_the_places_are_plain_json() -> None:
    snapshot = taken({"cfg": {"token": HF, ("a", 1): HF}})
    start = bytes(snapshot.skeleton).index(b'{"what"')
    about, _ = json.JSONDecoder().raw_decode(bytes(snapshot.skeleton)[start:].decode("latin-1"))
    assert about["places"] == [["cfg", [["item", "token"]]]]


@pytest.mark.parametrize("kind", [bytes, bytearray])
@pytest.mark.parametrize("secret", [HF, NAMED], ids=["a shape", "a name"])
def test_a_rescue_which_copies_no_large_byte_string_leaves_them_out_of_those_too(kind: Any, secret: str) -> None:
    clean, around = kind(b"x" * 100_000), b"word " * 20_000
    namespace = {"a": {"api_key": secret}, "clean": clean, "keys": {"api_key": secret}, "later": [kind(around)]}
    snapshot = taken(namespace, spare=True)
    assert secret.encode() not in content(snapshot)
    assert loaded(snapshot, namespace) == namespace
    assert sum(len(bytes(piece)) for piece in snapshot.memory) >= 200_000, "beside the pickles"
    namespace["dirty"] = kind(around + secret.encode() + b" " + around)
    snapshot = taken(namespace, spare=True)
    assert secret.encode() not in content(snapshot)
    out = loaded(snapshot, namespace)
    assert out["clean"] == clean
    assert out["dirty"] == loaded(taken(namespace), namespace)["dirty"], "as with any other snapshot"

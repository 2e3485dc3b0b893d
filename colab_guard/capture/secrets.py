"""Secrets stay out of snapshots: in their place stands where this session had them, and the next uses its own.

They are taken out of the finished pickle: it is searched in one pass (``suspects``), and each text that holds a secret
is exchanged (``opcodes``) for a call of ``rebuild.secret`` with the places at which the same text was found: variables,
parts of them, the environment. At a restore the first that leads to a text in the new session counts; where none does,
a stand-in says what is missing.
"""

from __future__ import annotations

import json
import os
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from colab_guard.capture import progress, rebuild
from colab_guard.capture.opcodes import Text, call, exchanged, text, texts_at
from colab_guard.capture.select import is_user_name
from colab_guard.capture.standin import StandIn, told
from colab_guard.capture.suspects import MARGIN_BYTES, occurrences, suspects
from colab_guard.core.secrets import NAMED, find, is_secret, mask, values_in

if TYPE_CHECKING:
    from colab_guard.capture.pickler import Pickler

ENVIRONMENT = "<environment>"
NOT_STORED = "not stored in snapshots: "
MOST_PARTS = 20_000  # of a variable, among which a secret's path is looked for: some 20 ms
MOST_PLACES = 5
TEXT_CHARS = 200  # a longer text that is mostly something else is kept, with the secret in it masked

Step = tuple[str, Any]


@dataclass(frozen=True)
class LeftOut:
    """What was found in the pickles: the ``values`` of the secrets, ``remarks`` for the user, and what stands in the
    place of each text that holds one.
    """

    values: frozenset[str] = field(default=frozenset(), repr=False)
    remarks: tuple[str, ...] = ()
    texts: tuple[Text, ...] = field(default=(), repr=False)
    others: tuple[bytes, ...] = ()

    def without(self, pickles: bytes) -> bytes:
        """The pickles, which may have grown at their end since, without the secrets."""
        return bytes(exchanged(memoryview(pickles), self.texts, self.others)) if self.texts else pickles

    def moved(self, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Where (begin, end) stretches of the pickles lie without the secrets, but for those that one was in."""
        moved, shift = list[tuple[int, int]](), 0
        changes = list(zip(self.texts, self.others, strict=True))
        for begin, end in spans:
            while changes and changes[0][0].end <= begin:
                text, other = changes.pop(0)
                shift += len(other) - (text.end - text.start)
            if not changes or changes[0][0].start >= end:
                moved.append((begin + shift, end + shift))
        return moved


def leave_out(
    pickler: Pickler, local: Iterable[Mapping[str, Any]] = (), sources: Iterable[str] = (), begin: int = 0
) -> LeftOut:
    """Finds the secrets in what was pickled so far (from the byte ``begin`` on, for pickles with a memo of their own),
    with those that variables, the environment, the ``local`` variables of functions and the ``sources`` of cells hold.
    """
    known = {value for names in (pickler.namespace, os.environ, *local) for value in _named(names)}
    known = known.union(*map(values_in, sources))
    pickles = memoryview(pickler.skeleton())[begin:]
    try:
        kinds = dict.fromkeys(known, NAMED)
        _search(pickler, pickles, kinds)
        if not kinds:
            return LeftOut()
        values = sorted(kinds, key=len, reverse=True)
        offsets = [at for value in values for at in occurrences(pickles, value.encode("latin-1")[:MARGIN_BYTES])]
        texts = texts_at(pickles, offsets)
        places = _Places(pickler, texts, begin)
        others, remarks = [], dict[str, None]()
        for one in texts:
            whole = one.raw.decode("latin-1")
            inside = [value for value in values if value in whole]
            kind = next((span.kind for span in find(whole)), kinds[inside[0]] if inside else NAMED)
            others.append(_other(one, whole, inside, kind, places))
            what = f" ({kind})" if kind != NAMED else ""
            remarks[f"{NOT_STORED}the secret in {places.name(one)}{what}."] = None
    finally:
        pickles.release()
    return LeftOut(frozenset(values), tuple(remarks), tuple(texts), tuple(others))


def in_holes(pickler: Pickler, secrets: LeftOut) -> bool:
    """Whether one of the byte strings that are not in the pickles may hold a secret."""
    known = [value.encode("latin-1")[:MARGIN_BYTES] for value in secrets.values]
    for hole in pickler.pickles.holes:
        with memoryview(hole.data) as data:
            if any(not telling for _, telling in suspects(data, lambda number: None)):
                return True
            if any(next(occurrences(data, value), None) is not None for value in known):
                return True
    return False


def _named(variables: Mapping[str, Any]) -> Iterator[str]:
    for name, value in list(variables.items()):
        if type(value) is bytes and len(value) < MARGIN_BYTES:
            value = value.decode("latin-1")
        if type(value) is str and is_secret(name, value):
            yield value


def _search(pickler: Pickler, pickles: memoryview, kinds: dict[str, str]) -> None:
    """Adds the secrets in the pickles, with what each is."""
    memo: dict[int, Any] = {}

    def name(number: int) -> Any:
        if not memo:
            memo.update(pickler.memo.copy().values())
        return memo.get(number)

    found: dict[int, str] = {}
    for offset, telling in suspects(pickles, name):
        found[offset] = found.get(offset) or telling
    for one in texts_at(pickles, found) if found else ():
        whole = one.raw.decode("latin-1")
        for span in find(whole):
            kinds.setdefault(whole[span.start : span.end], span.kind)
        for telling in {found[at] for at in found if one.start <= at < one.end} - {""}:
            if is_secret(telling, whole):
                kinds.setdefault(whole, NAMED)


def _other(one: Text, whole: str, inside: Sequence[str], kind: str, places: _Places) -> bytes:
    """The opcodes that push something else in the place of a text."""
    secret = sum(map(len, inside))
    is_text = len(whole) > TEXT_CHARS and 2 * secret < len(whole)
    said = {"what": places.name(one), "kind": kind, "places": places.of(one), "type": one.kind.__name__,
            "text": is_text}  # fmt: skip
    masked = mask(whole, inside)
    return call((rebuild.__name__, rebuild.secret.__name__), text(json.dumps(said)), text(masked))


class _Places:
    """Where the session holds the texts: (name, path) each, the path as JSON has it."""

    def __init__(self, pickler: Pickler, texts: Sequence[Text], begin: int) -> None:
        self._labels = {one.start: pickler.label_at(begin + one.start) for one in texts}
        self._found: dict[tuple[type, Any], list[list[Any]]] = {}
        wanted = {(one.kind, bytes(one.raw)) for one in texts}
        for key in wanted:
            self._found[key] = []
        for name, value in list(pickler.namespace.items()):
            if is_user_name(name) and (key := _key(value)) in self._found:
                self._found[key].append([name, []])
        for name, value in os.environ.items():
            if (key := _key(value)) in self._found:
                self._found[key].append([ENVIRONMENT, [["item", name]]])
        for label in dict.fromkeys(self._labels.values()):
            mine = {_key_of(one) for one in texts if self._labels[one.start] == label}
            origin = pickler.origin(label)
            if origin is not None and _key(origin) not in mine:
                for key, path in _paths(origin, mine):
                    self._found[key].append([label, [list(step) for step in path]])

    def of(self, one: Text) -> list[list[Any]]:
        """The places of a text, the likeliest first."""
        return self._found[_key_of(one)][:MOST_PLACES]

    def name(self, one: Text) -> str:
        """The place at which it was pickled, in words."""
        label = self._labels[one.start]
        path: list[Any] = next((path for name, path in self._found[_key_of(one)] if name == label), [])
        depth, _, name = label.rpartition(":")
        name = name if name.isidentifier() or " " in label else "a loop under way"
        steps = "".join(f".{key}" if kind == "attribute" else f"[{key!r}]" for kind, key in path)
        return f"{name}{steps}{' of a function' if depth else ''}"


def _key(value: object) -> tuple[type, Any]:
    if type(value) is str:
        return str, value.encode("utf-8", "surrogatepass")
    return type(value), bytes(value) if isinstance(value, bytes | bytearray) else None


def _key_of(one: Text) -> tuple[type, Any]:
    return one.kind, bytes(one.raw)


def _paths(origin: object, wanted: set[tuple[type, Any]]) -> Iterator[tuple[tuple[type, Any], tuple[Step, ...]]]:
    """The paths to the texts ``wanted`` among the parts of an object, breadth first, one each."""
    sizes = {len(raw) for _, raw in wanted}
    todo: list[tuple[tuple[Step, ...], Any]] = [((), origin)]
    seen = {id(origin)}
    for path, thing in todo:
        for step, part in _parts(thing):
            if isinstance(part, str | bytes | bytearray):
                # All are ASCII or nearly: of those of another length few can be the same.
                if (len(part) in sizes or not isinstance(part, str) or not part.isascii()) and (
                    key := _key(part)
                ) in wanted:
                    wanted = wanted - {key}
                    yield key, (*path, step)
            elif not isinstance(part, int | float | complex | types.ModuleType) and id(part) not in seen:
                seen.add(id(part))
                todo.append(((*path, step), part))
        if not wanted or len(todo) > MOST_PARTS:
            return


def _parts(thing: Any) -> Iterator[tuple[Step, Any]]:
    if isinstance(thing, dict):
        for key, value in list(thing.items()):
            if type(key) in (str, int):
                yield ("item", key), value
            elif type(key) is bytes:
                yield ("bytes", key.decode("latin-1")), value
    elif isinstance(thing, list | tuple):
        yield from ((("item", index), value) for index, value in enumerate(thing))
    if isinstance(thing, types.FunctionType):
        for name in ("__defaults__", "__kwdefaults__", "__closure__"):
            yield ("attribute", name), getattr(thing, name)
    elif isinstance(thing, types.CellType):
        try:
            yield ("attribute", "cell_contents"), thing.cell_contents
        except ValueError:
            return
    values = getattr(thing, "__dict__", None)
    if isinstance(values, dict | types.MappingProxyType):
        yield from ((("attribute", name), value) for name, value in list(values.items()) if isinstance(name, str))


def _follow(value: Any, path: Iterable[tuple[str, Any]]) -> Any:
    for kind, key in path:
        if kind in ("item", "bytes"):
            value = value[key if kind == "item" else key.encode("latin-1")]
        elif isinstance(value, types.FunctionType | types.CellType):
            value = getattr(value, key)
        else:
            value = vars(value)[key]
    return value


# -- the way back -----------------------------------------------------------------------------------------------


def session_value(said: str, masked: str) -> Any:
    """What stands in a restored variable for a secret: this session's text at the first place that has one; else, for
    a longer text, the masked one, and for a secret itself a stand-in.
    """
    about = json.loads(said)
    kind = {"str": str, "bytes": bytes, "bytearray": bytearray}[about["type"]]
    load = progress.current()
    for name, path in about["places"]:
        try:
            found = _follow(os.environ if name == ENVIRONMENT else load.origin(name), path)
        except (LookupError, AttributeError, TypeError, ValueError):
            continue
        if type(found) is kind and (not about["text"] or mask(_latin(found)) == masked):
            return found
    if about["text"] or load.masks:
        raw = masked.encode("latin-1")
        return raw.decode("utf-8", "surrogatepass") if kind is str else kind(raw)
    load.lost_secret()
    return LostSecret(said, masked)


def _latin(found: Any) -> str:
    raw = found.encode("utf-8", "surrogatepass") if isinstance(found, str) else bytes(found)
    return raw.decode("latin-1")


class LostSecret(StandIn):
    """Stands where a secret was that this session has none for; its use says so."""

    __slots__ = ("_masked", "_said")

    def __init__(self, said: str, masked: str) -> None:
        about = json.loads(said)
        super().__init__("a secret" if about["kind"] == NAMED else about["kind"], about["what"])
        object.__setattr__(self, "_said", said)
        object.__setattr__(self, "_masked", masked)

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild.secret, (object.__getattribute__(self, "_said"), object.__getattribute__(self, "_masked"))

    def _sentence(self) -> str:
        what, where = told(self)
        return (
            f"The secret in {where} ({what}) was not stored, and this session has none in its place. Set it in a cell "
            f"above, under the same name, and run the cells again; nothing is lost."
        )

    def __str__(self) -> str:
        self._lost()

    def __format__(self, _: str) -> str:
        self._lost()


RESTORED_BY = frozenset({"files", "names", "links", "arguments"})


def masked(body: Any, values: frozenset[str]) -> Any:
    """A manifest's body with the secrets masked in all its texts, those aside by which a restore goes."""
    match body:
        case str():
            return mask(body, values)
        case dict():
            return {key: part if key in RESTORED_BY else masked(part, values) for key, part in body.items()}
        case list() | tuple():
            return [masked(part, values) for part in body]
    return body

"""The text of functions, methods and whole programs from their trees."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.cell.loops import CELL_ROOM, FUNCTION_ROOM, RECURSIVE_ROOM
from tests.cell.programs import Block, Function, Program, Tree
from tests.cell.rendering import Call, Here, Lines, Scope, block, indented

IMPORTS = {
    "random": "import random",
    "wraps": "from functools import wraps",
    "partial": "from functools import partial",
    "contextmanager": "from contextlib import contextmanager",
    "suppress": "from contextlib import suppress",
}
CLASSES = {
    "opened": "def opened(n):\n    return Manager(n + 1)",
    "Manager": """class Manager:
    def __init__(self, n):
        self.n = n
    def __enter__(self):
        log.append(("enter", self.n))
        return self.n
    def __exit__(self, kind, error, trace):
        log.append(("exit", self.n, kind is None))
        return kind is Oops and self.n % 2 == 0""",
    "traced": """def traced(function):
    @wraps(function)
    def wrapper(*args, **kwargs):
        log.append("called")
        result = function(*args, **kwargs)
        log.append(("returned", result))
        return result
    return wrapper""",
    "Config": "class Config:\n    rate = 1\n    seen = []",
    "Oops": "class Oops(Exception):\n    pass",
}
DATA = {
    "log": "log = []",
    "x": "x = 1",
    "y": "y = 2",
    "items": "items = [3, 1, 2]",
    "same": "same = items",
    "table": 'table = {"a": 1, "b": 2, "c": 3}',
    "counts": "counts = {}",
    "bag": "bag = {1, 5}",
}
NUMBERS = ("x", "y")


@dataclass(frozen=True)
class Defined:
    """A definition's lines, what makes an object of it, how it is called, and where its defaults are seen."""

    name: str
    lines: Lines
    made: Lines
    call: Call
    state: str = ""


def render(tree: Tree) -> Program:
    """The program of *tree*: only what it uses is defined."""
    defined: list[Defined] = []
    for index, function in enumerate(tree.functions):
        defined.append(_define(f"f{index}", function, [one.call for one in defined]))
    scope = Scope("cell", NUMBERS, NUMBERS, [one.call for one in defined])
    body, _ = block(tree.cell, Here(scope), CELL_ROOM)
    defined = _used(defined, body)
    ends = [one.state for one in defined if one.state]
    text = "\n".join([*body, *(line for one in defined for line in (*one.lines, *one.made))])
    if "Config" in text:
        ends += ["Config.rate", "Config.seen", 'getattr(Config, "last", None)']
    body += [f"state = [{', '.join(ends)}]"] if ends else []
    classes: Lines = []
    for name, lines in CLASSES.items():
        if _names(text, name):
            classes[:0] = lines.split("\n")
            text = f"{text}\n{lines}"
    imports = [line for name, line in IMPORTS.items() if _names(text, name)]
    text = "\n".join(["log", text, *(["items"] if _names(text, "same") else [])])
    data = [line for name, line in DATA.items() if _names(text, name)]
    texts = [imports + classes, *(one.lines for one in defined)]
    there = [tree.above in (1, 3) or (tree.above == 2 and number % 2 == 0) for number in range(len(texts))]
    upper = [line for lines, up in zip(texts, there, strict=True) if up for line in lines]
    lower = [line for lines, up in zip(texts, there, strict=True) if not up for line in lines]
    made = data + [line for one in defined for line in one.made]
    if tree.above == 3:
        return Program("\n".join([*upper, *made]), "\n".join(body))
    return Program("\n".join(upper), "\n".join([*lower, *made, *body]))


def _names(text: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", text) is not None


def _used(defined: list[Defined], body: Lines) -> list[Defined]:
    """Those that the cell reaches."""
    text = "\n".join(body)
    kept: list[Defined] = []
    for one in reversed(defined):
        if re.search(rf"{one.name}\b", text):  # f3, and G_f3, h_f3 made of it
            kept.insert(0, one)
            text = "\n".join([text, *one.lines, *one.made])
    return kept


def _define(name: str, function: Function, callables: list[Call]) -> Defined:
    a, b, c = function.picks
    shared = ["global x"] if b % 3 == 2 else []
    writable = ("total", "part", "x") if shared else ("total", "part")
    kind = function.kind
    scope = Scope("function", writable, ("n", *writable, "y"), callables)
    match kind:
        case "recursive":
            scope.itself = name
            return _recursive(name, function, scope, shared)
        case "generator":
            return _generator(name, function, scope, shared)
        case "method":
            return _method(name, function, scope, shared)
        case "closure" | "maker":
            return _closure(name, function, scope, shared)
        case "manager":
            return _manager(name, function, scope, shared)
    scope.kind = "pair" if kind == "pair" else "function"
    body, cost = _body(function.body, scope, shared)
    arguments, kept = (("n", 0), ("n, m=2", 0), ("n, kept=[]", 1), ("n, *, m=3, kept=[]", 1))[a % 4]
    if kept:
        body = ["kept.append(n)", *body, "total += len(kept)"]
    elif "m=" in arguments:
        body.append("total += m")
    end = "return total, n" if kind == "pair" else "return total"
    cheap = [one for one in callables if one.gives == "number" and one.cost < FUNCTION_ROOM]
    if cheap and b % 2 and kind != "pair":
        end, cost = f"return {cheap[-1].text.format('total')}", cost + cheap[-1].cost
        scope.throws |= cheap[-1].throws
    lines = [f"def {name}({arguments}):", *indented([*body, end])]
    made, text = [], f"{name}({{0}})"
    if kind == "traced":
        lines.insert(0, "@traced")
    if c % 4 == 2:
        made, text = [f'h_{name} = {{"call": {name}}}'], f'h_{name}["call"]({{0}})'
    elif c % 4 == 3 and "m=" in arguments:
        made, text = [f"p_{name} = partial({name}, m=5)"], f"p_{name}({{0}})"
    gives = "pair" if kind == "pair" else "number"
    held = "__kwdefaults__" if "*" in arguments else "__defaults__"
    held = f"{name}.__wrapped__.{held}" if kind == "traced" else f"{name}.{held}"
    return Defined(name, lines, made, Call(text, gives, cost + 4, scope.throws), held if kept else "")


def _body(
    nodes: Block, scope: Scope, shared: Lines, room: int = FUNCTION_ROOM, jumps: bool = True
) -> tuple[Lines, int]:
    body, cost = block(nodes, Here(scope, caught=jumps, jumps=jumps), room)
    shared = _global(body, shared)
    first = ["total = n"] + (["part = 0"] if _names("\n".join(body), "part") else [])
    return [*shared, *first, *body], cost + 2


def _global(body: Lines, shared: Lines) -> Lines:
    """What a body that assigns to variables of the cell declares."""
    text = "\n".join(body)
    return [*shared, *(f"global {name}" for name in ("items", "bag") if re.search(rf"\b{name} \|?= ", text))]


def _recursive(name: str, function: Function, scope: Scope, shared: Lines) -> Defined:
    body, cost = _body(function.body, scope, shared, RECURSIVE_ROOM)
    if not scope.recursions:
        body += ["if depth > 0:", "    for k in range(2):", f"        total += {name}(n + k, depth - 1)"]
        scope.recursions = 2
    lines = [f"def {name}(n, depth=2):", *indented([*body, "return total"])]
    times = 1 + scope.recursions + scope.recursions**2
    return Defined(name, lines, [], Call(f"{name}({{0}})", "number", times * (cost + 2), scope.throws))


def _generator(name: str, function: Function, scope: Scope, shared: Lines) -> Defined:
    scope.kind = "generator"
    body, cost = _body(function.body, scope, shared)
    if not scope.yields or function.picks[0] % 2:
        body.append("yield total")
        scope.yields += 1
    inner = [one for one in scope.callables if one.gives == "generator" and not one.throws and one.yields < 6]
    if inner and function.picks[1] % 3:
        body.insert(body.index("total = n") + 1, f"yield from {inner[-1].text.format('total')}")
        scope.yields, cost = scope.yields + inner[-1].yields, cost + inner[-1].cost
    lines = [f"def {name}(n):", *indented(body)]
    text = f"{name}({{0}})"
    if function.picks[2] % 3 == 2:
        lines = [f"class G_{name}:", *indented(["def walk(self, n):", *indented(body)])]
        text = f"G_{name}().walk({{0}})"
    closes = any(line.lstrip().startswith(("with ", "finally")) for line in body)
    closes |= any(one.closes and one.text.split("{")[0] in "\n".join(body) for one in scope.callables)
    return Defined(name, lines, [], Call(text, "generator", cost + 2, scope.throws, scope.yields, closes))


def _method(name: str, function: Function, scope: Scope, shared: Lines) -> Defined:
    scope.writable, scope.readable = (*scope.writable, "self.n"), (*scope.readable, "self.n")
    body, cost = _body(function.body, scope, shared, FUNCTION_ROOM // 2)
    lines = [f"class G_{name}:", *indented(["def __init__(self, n):", "    self.n = n", "def run(self, n):"])]
    lines += indented(indented([*body, "return total"]))
    made = [f"o_{name} = G_{name}(2)"]
    if function.picks[2] % 3:
        inner = Scope("function", scope.writable, scope.readable, scope.callables)
        more, other = _body(function.inner, inner, shared, FUNCTION_ROOM // 2)
        lines += [f"class C_{name}(G_{name}):", *indented(["def run(self, n):"])]
        lines += indented(indented([*more, "total += super().run(n + 1)", "return total"]))
        lines += indented(["@classmethod", "def make(cls, n):", "    return cls(cls.first(n))"])
        lines += indented(["@staticmethod", "def first(n):", "    return n + 1"])
        made, cost = [f"o_{name} = C_{name}.make(2)"], cost + other + 4
        scope.throws |= inner.throws
    return Defined(name, lines, made, Call(f"o_{name}.run({{0}})", "number", cost + 2, scope.throws))


def _closure(name: str, function: Function, scope: Scope, shared: Lines) -> Defined:
    inner = Scope("function", ("total", "part"), ("n", "total", "part", "y"), scope.callables)
    step, each = block(function.inner, Here(inner, caught=True), FUNCTION_ROOM // 4)
    step = [
        *_global(step, []),
        "nonlocal total",
        *(["part = 0"] if _names("\n".join(step), "part") else []),
        *step,
        "total += n",
    ]
    scope.callables = [*scope.callables, Call("step({0})", "number", each + 3, inner.throws)]
    maker = function.kind == "maker"
    scope.kind = "manager" if maker else "function"  # the maker runs at the top level: nothing may leave it early
    body, cost = _body(function.body, scope, shared, jumps=not maker)
    begin = body.index("total = n") + 1
    body[begin:begin] = ["def step(n):", *indented([*step, "return total"])]
    lines = [f"def {name}(n):", *indented([*body, "return step" if maker else "return total"])]
    if not maker:
        return Defined(name, lines, [], Call(f"{name}({{0}})", "number", cost + 2, scope.throws))
    call = Call(f"s_{name}({{0}})", "number", each + 3, inner.throws)
    return Defined(name, lines, [f"s_{name} = {name}(2)"], call, "" if inner.throws else f"s_{name}(1)")


def _manager(name: str, function: Function, scope: Scope, shared: Lines) -> Defined:
    scope.kind = "manager"
    body, cost = _body(function.body, scope, shared, FUNCTION_ROOM // 2, jumps=False)
    last, more = block(function.inner, Here(scope, jumps=False), FUNCTION_ROOM // 2)
    if "part" in "\n".join(last) and "part = 0" not in body:
        body.insert(0, "part = 0")
    body = [*_global(last, []), *body, "try:", "    yield total", "finally:", *indented(last)]
    lines = ["@contextmanager", f"def {name}(n):", *indented(body)]
    return Defined(name, lines, [], Call(f"{name}({{0}})", "manager", cost + more + 3, False))

"""From a tree (`programs`) to the text of a program.

``room`` bounds how many statements may still run; each rendered block says how many do at most. Whatever a
tree asks for that can't stand where it is (a ``break`` without a loop, a call of nothing) becomes something
simpler in its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.cell.programs import Block, Node


@dataclass(frozen=True)
class Call:
    """How something is called (``{0}`` its argument), what it gives, how much runs in it, what it may throw."""

    text: str
    gives: str  # "number", "pair", "generator", "manager"
    cost: int
    throws: bool
    yields: int = 1
    closes: bool = False  # something is seen to happen where it is left before its end


@dataclass
class Scope:
    """The function being rendered: what it may name, and what has been found out about it so far."""

    kind: str
    writable: tuple[str, ...]
    readable: tuple[str, ...]
    callables: list[Call]
    itself: str = ""
    throws: bool = False
    yields: int = 0
    recursions: int = 0


@dataclass(frozen=True)
class Here:
    """Where a statement stands. ``times`` is how often it runs at most."""

    scope: Scope
    depth: int = 0
    names: tuple[str, ...] = ()
    loop: bool = False
    caught: bool = False
    jumps: bool = True
    shielded: bool = False  # by a ``with`` or ``try`` that is left after a loop in it
    times: int = 1

    def inside(self, times: int = 1, **changes: object) -> Here:
        return replace(self, depth=self.depth + 1, times=self.times * times, **changes)  # type: ignore[arg-type]

    def numbers(self) -> tuple[str, ...]:
        return (*self.scope.readable, *self.names)


Lines = list[str]
JUMPS = ("break", "continue", "return", "raise")


def indented(lines: Lines) -> Lines:
    return [f"    {line}" for line in lines]


def block(nodes: Block, here: Here, room: int) -> tuple[Lines, int]:
    """The lines of a block and how many statements run in it at most; nothing stands behind a jump."""
    lines: Lines = []
    cost = 0
    for node in nodes:
        if cost >= room:
            break
        new, spent = STATEMENTS.get(node.kind, _log)(node, here, room - cost)
        lines, cost = lines + new, cost + spent
        if new and new[-1].startswith(JUMPS):
            break
    return lines or ["pass"], cost


def number(here: Here, pick: int, other: int) -> str:
    """An expression that gives a small whole number."""
    names = here.numbers()
    a, b = names[other % len(names)], names[(other + pick) % len(names)]
    texts = (
        a,
        f"{a} + 1",
        f"{a} * 3 + {b}",
        "len(items)",
        "sum(items) % 11",
        'table["a"]',
        f"max({a}, {b})",
        "len(log)",
    )
    more = (f"({a} if {b} % 2 else -{a})", "counts.get(2, 0)", "sum(v for v in items if v % 2)", "min(bag, default=4)")
    return (*texts, *more)[pick % 12]


def truth(here: Here, pick: int, other: int) -> str:
    names = here.numbers()
    a = names[other % len(names)]
    texts = (
        f"{a} > 0",
        "len(log) % 2",
        f"{a} % 2 == 0",
        f"{a} % 3 == 1",
        "len(items) > 3",
        "len(log) % 5 == 4",
        f"{a} in items",
    )
    return texts[pick % len(texts)]


def _log(node: Node, here: Here, room: int) -> tuple[Lines, int]:
    return [f"log.append({number(here, *node.picks[:2])})"], 1


def _target(here: Here, pick: int) -> str:
    return here.scope.writable[pick % len(here.scope.writable)]


Statement = Callable[[Node, Here, int], tuple[Lines, int]]


def _simple(*texts: str) -> Statement:
    """A statement made from a template: {n} a number, {m} another, {t} and {u} variables that may be assigned."""

    def statement(node: Node, here: Here, room: int) -> tuple[Lines, int]:
        a, b, c = node.picks
        lines = texts[c % len(texts)].format(
            n=number(here, a, b),
            m=number(here, b, a),
            t=_target(here, a),
            u=_target(here, a + 1),
            k=a % 5,
            l="abc"[b % 3],
        )
        return lines.split("\n"), lines.count("\n") + 1

    return statement


def _jump(node: Node, here: Here, room: int) -> tuple[Lines, int]:
    a, b, c = node.picks
    scope = here.scope
    if not here.jumps:
        return _log(node, here, room)
    if here.loop and c % 3:
        what = ("break", "continue")[c % 2]
    elif scope.kind == "generator":
        what = "return"
    elif scope.kind == "cell":
        return _log(node, here, room)
    else:
        value = number(here, a, b)
        call = find_callable(here, a, room, "number")
        if call and not (call.throws and not here.caught):
            scope.throws |= call.throws
            value = call.text.format(value)
        what = f"return {value}, {a}" if scope.kind == "pair" else f"return {value}"
    return [f"if {truth(here, a, b)}:", f"    {what}"], 2


def _throw(node: Node, here: Here, room: int) -> tuple[Lines, int]:
    a, b, c = node.picks
    lines, cost = [f"if {truth(here, a, b)}:", f"    raise Oops({c})"], 2
    return guarded(lines, cost, here, True)


def guarded(lines: Lines, cost: int, here: Here, throws: bool) -> tuple[Lines, int]:
    """The lines as they are where what they throw is caught, else in a ``try``."""
    if throws and not here.caught:
        handler = ["except Oops as error:", '    log.append(("caught", str(error)))']
        return ["try:", *indented(lines), *handler], cost + 2
    here.scope.throws |= throws
    return lines, cost


def find_callable(here: Here, pick: int, room: int, gives: str) -> Call | None:
    there = [c for c in here.scope.callables if c.gives == gives and c.cost < room]
    return there[-1 - pick % len(there)] if there else None


def _call(node: Node, here: Here, room: int) -> tuple[Lines, int]:
    a, b, c = node.picks
    argument = number(here, a, b)
    t, u = _target(here, a), _target(here, a + 1)
    if c == 11 and (pair := find_callable(here, b, room, "pair")):
        lines = (
            [f"{t}, {u} = {pair.text.format(argument)}"] if t != u else [f"log.append({pair.text.format(argument)})"]
        )
        return guarded(lines, pair.cost + 1, here, pair.throws)
    if c == 10 and (many := find_callable(here, b, room, "generator")):
        return guarded([f"log.append(list({many.text.format(argument)}))"], many.cost + 1, here, many.throws)
    found = find_callable(here, b, room // 2, "number") or find_callable(here, b, room // 2, "pair")
    if not found:
        return _log(node, here, room)
    text = found.text.format(argument)
    if found.gives == "pair":
        text = f"{text}[1]"
    twice = found.text.format(text) + "[0]" * (found.gives == "pair")
    forms = (
        *([text], [f"{t} = {text}"], [f"log.append({text})"], [f"{t}, {u} = {u}, {text}"], [f"{t} = 1 + {text} % 7"]),
        *([f"if {text} % 2:", '    log.append("odd")'], [f"{t} += {text} % 3"], [f'table["b"] = {text}']),
        *([f"log.append([{text} for _ in range(2)])"], [f"{t} = {twice}"]),
    )
    lines = forms[c % 10]
    return guarded(list(lines), 2 * found.cost + len(lines), here, found.throws)


def _yield(node: Node, here: Here, room: int) -> tuple[Lines, int]:
    a, b, c = node.picks
    if here.scope.kind not in ("generator", "manager") or not here.jumps:
        return _call(node, here, room)
    if here.scope.kind == "manager":
        return _log(node, here, room)
    inner = find_callable(here, a, room, "generator")
    if c > 7 and inner and not (inner.throws and not here.caught):
        here.scope.throws |= inner.throws
        here.scope.yields += here.times * inner.yields
        return [f"yield from {inner.text.format(number(here, a, b))}"], inner.cost
    here.scope.yields += here.times
    return [f"yield {number(here, a, b)}"], 1


def _recurse(node: Node, here: Here, room: int) -> tuple[Lines, int]:
    a, b, c = node.picks
    scope = here.scope
    if not scope.itself or scope.recursions + here.times > 3:
        return _call(node, here, room)
    scope.recursions += here.times
    text = f"{scope.itself}({number(here, a, b)}, depth - 1)"
    t = _target(here, a)
    form = (text, f"{t} = {text}", f"log.append({text})", f"{t} = 1 + {text} % 5", f"return {text}")[
        c % (4 + here.jumps)
    ]
    return ["if depth > 0:", f"    {form}"], 2


def _if(node: Node, here: Here, room: int) -> tuple[Lines, int]:
    body, cost = block(node.blocks[0], here.inside(), room)
    lines = [f"if {truth(here, *node.picks[:2])}:", *indented(body)]
    if node.blocks[1]:
        orelse, other = block(node.blocks[1], here.inside(), room)
        lines, cost = [*lines, "else:", *indented(orelse)], max(cost, other)
    return lines, cost + 1


def _chain(node: Node, here: Here, room: int) -> tuple[Lines, int]:
    a, b, _ = node.picks
    parts = [block(part, here.inside(), room) for part in node.blocks]
    lines = [f"if {truth(here, a, b)}:", *indented(parts[0][0]), f"elif {truth(here, b, a)}:", *indented(parts[1][0])]
    return [*lines, "else:", *indented(parts[2][0])], max(cost for _, cost in parts) + 2


def _match(node: Node, here: Here, room: int) -> tuple[Lines, int]:
    a, b, c = node.picks
    name = f"m{here.depth}"
    subject, bound = number(here, a, b), here.inside(names=(*here.names, name))
    first, second = ("0", f"{name} if {name} > 2") if c % 2 else (f"(0, {name})", f"({name}, _) if {name} > 1")
    subject = f"{subject} % 5" if c % 2 else f"({subject} % 2, {number(here, b, a)})"
    parts = [block(node.blocks[0], here.inside() if c % 2 else bound, room), block(node.blocks[1], bound, room)]
    parts.append(block(node.blocks[2], here.inside(), room))
    lines = [f"match {subject}:"]
    for pattern, (body, _) in zip((first, second, "_"), parts, strict=True):
        lines += [f"    case {pattern}:", *indented(indented(body))]
    return lines, max(cost for _, cost in parts) + 1


STATEMENTS: dict[str, Statement] = {
    "draw": _simple(
        "log.append(random.random())", "{t} = random.randrange(9)", "if random.random() < 0.5:\n    {t} += 1"
    ),
    "assign": _simple("{t} = {n}", "{t} = {u} = {n}", "{t} = -{n}"),
    "augment": _simple("{t} += {n}", "{t} *= 2", "{t} ^= {n}"),
    "swap": _simple("{t}, {u} = {u}, {n}", "{t}, {u} = {n}, {m}"),
    "unpack": _simple(
        "{t}, *rest = [{n}, {m}, {k}]\nlog.append(rest)", "({t}, _), rest = ({n}, 0), {m}\nlog.append(rest)"
    ),
    "append": _simple("if len(items) < 8:\n    items.append({n} % 9)", "items = [*items[:7], {k}]"),
    "remove": _simple(
        "if items:\n    log.append(items.pop())", "if {k} in items:\n    items.remove({k})", "del items[5:]"
    ),
    "store": _simple('table["{l}"] = {n} % 50', 'table["{l}"] += 1'),
    "count": _simple(
        "counts[{n} % 4] = {m}", "counts.setdefault(1{k}, []).append({n})", "log.append(counts.pop({k}, None))"
    ),
    "add": _simple("bag.add({n} % 7)", "bag |= {{{k}, 6}}"),
    "discard": _simple("bag.discard({k})", "bag = bag ^ {{{k}}}"),
    "attribute": _simple("Config.last = {n}", "Config.rate += {n} % 5", "log.append(Config.rate)"),
    "config": _simple("Config.seen.append({n})", "log.append(len(Config.seen))"),
    "comprehension": _simple(
        "log.append([v + {k} for v in items if v % 2])", "log.append(sorted(items, key=lambda v: -v))"
    ),
    "walrus": _simple("if (w := {n}) > 2:\n    log.append(w)", "log.append((w := {n}) + w)"),
    "shared": _simple("if len(same) < 8:\n    same.append({k})", "log.append(same is items)"),
    "call": _call,
    "jump": _jump,
    "throw": _throw,
    "yield": _yield,
    "recurse": _recurse,
    "if": _if,
    "chain": _chain,
    "match": _match,
    "inline": lambda node, here, room: block(node.blocks[0], here, room),
}

"""The text of loops, ``try`` and ``with``, and of whole programs; `rendering` has the rest."""

from __future__ import annotations

import re

from tests.cell.programs import Node
from tests.cell.rendering import (
    STATEMENTS,
    Here,
    Lines,
    block,
    find_callable,
    guarded,
    indented,
    number,
    truth,
)

CELL_ROOM = 600
FUNCTION_ROOM = 30
RECURSIVE_ROOM = 4
ITEMS = "table.items()"
LONGEST = 8  # of a list that is appended to; one that is gone through while it changes has no more steps than that


def _for(node: Node, here: Here, room: int) -> tuple[Lines, int]:
    a, b, _ = node.picks
    times, name, other = 1 + b % 4, f"i{here.depth}", f"v{here.depth}"
    heads = (
        *((name, f"range({times})"), (f"{name}, {other}", f"enumerate(items[:{times}])")),
        *((f"{name}, {other}", f"zip(range({times}), items)"), (name, f"reversed(items[:{times}])")),
        *((name, f"(v * 2 for v in items[:{times}])"), (name, f"map(abs, items[:{times}])"), (name, "{5, 2, 7}")),
        *((name, f"sorted(bag)[:{times}]"), ("key, " + name, ITEMS), ("Config.rate", f"range({times})")),
        *(('table["a"]', f"range({times})"), (f"{name}, (_, *rest)", f"zip(range({times}), [(1, 2)] * 4)")),
    )
    target, iterable = heads[a % len(heads)]
    if "items()" in iterable or "{" in iterable:
        times = 3
    names = [found for found in (name, other) if re.search(rf"\b{found}\b", target)]
    return _loop(node, here, room, times, [f"for {target} in {iterable}:"], names)


def _loop(
    node: Node, here: Here, room: int, times: int, head: Lines, names: Lines, first: tuple[str, ...] = ()
) -> tuple[Lines, int]:
    bound = here.inside(times, names=(*here.names, *names), loop=True)
    body, cost = block(node.blocks[0], bound, max(1, room // times))
    lines = [*head, *indented([*first, *body])]
    cost = 1 + times * (1 + cost)
    if len(node.blocks) > 1 and node.blocks[1]:
        orelse, more = block(node.blocks[1], here.inside(), room // 2)
        lines, cost = [*lines, "else:", *indented(orelse)], cost + more
    return lines, cost


def _while(node: Node, here: Here, room: int) -> tuple[Lines, int]:
    _, b, c = node.picks
    times, name = 1 + b % 4, f"n{here.depth}"
    match c % 3:
        case 0:
            head, first = [f"{name} = {times}", f"while {name} > 0:"], (f"{name} -= 1",)
        case 1:
            head, first = [f"{name} = {times}", f"while ({name} := {name} - 1) >= 0:"], ()
        case _:
            queue = f"queue{here.depth}"
            head, first = [f"{queue} = list(range({times}))", f"while {queue}:"], (f"{name} = {queue}.pop()",)
    return _loop(node, here, room, times, head, [name], first)


def _forever(node: Node, here: Here, room: int) -> tuple[Lines, int]:
    _, b, _ = node.picks
    times, name = 1 + b % 4, f"n{here.depth}"
    first = (f"{name} += 1", f"if {name} > {times}:", "    break")
    bare = Node(node.kind, node.picks, node.blocks[:1])
    return _loop(bare, here, room, times, [f"{name} = 0", "while True:"], [name], first)


def _over_list(node: Node, here: Here, room: int) -> tuple[Lines, int]:
    name = f"v{here.depth}"
    changes, times = ("items", LONGEST) if room > 3 * LONGEST else ("items[:3]", 3)
    return _loop(node, here, room, times, [f"for {name} in {changes}:"], [name])


def _over_call(node: Node, here: Here, room: int) -> tuple[Lines, int]:
    a, b, c = node.picks
    found = find_callable(here, a, room // 3, "generator")
    if not found:
        return _for(node, here, room)
    name, text = f"i{here.depth}", found.text.format(number(here, a, b))
    target, text = ((name, text), (f"_, {name}", f"enumerate({text})"), (f"{name}, _", f"zip({text}, items)"))[c % 3]
    outer = here
    if found.throws and not here.caught:
        here = here.inside(caught=True, shielded=True)
    lines, cost = _loop(node, here, room - found.cost, max(found.yields, 1), [f"for {target} in {text}:"], [name])
    if not found.throws:
        return lines, cost + found.cost
    return guarded(lines, cost + found.cost, outer, True)


def _with(node: Node, here: Here, room: int) -> tuple[Lines, int]:
    a, b, c = node.picks
    name, value = f"c{here.depth}", number(here, a, b)
    found = find_callable(here, b, room // 3, "manager")
    caught, cost = False, 3
    if found and c % 2:
        head, cost = f"with {found.text.format(value)} as {name}:", found.cost + 1
    elif a % 4 == 1:
        head = f"with opened({value}) as {name}:"
    elif a % 4 == 2:
        head, caught = "with suppress(Oops):", True
    elif a % 4 == 3:
        head, caught = f"with suppress(Oops), Manager({value}) as {name}:", True
    else:
        head = f"with Manager({value}) as {name}:"
    names = (*here.names, name) if name in head else here.names
    throws = here.scope.throws
    body, spent = block(
        node.blocks[0], here.inside(names=names, caught=here.caught or caught, shielded=True), room - cost
    )
    if caught:
        here.scope.throws = throws
    return [head, *indented(body)], cost + spent


def _hold(node: Node, here: Here, room: int) -> tuple[Lines, int]:
    name = f"e{here.depth}"
    body, cost = block(node.blocks[0], here.inside(names=(*here.names, name)), room - 2)
    return [f"{name} = {number(here, *node.picks[:2])}", *body, f"del {name}"], cost + 2


def _try(node: Node, here: Here, room: int) -> tuple[Lines, int]:
    a, b, c = node.picks
    first, handler, orelse, final = node.blocks
    part = max(1, room // 3)
    handled = not final or c % 4 != 3
    throws = here.scope.throws
    body, cost = block(first, here.inside(caught=here.caught or handled, shielded=True), part)
    if handled:
        here.scope.throws = throws
    lines = ["try:", *indented(body)]
    if handled:
        natural = f'    log.append(table["z" if {truth(here, a, b)} else "a"])'
        lines += [natural] if a % 3 == 2 else []
        kind = ("Oops as error", "Oops", "(KeyError, Oops)")[a % 3]
        again = here.caught and b % 4 == 3 and a % 3 != 2
        caught, spent = block(handler, here.inside(), part)
        told = ["log.append(str(error))"] if a % 3 == 0 else []
        lines += [f"except {kind}:", *indented([*told, *(caught if handler or not told else [])])]
        if again:
            here.scope.throws = True
            lines += [f"    if {truth(here, b, a)}:", "        raise"]
        cost += spent + 2
        if orelse:
            more, spent = block(orelse, here.inside(), part)
            lines, cost = [*lines, "else:", *indented(more)], cost + spent
    if final:
        more, spent = block(final, here.inside(jumps=False, caught=False), part)
        lines, cost = [*lines, "finally:", *indented(more)], cost + spent
    return lines, cost + 1


STATEMENTS |= {
    "for": _for,
    "while": _while,
    "forever": _forever,
    "over_list": _over_list,
    "over_call": _over_call,
    "with": _with,
    "hold": _hold,
    "try": _try,
}

"""Causes of inexactness that a cell's syntax tree shows.

What is read of the clock is followed through plain variables to where it is used: `print(time.time() - t0)` is
for show, `while time.time() < end` steers. With ``strict`` (--exact) every use that is not for show is told.
What is read from outside is told in loops, with ``strict`` in functions too, which a loop may call: what is
read before a loop is read once, and is part of the snapshot.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from colab_guard.cell.rerun import is_setup
from colab_guard.core.causes import Cause

CLOCKS = frozenset(
    [f"time.{name}{unit}" for name in ("time", "perf_counter", "monotonic", "process_time") for unit in ("", "_ns")]
    + [f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")]
    + ["datetime.date.today", "timeit.default_timer", "pandas.Timestamp.now"]
)
ENTROPY = frozenset(
    {"uuid.uuid1", "uuid.uuid4", "os.urandom", "random.SystemRandom", "torch.seed", "torch.random.seed"}
)
ENTROPY_UNLESS_SEEDED = frozenset({
    "random.seed", "random.Random", "numpy.random.seed", "numpy.random.default_rng", "numpy.random.RandomState",
})  # fmt: skip
OUTSIDE = frozenset({"input", "getpass.getpass", "os.system", "os.popen"})
OUTSIDE_MODULES = ("requests.", "httpx.", "urllib.request.", "http.client.", "socket.", "subprocess.")
SETTERS = frozenset({
    "logging.basicConfig", "signal.signal", "atexit.register", "sys.settrace", "sys.setprofile", "sys.path.append",
    "sys.path.insert", "sys.path.extend", "matplotlib.use", "matplotlib.style.use", "matplotlib.pyplot.style.use",
    "seaborn.set_theme", "seaborn.set", "seaborn.set_style", "jax.config.update", "tensorflow.random.set_seed",
    "os.environ.update", "os.environ.setdefault", "os.putenv",
})  # fmt: skip
SHOWING = frozenset({
    "print", "display", "debug", "info", "warning", "error", "log", "set_postfix", "set_postfix_str", "set_description",
    "set_description_str", "add_scalar",
})  # fmt: skip
PASSING = frozenset({"round", "int", "float", "str", "min", "max", "abs", "divmod", "format", "datetime.timedelta"})
RANDOM = frozenset({
    "random", "rand", "randn", "randint", "randrange", "randperm", "shuffle", "choice", "choices", "sample", "normal",
    "uniform", "gauss", "permutation", "integers", "standard_normal",
})  # fmt: skip
REMEMBERING = frozenset({"functools.cache", "functools.lru_cache"})


def causes_in(
    module: ast.Module, names: Mapping[str, str], kept: Callable[[str], bool], *, strict: bool = False
) -> list[Cause]:
    """The causes that ``module`` shows, in the order of its lines, each text once.

    ``names``: full dotted names of what the notebook's variables are, where those are modules, functions or
    classes of a library (``{"np": "numpy"}``). ``kept`` says of a module's dotted attribute whether a
    snapshot puts it back.
    """
    look = _Look({**names, **imports_in(module)}, kept, strict)
    look.clocks = look.follow(module)
    found: list[tuple[int, Cause]] = []
    for parents, node in walk(module):
        for cause in look.causes(node, parents):
            found.append((getattr(node, "lineno", 0), cause))
    found.sort(key=lambda pair: pair[0])
    return list(dict.fromkeys(cause for _, cause in found))


def imports_in(tree: ast.AST) -> dict[str, str]:
    """What the imports in ``tree`` bind, as full dotted names."""
    bound = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound[alias.asname or alias.name.partition(".")[0]] = alias.name if alias.asname else (
                    alias.name.partition(".")[0]
                )  # fmt: skip
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            bound.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return bound


def gone_through(module: ast.Module) -> list[tuple[int, str, str]]:
    """The variables that are iterated over, as (line, name, how): ``"over"``, ``"made"`` into a set at that time,
    or ``"popped"``.
    """
    found: list[tuple[int, str, str]] = []
    for node in ast.walk(module):
        through: ast.expr | None = None
        match node:
            case ast.For() | ast.comprehension():
                through = node.iter
            case ast.Call(ast.Name("list" | "tuple" | "iter" | "enumerate"), [first, *_]):
                through = first
            case ast.Call(ast.Attribute(ast.Name(popped), "pop"), []):
                found.append((node.lineno, popped, "popped"))
        match through:
            case ast.Name(name):
                found.append((through.lineno, name, "over"))
            case ast.Call(ast.Name("set" | "frozenset"), [ast.Name(name)]):
                found.append((through.lineno, name, "made"))
    return sorted(set(found))


def walk(tree: ast.AST) -> Iterator[tuple[tuple[ast.AST, ...], ast.AST]]:
    """Every node with its parents, outermost first."""
    todo: list[tuple[tuple[ast.AST, ...], ast.AST]] = [((), tree)]
    while todo:
        parents, node = todo.pop()
        yield parents, node
        todo += [((*parents, node), child) for child in ast.iter_child_nodes(node)]


@dataclass
class _Look:
    names: Mapping[str, str]
    kept: Callable[[str], bool]
    strict: bool
    clocks: set[str] = field(default_factory=set)

    def full(self, node: ast.AST) -> str:
        """The dotted name of a Name or Attribute, with what an alias stands for; empty for anything else."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, node.id)
        if isinstance(node, ast.Attribute) and (value := self.full(node.value)):
            return f"{value}.{node.attr}"
        return ""

    def causes(self, node: ast.AST, parents: tuple[ast.AST, ...]) -> Iterator[Cause]:
        if isinstance(node, ast.Call):
            yield from self._call(node, parents)
        elif isinstance(node, ast.Name) and node.id in self.clocks and isinstance(node.ctx, ast.Load):
            yield from self._clock(node, parents)
        elif isinstance(node, ast.FunctionDef) and any(self._remembers(one) for one in node.decorator_list):
            if draws := [n for n in ast.walk(node) if isinstance(n, ast.Call) and last(n.func) in RANDOM]:
                what = ast.unparse(draws[0].func)
                yield Cause("cached-random", f"line {node.lineno}: {node.name} remembers its results and calls {what}")
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            yield from self._module_state(node, parents)

    def _call(self, node: ast.Call, parents: tuple[ast.AST, ...]) -> Iterator[Cause]:
        name, where = self.full(node.func), f"line {node.lineno}: "
        if name in CLOCKS:
            yield from self._clock(node, parents)
        elif name in ("hash", "id") and not any(_name(parent).startswith("__") for parent in parents):
            if self.reaches(node, parents):
                key, why = ("hash", "differs") if name == "hash" else ("identity", "is another")
                yield Cause(key, f"{where}{ast.unparse(node)} {why} in each kernel")
        elif is_entropy(name, node) and self._repeats(parents):
            yield Cause("entropy", f"{where}{name} draws from the system, which no snapshot can put back")
        elif (name in OUTSIDE or name.startswith(OUTSIDE_MODULES)) and self._repeats(parents):
            yield Cause("outside", f"{where}what {name} does and reads is done and read again after a death")
        elif self.strict and self._repeats(parents) and name in ("os.getenv", "os.environ.get"):
            yield Cause("outside", f"{where}{name} reads the environment of whichever kernel runs it")
        elif name in SETTERS and _once(parents) and not _is_done_again(parents):
            yield Cause("module-state", f"{where}{name} sets what no snapshot holds, and does not run again")

    def _module_state(self, node: ast.Attribute | ast.Subscript, parents: tuple[ast.AST, ...]) -> Iterator[Cause]:
        inner: ast.AST = node
        while isinstance(inner, ast.Attribute | ast.Subscript):
            inner = inner.value
        if not isinstance(inner, ast.Name) or inner.id not in self.names or not _once(parents):
            return
        if _is_done_again(parents):
            return
        name = self.full(node)
        if isinstance(node, ast.Subscript):
            name = f"{self.full(node.value)}.{node.slice.value!s}" if isinstance(node.slice, ast.Constant) else ""
        if not self.kept(name):
            yield Cause("module-state", f"line {node.lineno}: {ast.unparse(node)} belongs to a module, not to the cell")

    def _repeats(self, parents: tuple[ast.AST, ...]) -> bool:
        """Whether it runs in a loop of the cell itself; with ``strict``, in a function, which a loop may call."""
        inside = any(isinstance(parent, ast.For | ast.While) for parent in parents)
        called = any(isinstance(parent, ast.FunctionDef | ast.Lambda | ast.ClassDef) for parent in parents)
        return self.strict if called else inside

    def _remembers(self, decorator: ast.expr) -> bool:
        return self.full(decorator.func if isinstance(decorator, ast.Call) else decorator) in REMEMBERING

    # -- the clock ------------------------------------------------------------------------------------

    def follow(self, module: ast.Module) -> set[str]:
        """The variables that hold what was read of the clock, or was computed from it."""
        self.clocks, before = set(), {""}
        while self.clocks != before:
            before = set(self.clocks)
            for parents, node in walk(module):
                if self._is_clock(node):
                    self.clocks |= set(self._assigned(node, parents))
        return self.clocks

    def _is_clock(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Call):
            return self.full(node.func) in CLOCKS
        return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in self.clocks

    def _clock(self, node: ast.expr, parents: tuple[ast.AST, ...]) -> Iterator[Cause]:
        how = self.reaches(node, parents)
        if how == "steers" or (how == "used" and self.strict):
            place = next(parent for parent in reversed(parents) if isinstance(parent, ast.stmt))
            shown = ast.unparse(place).partition("\n")[0]
            text = f"line {place.lineno}: `{shown}` depends on the clock, which goes on while the kernel is dead"
            yield Cause("clock", text)

    def reaches(self, node: ast.AST, parents: tuple[ast.AST, ...]) -> str:
        """``"steers"`` where it decides what runs, ``"used"`` where it becomes data, empty where it is only shown."""
        child = node
        for parent in reversed(parents):
            match parent:
                case ast.If() | ast.While() | ast.IfExp() if child is parent.test:
                    return "" if isinstance(parent, ast.If) and self._only_shows(parent) else "steers"
                case ast.Assert():
                    return "steers"
                case ast.Call() if child is not parent.func:
                    if last(parent.func) in SHOWING:
                        return ""
                    if self.full(parent.func) not in PASSING and last(parent.func) not in PASSING:
                        return "used"
                case ast.Subscript() if child is parent.slice:
                    return "used"
                case ast.Assign() | ast.AugAssign() | ast.AnnAssign() | ast.NamedExpr():
                    targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
                    plain = all(isinstance(target, ast.Name) for target in targets) and self._is_clock(node)
                    return "" if plain else "used"
                case ast.stmt():
                    return "" if isinstance(parent, ast.Expr) else "used"
            child = parent
        return ""

    def _assigned(self, node: ast.AST, parents: tuple[ast.AST, ...]) -> Iterator[str]:
        child = node
        for parent in reversed(parents):
            match parent:
                case ast.Assign() if child is parent.value:
                    yield from (target.id for target in parent.targets if isinstance(target, ast.Name))
                    return
                case ast.AugAssign(ast.Name(name)) | ast.AnnAssign(ast.Name(name)) | ast.NamedExpr(ast.Name(name)):
                    yield name
                case ast.Call() if child is not parent.func:
                    if self.full(parent.func) not in PASSING:
                        return
                case ast.stmt() | ast.Compare():
                    return
            child = parent

    def _only_shows(self, node: ast.If) -> bool:
        # `if time.time() - last > 5: print(…); last = time.time()` decides only when something is shown.
        def shows(statement: ast.stmt) -> bool:
            match statement:
                case ast.Expr(ast.Call(function)):
                    return last(function) in SHOWING
                case ast.Assign([ast.Name(name)], _):
                    return name in self.clocks
            return isinstance(statement, ast.Pass)

        return all(map(shows, [*node.body, *node.orelse]))


def is_entropy(name: str, call: ast.Call) -> bool:
    """Whether a call draws from what the operating system holds for random."""
    seedless = not call.keywords and all(isinstance(one, ast.Constant) and one.value is None for one in call.args)
    return name in ENTROPY or name.startswith("secrets.") or (name in ENTROPY_UNLESS_SEEDED and seedless)


def last(function: ast.AST) -> str:
    """The name behind the last dot."""
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _name(node: ast.AST) -> str:
    return node.name if isinstance(node, ast.FunctionDef) else ""


def _is_done_again(parents: tuple[ast.AST, ...]) -> bool:
    """Whether it is (in) a set-up statement of the top level, which runs again in a new kernel."""
    return len(parents) == 2 and is_setup(parents[1])


def _once(parents: tuple[ast.AST, ...]) -> bool:
    """Whether it runs once, before or after the loops: in a loop it is set anew in each iteration."""
    within = (ast.For, ast.While, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
    return not any(isinstance(parent, within) for parent in parents)

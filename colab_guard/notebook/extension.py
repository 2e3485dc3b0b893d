"""What ``%load_ext colab_guard`` puts into a shell, and ``%unload_ext`` takes out again.

``%%checkpointed`` is no ordinary cell magic: a magic's cell runs as a string inside of a call, with line
numbers, ``await`` and displayed results of its own. Two hooks make the cell an ordinary one instead. An input
transformer turns its first line into a marker and leaves all others as they are; a syntax-tree transformer
finds the marker and puts the rewritten statements in place of the cell's own. IPython then compiles and runs
them as it does any cell.
"""

from __future__ import annotations

import ast
import linecache
import textwrap
import threading
from contextlib import suppress
from typing import Any

from colab_guard import __version__, ends
from colab_guard.capture.process import machine_id
from colab_guard.cell.tree import HIDDEN, RUN, is_hidden, parse
from colab_guard.core.errors import UsageError
from colab_guard.core.keys import Keyring
from colab_guard.core.places import drive_mount, is_drive
from colab_guard.flight.deadlines import cut_off_after
from colab_guard.guards.lifetime import learn
from colab_guard.notebook import magics
from colab_guard.notebook.drive import refuse_elsewhere
from colab_guard.notebook.flight import Recording
from colab_guard.notebook.gpumem import GpuMemory
from colab_guard.notebook.guarded import MAGIC
from colab_guard.notebook.identity import identity, unknown
from colab_guard.notebook.keepalive import KeepAlive
from colab_guard.notebook.keepalive_magics import KeepAliveMagics
from colab_guard.notebook.panel import NotebookPanel
from colab_guard.notebook.platforms import cell_id, default_place, platform_name, unregister
from colab_guard.notebook.shortage import Shortage
from colab_guard.notebook.transcript import Transcript, show
from colab_guard.notebook.userdata import Userdata
from colab_guard.session import Session
from colab_guard.views import found_text

LOOK_SECONDS = 2.0  # for what a store holds, when the extension is loaded
MARKER = HIDDEN + "cell"


class Extension:
    """colab_guard in one shell."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self._notebook = identity(shell)
        place = default_place(self._notebook)
        self.session = Session(
            shell.user_ns,
            say,
            place.store,
            place.survives,
            transcript=Transcript,
            show=show,
            keys=Keyring(Userdata(say)),
        )
        self._panel = NotebookPanel(shell, self.session)
        self._magics = magics.GuardMagics(shell, self.session, self._panel)
        recording = Recording(shell, self.session, self._notebook.label)
        self._keepalive = KeepAlive(shell, self.session, self._panel, recording)
        kept = KeepAliveMagics(shell, self.session, self._keepalive)
        self._companions = GpuMemory(shell), recording, Shortage(shell, self.session), kept, self._panel

    def load(self) -> None:
        """Registers everything; prints one line, and one more where the notebook is not known."""
        self.shell.input_transformers_cleanup.append(mark)
        self.shell.ast_transformers.append(self)
        self.shell.register_magics(self._magics)
        print(
            f"colab_guard {__version__} on {platform_name(self.shell)} · snapshots go to {self.session.store} "
            f"({self.session.store_note}) · put %%checkpointed above the training cell"
        )
        if warning := unknown(self._notebook):
            say(warning)
        for text in self._found():
            say(text)
        for one in self._companions:
            one.begin()

    def _found(self) -> list[str]:
        """What there is to go on with, and how the last session ended, if the store tells in time; a slow one is not
        waited for.
        """
        found = list[str]()

        def look() -> None:
            with suppress(Exception):  # the first guarded cell says it; a thread would print its traceback
                flights = ends.recorded(self.session.store, self.session.keys)
                learn(cut_off_after(flights, machine_id()))
                end = ends.greeting(flights, self._notebook.label) or ""
                found.extend(found_text(self.session, end))

        thread = threading.Thread(target=look, name="colab_guard-look", daemon=True)
        thread.start()
        thread.join(LOOK_SECONDS)
        return list(found)

    def unload(self) -> None:
        """Leaves the shell as it was before."""
        for one in self._companions:
            one.end()
        self.shell.input_transformers_cleanup.remove(mark)
        self.shell.ast_transformers.remove(self)
        unregister(self.shell, self._magics)
        for name in [name for name in self.shell.user_ns if is_hidden(name)]:
            del self.shell.user_ns[name]

    def visit(self, module: ast.Module) -> ast.Module:
        """IPython's hook for syntax trees. Never raises: IPython would drop the hook for good."""
        call = _marker(module)
        if call is None:
            return module
        try:
            statements = self._statements(*call)
        except SyntaxError:
            # IPython compiles what is left next, and shows the ordinary error.
            return ast.Module(module.body[1:], [])
        except Exception as error:  # noqa: BLE001 - whatever it is, the cell's author must see it
            statements = self._instead(error)
        return ast.fix_missing_locations(ast.Module([*_future(module), *statements], []))

    def _statements(self, line: str, body: str) -> list[ast.stmt]:
        filename = _show_line_as_written(line)
        # The marker's own line is a comment here, so that every other keeps its number.
        source = self.shell.transform_cell(f"#\n{body}")
        tree = parse(source)
        tree.body = [node for node in tree.body if not _is_future(node)]
        compile(ast.Module(tree.body, []), "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        _refuse_cell_magics(tree)
        if drive_mount() is not None and not is_drive(self.session.store):  # it was mounted since
            self.session.move(default_place(identity(self.shell)))
        request = magics.parse_line(line)
        if request.explain:
            return self._instead(self.session.explanation(tree, source, filename))
        if request.release:
            refuse_elsewhere("release the runtime")
        shown = _shown(tree.body, self.shell.ast_node_interactivity)
        program = self.session.program(tree, source, request.options, cell_id(self.shell), shown, filename)
        if program:
            self._keepalive.when_done.ask(self.shell.user_ns[RUN].cell.name, release=request.release)
        return program

    def _instead(self, what: Exception | str) -> list[ast.stmt]:
        """Statements that raise an error, or print a text, in place of the cell."""

        def tell() -> None:
            del self.shell.user_ns[RUN]
            if isinstance(what, Exception):
                raise what
            print(what)

        self.shell.user_ns[RUN] = tell
        return ast.parse(f"{RUN}()").body


def say(text: str) -> None:
    """Prints a line of ours into the running cell's output."""
    print(f"colab_guard: {text}")


def mark(lines: list[str]) -> list[str]:
    """An input transformer: makes the first line of a guarded cell a marker that holds the others' source."""
    if not lines:
        return lines
    first = lines[0].rstrip()
    magic, _, options = first.partition(" ")
    if magic != MAGIC:
        return lines
    body = textwrap.dedent("".join(lines[1:]))
    lines = [first, *body.splitlines(keepends=True)]
    return [f"get_ipython().run_line_magic({MARKER!r}, {options.strip()!r}, {body!r})\n", *lines[1:]]


def _show_line_as_written(options: str) -> str:
    """Puts the cell's first line back where tracebacks look for it; the name of the cell's file."""
    # A comment, for some tools parse what they find there.
    filename = "<cell>"
    for name, entry in linecache.cache.items():
        lines = entry[2] if len(entry) > 2 else []
        if lines and MARKER in lines[0]:
            lines[0] = f"# {MAGIC} {options}".rstrip() + "\n"
            filename = name
    return filename


def _marker(module: ast.AST) -> tuple[str, str] | None:
    body = getattr(module, "body", None)
    match body:
        case [
            ast.Expr(
                ast.Call(
                    ast.Attribute(attr="run_line_magic"),
                    [ast.Constant(name), ast.Constant(str(line)), ast.Constant(str(source))],
                )
            ),
            *_,
        ] if name == MARKER:
            return line, source
    return None


def _refuse_cell_magics(tree: ast.Module) -> None:
    """Raises UsageError for ``%%time`` and the like below our own line, where IPython takes them for line magics."""
    for node in tree.body:
        match node:
            case ast.Expr(ast.Call(ast.Attribute(attr="run_line_magic"), [ast.Constant(str(name)), *_])):
                if name.startswith("%"):
                    raise UsageError(
                        f"Line {node.lineno}: %{name} stands below {MAGIC}. Put it above, as the cell's first line. "
                        f"Nothing was run."
                    )


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _future(module: ast.Module) -> list[ast.stmt]:
    # They must come first in whatever is compiled, our `with` included.
    return [node for node in module.body if _is_future(node)]


def _shown(body: list[ast.stmt], interactivity: str) -> frozenset[int]:
    """The statements whose value IPython would display."""
    expressions = [index for index, node in enumerate(body) if isinstance(node, ast.Expr)]
    if interactivity == "all":
        return frozenset(expressions)
    last = len(body) - 1
    return frozenset({last} & set(expressions)) if interactivity.startswith("last_expr") else frozenset()


_loaded: dict[int, Extension] = {}


def load(shell: Any) -> None:
    """``%load_ext colab_guard``."""
    if id(shell) not in _loaded:
        _loaded[id(shell)] = Extension(shell)
        _loaded[id(shell)].load()


def unload(shell: Any) -> None:
    """``%unload_ext colab_guard``."""
    if extension := _loaded.pop(id(shell), None):
        extension.unload()

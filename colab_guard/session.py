"""One kernel's session: opens the store, and decides for each guarded cell whether it starts, resumes, or is done."""

from __future__ import annotations

import ast
import difflib
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from colab_guard.capture.process import machine_id
from colab_guard.cell.edits import follow, same
from colab_guard.cell.guarded import Cell
from colab_guard.cell.naming import DERIVED, check_name, derived_name
from colab_guard.cell.residual import finished, residual
from colab_guard.cell.rewrite import Rewriter, at
from colab_guard.cell.tree import ITER, RUN, WANTED, Path, parse
from colab_guard.core.errors import EditedCell, UsageError
from colab_guard.core.settings import Interval
from colab_guard.core.words import ago
from colab_guard.run import Plan, Run
from colab_guard.store.manifest import Manifest
from colab_guard.store.repository import Repository

RELATED = 0.8
ALIKE = 0.5  # two sources less alike than this are two cells, not one that was edited


@dataclass(frozen=True)
class Options:
    """What the ``%%checkpointed`` line asks for."""

    name: str | None = None
    every: Interval = field(default_factory=lambda: Interval(seconds=60.0))
    store: str = ""
    fresh: bool = False
    resume_anyway: bool = False


@dataclass
class Session:
    """The guarded cells of one kernel. Not thread-safe; used from the thread that runs cells."""

    namespace: dict[str, Any]
    say: Callable[[str], None]
    store: FilePath
    store_note: str = ""
    clock: Callable[[], float] = time.time
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    runs: dict[str, Run] = field(default_factory=dict)
    _ids: dict[str, str] = field(default_factory=dict)

    def repository(self, store: str = "") -> Repository:
        """The repository at ``store``, or at the session's own place. Raises StoreError."""
        return Repository.open(store or self.store, clock=self.clock)

    def program(
        self,
        module: ast.Module,
        source: str,
        options: Options,
        cell_id: str | None = None,
        shown: frozenset[int] = frozenset(),
    ) -> list[ast.stmt]:
        """The statements to run in place of a guarded cell's own; the values of those numbered in ``shown`` are
        displayed.

        Raises UsageError, EditedCell or StoreError, with nothing run or changed.
        """
        cell = Cell(check_name(options.name) if options.name else derived_name(module), source, module)
        self._refuse_twin(cell, cell_id)
        repository = self.repository(options.store)
        if not module.body:
            return []
        plan, said = (None, []) if options.fresh else self._plan(cell, repository, options)
        run = Run(cell, options.every, repository, self.namespace, self.id, self.say, plan=plan, clock=self.clock)
        for line in said:
            self.say(line)
        if plan is None:
            self.say(self._started(cell, options, repository))
        self.runs[cell.name] = run
        if cell_id:
            self._ids[cell.name] = cell_id
        self.namespace.update({RUN: run, ITER: iter, WANTED: False})
        return self._statements(run, shown)

    def _statements(self, run: Run, shown: frozenset[int]) -> list[ast.stmt]:
        module, plan, rewriter = run.cell.module, run.plan, Rewriter(shown)
        if plan is None:
            body = rewriter.top(module.body)
        else:
            fresh_machine = plan.manifest.body["machine"] != machine_id()
            if plan.cursor is None:
                body = finished(module, new_machine=fresh_machine)
            else:
                redefined = follow(plan.old.module, module, _cursor(plan.manifest)).redefined
                body = residual(module, plan.cursor, rewriter, redefined=redefined, new_machine=fresh_machine)
        run.points, run.hidden = rewriter.points, rewriter.hidden
        first = module.body[0]
        # `global` at module level changes nothing but how the flag is loaded, see cell.rewrite.
        flag = at(ast.Global([WANTED]), first)
        guard = ast.With([ast.withitem(ast.Name(RUN, ast.Load()))], body)
        return [flag, at(guard, first)]

    def _plan(self, cell: Cell, repository: Repository, options: Options) -> tuple[Plan | None, list[str]]:
        manifest, problems = repository.newest(cell.name)
        said = [f"passed over: {problem}" for problem in problems]
        if manifest is None:
            return None, said if options.name else [*said, *self._relatives(cell, repository)]
        old = Cell(cell.name, manifest.body["source"], parse(manifest.body["source"]))
        if manifest.body["cursor"] is None:
            if manifest.body["session"] == self.id:
                return None, said
            if not same(old.module, cell.module) and not options.resume_anyway:
                raise self._edited(cell, manifest, "finished with other code")
            return Plan(manifest, old, None), said
        followed = follow(old.module, cell.module, _cursor(manifest))
        if followed.lines and not options.resume_anyway:
            lines = ", ".join(str(line) for line in followed.lines)
            raise self._edited(cell, manifest, f"was edited in line {lines}, which had already run,")
        return Plan(manifest, old, followed.cursor), said

    def _relatives(self, cell: Cell, repository: Repository) -> list[str]:
        """A cell without a name gets another derived one when its beginning is edited: point to its old run."""
        for entry in repository.snapshots():
            if not isinstance(entry, Manifest) or entry.cell in self.runs or entry.body["cursor"] is None:
                continue
            alike = difflib.SequenceMatcher(None, entry.body["source"], cell.source).ratio()
            if entry.cell.startswith(DERIVED) and alike > RELATED:
                return [
                    f"there is an unfinished run of a cell much like this one, {entry.cell} "
                    f"({ago(self.clock() - entry.created)}, line {entry.body['line']}). If this is that cell, edited: "
                    f"%%checkpointed {entry.cell} --resume-anyway goes on with it."
                ]
        return []

    def _edited(self, cell: Cell, manifest: Manifest, what: str) -> EditedCell:
        age = ago(self.clock() - manifest.created)
        return EditedCell(
            f"{cell.name!r} {what} since its snapshot of {age}. Nothing was run. Choose: undo the edit and run the "
            f"cell again; add --resume-anyway to go on from the snapshot with the new code; or add --fresh to start "
            f"over. If this is another cell than that one, give it another name."
        )

    def _refuse_twin(self, cell: Cell, cell_id: str | None) -> None:
        before = self.runs.get(cell.name)
        if before is None:
            return
        known = self._ids.get(cell.name)
        if cell_id and known:
            twin = cell_id != known
        else:
            twin = difflib.SequenceMatcher(None, before.cell.source, cell.source).ratio() < ALIKE
        if twin:
            raise UsageError(
                f"Two cells are called {cell.name!r}: this one, and the one that begins with "
                f"`{before.cell.source.strip().splitlines()[0]}`. Their snapshots would be mixed up, so nothing was "
                f"run. Give one of them another name: %%checkpointed NAME"
            )

    def _started(self, cell: Cell, options: Options, repository: Repository) -> str:
        where = f"snapshots every {options.every} to {repository.path}"
        if options.fresh:
            return f"{cell.name} started afresh, {where}. Take --fresh out again, or a death will start it over."
        return f"{cell.name} started, {where}."


def _cursor(manifest: Manifest) -> Path:
    frames = manifest.body["cursor"]["frames"]
    return tuple((str(name), int(index)) for name, index in frames[0]["path"])

"""One kernel's session: opens the store, and decides for each guarded cell whether it starts, resumes, or is done."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path as FilePath
from typing import Any

from colab_guard.capture import causes
from colab_guard.capture.describe import describe
from colab_guard.capture.fingerprint import changed, fingerprints
from colab_guard.capture.iterables import begin
from colab_guard.capture.outputs import check_paths
from colab_guard.capture.process import machine_id
from colab_guard.capture.sources import resolve
from colab_guard.cell.edits import Definition, same
from colab_guard.cell.explain import explain, made_in
from colab_guard.cell.guarded import Cell
from colab_guard.cell.naming import check_name
from colab_guard.cell.residual import finished, residual
from colab_guard.cell.rewrite import Rewriter, at
from colab_guard.cell.scope import functions_in
from colab_guard.cell.tree import ITER, RUN, WANTED, parse
from colab_guard.core.errors import CorruptSnapshot, EditedCell, Inexact, StoreUnavailable
from colab_guard.core.keys import Key, Keyring
from colab_guard.core.places import Place, is_drive
from colab_guard.core.settings import AUTO, Interval
from colab_guard.core.stores import store_at
from colab_guard.core.words import ago, size
from colab_guard.loops.where import SESSION
from colab_guard.planning import path_of, planned
from colab_guard.resume.held import Held
from colab_guard.resume.plan import Plan
from colab_guard.running.beside import Beside, Transcript
from colab_guard.running.pausing import Kept
from colab_guard.running.run import BEGIN, Run
from colab_guard.running.telling import TRUSTED, started, where
from colab_guard.sameness import derived, refuse_twin, relatives
from colab_guard.store.manifest import Damaged, Manifest
from colab_guard.store.repository import Repository
from colab_guard.store.retention import DEFAULT, Retention
from colab_guard.tiers import opening

LONG_BYTES = 50_000_000  # to fetch so much may take a while, which is said before
DRIVE_BUDGET_BYTES = 8_000_000_000  # of one cell, of the 15 GB that are free


@dataclass(frozen=True)
class Options:
    """What the ``%%checkpointed`` line asks for."""

    name: str | None = None
    every: Interval = AUTO
    store: str = ""
    fresh: bool = False
    resume_anyway: bool = False
    rerun: tuple[str, ...] = ()
    replay: bool = False
    exact: bool = False
    files: tuple[str, ...] = ()
    link: tuple[str, ...] = ()
    trust: bool = False
    retention: Retention = DEFAULT


@dataclass
class Session:
    """The guarded cells of one kernel. Not thread-safe; used from the thread that runs cells."""

    namespace: dict[str, Any]
    say: Callable[[str], None]
    store: str  # a path or a URL
    store_note: str = ""
    clock: Callable[[], float] = time.time
    id: str = SESSION  # of this process: %reload_ext makes a new Session, but no new kernel
    transcript: Callable[[str], Transcript] | None = None
    show: Callable[[str], None] = print
    keys: Keyring = field(default_factory=Keyring)
    key: Key | None = None  # that signs, once a cell was guarded
    runs: dict[str, Run] = field(default_factory=dict)
    _ids: dict[str, str] = field(default_factory=dict)

    def move(self, place: Place) -> bool:
        """From now on snapshots go to ``place``, if that outlives this machine and the store so far does not; whether
        they do. What the store so far holds is uploaded there. Raises StoreError.
        """
        if place.store == self.store or not is_drive(place.store) or is_drive(self.store):
            return False
        repository = self.repository(place.store)
        for run in self.runs.values():
            if run.repository is not None and run.repository.place == self.store:
                run.repository = run.saver.repository = repository
        self.store, self.store_note = place.store, place.survives
        self.say(f"snapshots go to {place.store} now ({place.survives}), and those taken before are copied there.")
        return True

    def repository(self, store: str = "", *, trust: bool = False) -> Repository:
        """The repository at ``store``, or at the session's own place. Raises StoreError."""
        return opening.repository(store or self.store, clock=self.clock, keys=self.keys, trust=trust)

    def program(
        self,
        module: ast.Module,
        source: str,
        options: Options,
        cell_id: str | None = None,
        shown: frozenset[int] = frozenset(),
        filename: str = "<cell>",
    ) -> list[ast.stmt]:
        """The statements to run in place of a guarded cell's own, compiled as the file ``filename``; the values of
        those numbered in ``shown`` are displayed.

        Raises UsageError, EditedCell or StoreError, with nothing run or changed.
        """
        if not module.body:
            return []
        store = options.store or self.store
        self.key = self.keys.signing(FilePath(store))  # here, for threads can't ask Colab
        repository = self._repository_to_read(options)
        name = check_name(options.name) if options.name else derived(module, self.runs, repository)
        cell = Cell(name, source, module, filename)
        if not options.fresh:
            refuse_twin(cell, self.runs.get(name), cell_id, self._ids.get(name))
        paused = self.runs[name].kept if name in self.runs and not options.fresh else None
        plan, said, manifest, held = None, list[str](), None, Held()
        if paused is not None:
            plan = self._planned(cell, paused.body, paused.created, options, paused.names)
            said = [self._continued(cell, paused, plan)]
            manifest = self.runs[name].saver.last
        elif repository is not None and not options.fresh:
            plan, said, manifest = self._plan(cell, repository, options, held)
        defined = defined_names(self.namespace, module)
        options.retention.check(name, defined)
        run = Run(
            cell,
            options.every,
            lambda: self.repository(store),
            self.namespace,
            self.id,
            self.say,
            plan=plan,
            clock=self.clock,
            repository=repository,
            rerun=frozenset(options.rerun),
            replay=options.replay,
            exact=options.exact,
            defined=defined,
            beside=self._beside(name, options, paused is not None),
            state=plan.renamed(paused.state) if plan and paused else None,
        )
        run.saver.last, run.saver.held, run.saver.retention = manifest, held, bounded(options.retention, store)
        run.saver.measured = partial(options.retention.recorded, self.namespace)
        found = causes.before(module, self.namespace, strict=options.exact)
        if found and options.exact:
            raise Inexact(found)
        for line in said:
            self.say(line)
        if plan is None:
            self.say(started(name, options.every, store, self.key, fresh=options.fresh))
        if options.trust:
            self.say(TRUSTED)
        run.causes = [cause.text for cause in found]
        self.runs[cell.name] = run
        if cell_id:
            self._ids[cell.name] = cell_id
        self.namespace.update({RUN: run, ITER: begin, WANTED: False})
        return self._statements(run, shown)

    def explanation(self, module: ast.Module, source: str, filename: str) -> str:
        """Where a cell, and the functions it calls, can be left and entered again. Runs nothing."""
        own = dict(functions_in(source, filename))
        found = partial(resolve, self.namespace, own, made_in(module))
        return explain(module, source, found, partial(described, self.namespace))

    def snapshots(self) -> list[Manifest | Damaged]:
        """Those in the session's own store, newest first; one that is not there is not made. Raises StoreError."""
        return self.repository().snapshots() if opening.may_hold_snapshots(self.store) else []

    def repositories(self) -> list[Repository]:
        """The session's own, and those that its cells were told to use. Raises StoreError."""
        places = [self.store, *(run.repository.place for run in self.runs.values() if run.repository is not None)]
        return [self.repository(place) for place in dict.fromkeys(map(store_at, places))]

    def _repository_to_read(self, options: Options) -> Repository | None:
        """The repository, None where there is no place for one: the cell then runs, and each snapshot tries again."""
        place = options.store or self.store
        try:
            return self.repository(place, trust=options.trust)
        except StoreUnavailable:
            if opening.may_hold_snapshots(place):
                raise
            return None

    def _beside(self, name: str, options: Options, paused: bool) -> Beside:
        if paused:
            return self.runs[name].beside
        where = options.store or self.store
        return Beside(where, check_paths(options.files, where), options.link, self.transcript, self.show)

    def _statements(self, run: Run, shown: frozenset[int]) -> list[ast.stmt]:
        module, plan = run.cell.module, run.plan
        rewriter = Rewriter(shown, run.defined, plan.rerun if plan else run.rerun)
        if plan is None:
            body = rewriter.top(module.body)
        else:
            fresh_machine = plan.body["machine"] != machine_id()
            if plan.cursor is None:
                body = finished(module, new_machine=fresh_machine)
            else:
                body = residual(
                    module, plan.cursor, rewriter,
                    in_call=bool(plan.levels), redefined=plan.redefined, new_machine=fresh_machine,
                    new_kernel=plan.body["session"] != self.id,
                )  # fmt: skip
        run.points, run.hidden = rewriter.points, rewriter.hidden
        first = module.body[0]
        # `global` at module level changes nothing but how the flag is loaded, see cell.rewrite.
        flag = at(ast.Global([WANTED]), first)
        guard = ast.With([ast.withitem(ast.Name(RUN, ast.Load()))], body)
        return [flag, at(guard, first)]

    def _plan(
        self, cell: Cell, repository: Repository, options: Options, held: Held
    ) -> tuple[Plan | None, list[str], Manifest | None]:
        if (there := opening.to_fetch_bytes(repository.place, cell.name)) > LONG_BYTES:
            self.say(f"fetching {size(there)} from {repository.place} …")
        manifest, problems = repository.newest(cell.name, hold=held.hold)
        said = [f"passed over: {problem}" for problem in problems]
        if manifest is None and problems:
            raise CorruptSnapshot(
                f"None of the snapshots of {cell.name!r} can be used: {' '.join(problems)} Nothing was run, and "
                f"nothing deleted; --fresh starts over."
            )
        if manifest is None:
            return None, said if options.name else [*said, *relatives(cell, self.runs, repository, self.clock())], None
        body = manifest.body
        if body["cursor"] is None:
            if body["session"] == self.id:
                return None, said, None
            if not same(parse(body["source"]), cell.module) and not options.resume_anyway:
                raise EditedCell(
                    f"{cell.name!r} finished {ago(self.clock() - manifest.created)} in an earlier kernel, with other "
                    f"code than this. Nothing was run. --fresh runs the new code; --resume-anyway puts the old results "
                    f"back. If this is another cell than that one, give it another name."
                )
        elif body["session"] == self.id and [path_of(frame) for frame in body["cursor"]["frames"]] == [BEGIN]:
            return None, said, None  # nothing of it had run, and the cells above may have been mended since
        return self._planned(cell, body, manifest.created, options), said, manifest

    def _planned(
        self, cell: Cell, body: Mapping[str, Any], created: float, options: Options, names: frozenset[str] = frozenset()
    ) -> Plan:
        """Where a snapshot's cursor lies in the code of this session. Raises EditedCell."""
        plan, edited = planned(cell, body, created, self.namespace, frozenset(options.rerun), names)
        if edited and not options.resume_anyway:
            age = ago(self.clock() - created)
            raise EditedCell(
                f"{cell.name!r} was edited in {', '.join(edited)}, which had already run, since its snapshot of {age}. "
                f"Nothing was run. Choose: undo the edit and run the cell again; add --resume-anyway to go on from the "
                f"snapshot with the new code (a loop under way keeps what it iterates); or add --fresh to start over. "
                f"If this is another cell than that one, give it another name."
            )
        return plan

    def _continued(self, cell: Cell, paused: Kept, plan: Plan) -> str:
        now = fingerprints(self.namespace, paused.names, plan.cell.own_names)
        names = changed(paused.marks, now)
        also = f" Changed since, and used as they are now: {', '.join(names)}." if names else ""
        return f"{cell.name} goes on from where it was paused, {where(paused.body)}.{also}"


def bounded(retention: Retention, store: str) -> Retention:
    """With a budget, where the store is on Drive and none was given: what is there counts against a small quota."""
    if retention.budget_bytes is None and is_drive(store):
        return replace(retention, budget_bytes=DRIVE_BUDGET_BYTES)
    return retention


def defined_names(namespace: dict[str, Any], module: ast.Module) -> frozenset[str]:
    """The names to which the notebook gave a meaning: variables, functions, methods."""
    names = set(namespace)
    for value in namespace.values():
        if issubclass(type(value), type) and value.__module__ == "__main__":
            names.update(vars(value))
    names.update(part.name for part in ast.walk(module) if isinstance(part, Definition))
    names.update(part.id for part in ast.walk(module) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))
    return frozenset(names)


def described(namespace: dict[str, Any], iterable: ast.expr) -> str | None:
    """What resume does with a loop over what a name stands for now."""
    value = namespace.get(iterable.id) if isinstance(iterable, ast.Name) else None
    return None if value is None else describe(value)

"""Writers of logs: torch's ``SummaryWriter`` for TensorBoard, and the run of wandb.

Their threads and connections can't be kept, but what they had written can be gone on with, wherever they are
held: in a variable, in an attribute of a trainer, in ``with``, or in wandb's own module.

A **SummaryWriter** is treated as a file that is being written: flushed at a snapshot, and at a restore its event
files are cut back to the bytes they had, so that what was logged after the snapshot is not there twice.
``purge_step`` would be wrong where tags count differently (batches and epochs): it drops by the step, whatever the
tag. From its first snapshot on, the names of files that a writer begins end with a mark, by which a later life knows
them, and takes away those that its snapshot knows nothing of; nobody else's files are touched. tensorboardX is left
out, for its ``flush()`` does not wait until all is written: its writers are made anew (see ``contexts``).

**wandb**'s run is resumed by its id, with ``resume="allow"``. Its server keeps what it got: what is logged again under
the same ``step=`` is ignored there, as it has to be, while without ``step=`` it comes again under further steps.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

import xxhash

from colab_guard.capture import remake
from colab_guard.capture.progress import current

if TYPE_CHECKING:
    from colab_guard.capture.pickler import Pickler

LINEAGE = "_colab_guard_log"  # an attribute of a writer: its mark, its folder, and its event files of all lives
FACTS = ("id", "project", "entity", "name", "group", "job_type", "notes")  # by which a run of wandb is begun again
_live: weakref.WeakSet[Any] = weakref.WeakSet()  # writers of this kernel that a snapshot holds


def writer_kinds() -> list[type]:
    """Torch's class of writers, if it is imported."""
    kind = getattr(sys.modules.get("torch.utils.tensorboard.writer"), "SummaryWriter", None)
    return [kind] if kind else []


def run_kinds() -> list[type]:
    """The class of wandb's runs, if it is imported."""
    kind = getattr(sys.modules.get("wandb.sdk.wandb_run"), "Run", None)
    return [kind] if kind else []


def goes_on(thing: object) -> bool:
    """Whether ``thing`` is a writer of logs that is restored as it stood."""
    return isinstance(thing, (*writer_kinds(), *run_kinds()))


# -- TensorBoard --------------------------------------------------------------------------------------------


def reduce_writer(pickler: Pickler, writer: Any) -> Any:
    """A SummaryWriter by its settings and the sizes of its event files, once it has written all it was given."""
    open_ones = (writer.all_writers or {}).values()
    for one in open_ones:
        one.flush()
    own = [_path(one) for one in open_ones]
    if own and LINEAGE not in vars(writer):
        mark = xxhash.xxh3_64_hexdigest(own[0].encode())[:8]
        writer.filename_suffix += f".{mark}"
        setattr(writer, LINEAGE, (mark, os.path.dirname(own[0]), ()))
    mark, folder, known = vars(writer).get(LINEAGE, ("", "", ()))
    files = sorted({*known, *own, *_marked(folder, mark)})
    sizes = {path: os.path.getsize(path) for path in files if os.path.exists(path)}
    if mark:
        setattr(writer, LINEAGE, (mark, folder, tuple(sizes)))
    _live.add(writer)
    state = dict(vars(writer), file_writer=None, all_writers=None)
    return remake.summary_writer, (type(writer), bool(own), mark, folder, sizes), state


def writer_again(kind: Any, is_open: bool, mark: str, folder: str, sizes: dict[str, int]) -> Any:
    """The writer, without its settings; its files are cut, and the next one begun, when the restore is sure."""
    new = kind.__new__(kind)
    current().later(partial(_go_on, new, is_open, mark, folder, sizes))
    return new


def _go_on(new: Any, is_open: bool, mark: str, folder: str, sizes: dict[str, int]) -> None:
    for old in list(_live):  # of this kernel: what it still holds back must not come behind the cut
        if old is not new and vars(old).get(LINEAGE, ("",))[0] == mark:
            old.close()
    for path, size in sizes.items():
        if os.path.exists(path) and os.path.getsize(path) > size:
            os.truncate(path, size)
    for path in _marked(folder, mark) - sizes.keys():
        os.remove(path)
    if is_open:
        given, new.log_dir = new.log_dir, folder  # absolute: the cell's working directory comes back later
        with contextlib.suppress(OSError):  # comes again when the cell writes
            new._get_file_writer()
        new.log_dir = given
    _live.add(new)


def _path(file_writer: Any) -> str:
    return os.path.abspath(str(file_writer.event_writer._file_name))


def _marked(folder: str, mark: str) -> set[str]:
    """The event files below ``folder`` (add_scalars() makes folders in it) that were begun under a mark."""
    if not mark:
        return set()
    return {
        os.path.join(where, name)
        for where, _, names in os.walk(folder)
        for name in names
        if "tfevents" in name and name.endswith(f".{mark}")
    }


# -- wandb --------------------------------------------------------------------------------------------------


def active_run() -> Any:
    """The run of wandb that is under way in this process, None without one."""
    return getattr(sys.modules.get("wandb"), "run", None)


def reduce_run(pickler: Pickler, run: Any) -> Any:
    """The run by its id and what describes it. Raises TypeError for one that has ended."""
    if run is not active_run():
        raise TypeError("a run of wandb that is over")
    facts: dict[str, Any] = {name: str(value) for name in FACTS if (value := getattr(run, name, None))}
    settings = getattr(run, "settings", None)
    facts |= {
        "tags": [str(tag) for tag in getattr(run, "tags", None) or ()],
        "config": _plain(run.config),
        "mode": getattr(settings, "mode", None),
        "dir": getattr(settings, "root_dir", None),
    }
    return remake.wandb_run, (facts, int(run.step))


def reduce_config(pickler: Pickler, config: Any) -> Any:
    """``run.config`` as that of the run; of a run that is over, the values."""
    run = active_run()
    if run is not None and run.config is config:
        return getattr, (run, "config")
    return remake.wandb_config, (_plain(config),)


def _plain(config: Any) -> Any:
    return json.loads(json.dumps(dict(config), default=str, skipkeys=True))


def run_again(facts: dict[str, Any], step: int) -> Any:
    """The run, resumed. One that a cell above has begun meanwhile is ended: its place is the resumed one's."""
    import wandb

    if wandb.run is not None:
        if wandb.run.id == facts["id"]:
            return wandb.run
        wandb.finish()
    folder = facts["dir"] if facts["dir"] and os.path.isdir(facts["dir"]) else None
    run = wandb.init(**{**facts, "dir": folder}, resume="allow")
    if run.step < step:  # offline, where no server knows
        run.log({}, step=step, commit=False)
    return run

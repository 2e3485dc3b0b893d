"""The writer and the process it lives in: forks, the end, and being asked to end."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from colab_guard.store.repository import Repository

HEAD = """
import os, signal, sys, threading, time
import numpy as np
from pathlib import Path
from colab_guard.saving import writer
from colab_guard.saving.writer import WRITER
from tests.saving.slow import Session
WRITER.finish.__func__.__defaults__ = (60.0,)
writer.FINISH_SECONDS = 60.0
session = Session(Path(sys.argv[1]), x=np.arange(300_000))
session.disk.go.clear()
assert session.save()
session.disk.waiting.wait(60)
"""


def run(store: Path, body: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """A process in which a snapshot is in flight, which a slow disk holds up, when the body begins."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])}
    code = before + HEAD + textwrap.dedent(body)
    return subprocess.run(
        [sys.executable, "-c", code, str(store)], capture_output=True, text=True, timeout=300, env=environment
    )


def snapshots(store: Path) -> int:
    repository = Repository.open(store)
    assert repository.verify().problems == ()
    return len(repository.snapshots())


def test_what_is_in_flight_when_the_program_ends_is_finished(tmp_path):
    ended = run(tmp_path, "threading.Timer(0.2, session.disk.go.set).start()")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert snapshots(tmp_path) == 1


def test_a_store_that_hangs_holds_the_end_up_for_a_bounded_time(tmp_path):
    ended = run(tmp_path, "import atexit; WRITER.finish.__func__.__defaults__ = (0.1,)")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert snapshots(tmp_path) == 0


def test_what_is_in_flight_at_sigterm_is_finished_and_the_process_ends_by_it(tmp_path):
    ended = run(
        tmp_path,
        """
        threading.Timer(0.2, session.disk.go.set).start()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(120)
        """,
    )
    assert (ended.returncode, ended.stderr) == (-15, "")
    assert snapshots(tmp_path) == 1


UPLOADED = """
import os, signal, sys, threading, time
import colab_guard as cg
from colab_guard.store.objects import Objects
from colab_guard.saving import writer
from colab_guard.tiers import opening
from tests.store import moved
writer.FINISH_SECONDS = opening.FINISH_SECONDS = 60.0
write_new, go, waiting = Objects.write_new, threading.Event(), threading.Event()
def held(self, name, chunks):
    if name.startswith("packs/"):
        waiting.set()
        go.wait()
    write_new(self, name, chunks)
Objects.write_new = held
for _ in cg.loop(range(3), name="zoo", store=f"{moved.SCHEME}://{sys.argv[1]}", every="1it"): pass
waiting.wait(60)
threading.Timer(0.2, go.set).start()
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(120)
"""


def test_what_is_being_uploaded_at_sigterm_is_too_where_no_cell_runs(tmp_path):
    """The stand-in for a slow line holds the first upload up until after the signal."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLAB_GUARD_LOCAL": str(tmp_path / "local")}
    command = [sys.executable, "-c", UPLOADED, str(tmp_path / "store")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert ended.returncode == -15, ended
    assert snapshots(tmp_path / "store") > 0
    newest = max(Repository.open(tmp_path / "store").snapshots(), key=lambda one: one.seq)
    assert newest.body["cursor"] is None, "the end of the loop"


def test_a_handler_of_the_users_own_for_sigterm_stays(tmp_path):
    own = "import signal\nsignal.signal(signal.SIGTERM, lambda *_: print('mine'))\n"
    ended = run(tmp_path, "session.disk.go.set()\nos.kill(os.getpid(), signal.SIGTERM)\n", before=own)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "mine\n", "")


FORKS = """
read, write = os.pipe()
def child():
    from colab_guard.saving.writer import WRITER
    assert not WRITER.is_busy
    assert threading.active_count() == 1
    other = Session(Path(sys.argv[1]) / "child", x=np.arange(300_000))
    assert other.save() and other.saver.finish(), other.said
    session.disk.go.set()
    assert session.save() and session.saver.finish(), session.said
    os.write(write, b"well")
for _ in range(5):
    pid = os.fork()
    if not pid:
        try:
            child()
        finally:
            os._exit(0)
    assert os.read(read, 4) == b"well"
    os.waitpid(pid, 0)
assert WRITER.is_busy
session.disk.go.set()
assert session.saver.finish()
"""


def test_children_forked_in_the_midst_of_a_write_can_take_snapshots_of_their_own(tmp_path):
    ended = run(tmp_path, FORKS)
    assert ended.returncode == 0, ended.stderr
    assert snapshots(tmp_path) == 3
    assert snapshots(tmp_path / "child") == 3


def test_a_fork_waits_until_the_writer_rests_between_two_steps(tmp_path):
    """Hashing and writing go on in short steps; at each fork the writer stands in `rest`, not in one of them."""
    ended = run(
        tmp_path,
        """
        session.disk.go.set()
        session.saver.finish()
        from colab_guard.saving import writer
        writer.PARK_SECONDS = 60.0
        where = []
        over = threading.Event()
        def work(job):
            while not over.is_set():
                where.append("step")
                where.append("between")
                job.step()
        WRITER.submit(writer.Job(work, lambda job: None))
        for _ in range(50):
            pid = os.fork()
            if not pid:
                os._exit(0 if where[-1] == "between" else 7)
            assert os.waitpid(pid, 0)[1] == 0
        over.set()
        assert WRITER.finish(60)
        """,
    )
    assert ended.returncode == 0, ended.stderr

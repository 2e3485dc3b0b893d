"""What is recorded is there at once, whatever becomes of the disk, and disturbs nobody."""

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

from colab_guard.flight import rolling
from colab_guard.flight.lines import FILE_BYTES, SESSIONS, decoded, encoded
from colab_guard.flight.reading import flights
from colab_guard.flight.recorder import LINE_BYTES

HEAD = """
import os, signal, sys, threading, time
from pathlib import Path
from colab_guard.flight.recorder import RECORDER
ready = threading.Event()
def probe():
    ready.set()
    return {"up": 1.0}
RECORDER.begin(Path(sys.argv[1]), {"session": "one"}, dict, {"all": probe})
def has_beat(path): return b'"beat"' in path.read_bytes()
while not any(map(has_beat, Path(sys.argv[1]).glob("flight/*.jsonl"))): time.sleep(0.01)
with RECORDER._writing: pass
"""


def run(root: Path, body: str) -> subprocess.CompletedProcess[str]:
    """A process that records, from after its first beat was written: an event waits for that only so long."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])}
    code = HEAD + textwrap.dedent(body)
    command = [sys.executable, "-W", "ignore", "-c", code, str(root)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


def whats(root: Path) -> list[str]:
    return [event["what"] for event in flights(root)[0].events]


def test_an_event_is_stored_when_the_next_instruction_kills_the_process(tmp_path):
    ended = run(tmp_path, "RECORDER.event('cell-began', name='x'); os.kill(os.getpid(), signal.SIGKILL)")
    assert (ended.returncode, ended.stdout, ended.stderr) == (-9, "", "")
    assert whats(tmp_path) == ["cell-began"]


def test_a_fatal_signal_is_told_of_by_the_next_session(tmp_path):
    ended = run(tmp_path, "os.kill(os.getpid(), signal.SIGSEGV)")
    assert ended.returncode == -signal.SIGSEGV
    (crash,) = flights(tmp_path)[0].events
    assert crash["what"] == "crash"
    assert "Segmentation fault" in crash["text"]


def test_who_has_enabled_the_fault_handler_already_keeps_it(tmp_path):
    own = "import faulthandler; faulthandler.enable()\n"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])}
    code = own + HEAD + "os.kill(os.getpid(), signal.SIGSEGV)"
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60, env=environment
    )
    assert "Segmentation fault" in ended.stderr
    assert whats(tmp_path) == []


def test_a_forked_child_records_nothing_and_its_death_is_not_the_sessions(tmp_path):
    ended = run(
        tmp_path,
        """
        held, forked = threading.Event(), threading.Event()
        def hold():  # as if another thread wrote at this very moment
            with RECORDER._writing:
                held.set()
                forked.wait()
        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()
        child = os.fork()
        if not child:
            RECORDER.event("exit")
            RECORDER.end()
            os.kill(os.getpid(), signal.SIGSEGV)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        forked.set()
        thread.join()
        RECORDER.event("shutdown", restart=True)
        RECORDER.end()
        """,
    )
    assert (ended.stdout, ended.stderr) == (f"{-signal.SIGSEGV}\n", "")
    assert whats(tmp_path) == ["shutdown"]
    assert [path.suffix for path in (tmp_path / "flight").iterdir()] == [".jsonl"]


def test_a_signal_handler_and_many_threads_may_tell_of_events_at_once(tmp_path):
    ended = run(
        tmp_path,
        """
        told = []
        def handler(number, frame):
            told.append(number)
            RECORDER.event("signal", signal="SIGALRM")
            signal.setitimer(signal.ITIMER_REAL, 0.001)  # not before: handlers would pile up where this takes long
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        def tell():
            for _ in range(20): RECORDER.event("warning", about="ram")
        threads = [threading.Thread(target=tell) for _ in range(8)]
        for thread in threads: thread.start()
        while any(thread.is_alive() for thread in threads) or len(told) < 20: RECORDER.event("warning", about="disk")
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        RECORDER.event("exit")
        print(len(told))
        """,
    )
    assert ended.stderr == ""
    (path,) = (tmp_path / "flight").glob("*.jsonl")
    raw = path.read_bytes()
    lines = list(decoded(raw))
    assert len(lines) == raw.count(b"\n")  # none is torn, none is lost
    assert sum(line.get("about") == "ram" for line in lines) == 160
    assert sum(line.get("signal") == "SIGALRM" for line in lines) == int(ended.stdout)


def test_nothing_is_printed_and_no_random_number_is_drawn(recorded, capfd):
    before = random.getstate()
    recorded.begin()
    recorded.beat(3)
    recorded.recorder.event("cell-began", name="x")
    recorded.recorder.end()
    assert random.getstate() == before
    assert capfd.readouterr() == ("", "")


def test_what_is_told_before_the_first_beat_is_stored_at_once(recorded):
    recorded.recorder.event("too-early")
    recorded.begin()
    recorded.recorder.event("cell-began", name="x")
    flight = recorded.read()
    assert (flight.start["machine"], whats(recorded.root)) == ("m", ["cell-began"])
    recorded.beat()
    flight = recorded.read()
    assert flight.start["boot"] == "b"
    assert [line.get("what", "beat") for line in flight.lines] == ["cell-began", "beat"]
    assert (flight.session, flight.machine, flight.last) == ("one", "m", flight.start["t"])


def test_a_probe_that_fails_keeps_nothing_else_from_being_told(recorded):
    recorded.begin()
    recorded.recorder._probes = {"broken": lambda: 1 / 0, "all": lambda: {"up": 2.0}}
    recorded.beat()
    assert recorded.read().beats[0]["up"] == 2.0
    assert recorded.recorder.troubles == {"broken": "ZeroDivisionError: division by zero"}


def test_a_new_file_begins_with_the_start_and_all_events_and_the_oldest_goes(recorded, monkeypatch):
    monkeypatch.setattr(rolling, "FILE_BYTES", 600)
    recorded.begin()
    for number in range(30):
        recorded.beat()
        recorded.recorder.event("cell-began", name=f"cell {number}")
    files = recorded.files()
    assert len(files) == rolling.FILES
    for path in files:
        assert path.read_text().startswith('{"kind":"start"')
    assert [event["name"] for event in recorded.read().events] == [f"cell {number}" for number in range(30)]


def test_a_session_of_24_hours_keeps_at_most_2_mb(recorded):
    recorded.begin()
    loops = [["epoch", 3, 50], ["batch", 1200, 6989]]
    recorded.fields = {"ram": [10**10, 10**11], "gpu": [[10**10] * 3] * 8, "cell": {"name": "x" * 60, "loops": loops}}
    for hour in range(24):
        for number in range(30):
            recorded.recorder.event("cell-failed", name=f"cell {number}", text=f"{hour} " * 1000, of=["x" * 90] * 16)
        recorded.beat(360)
    sizes = [path.stat().st_size for path in (recorded.root / "flight").iterdir()]
    assert len(sizes) == rolling.FILES
    assert 1e6 < sum(sizes) <= 2e6
    assert 0.2e6 < len(recorded.recorder._content()) <= 0.6e6
    assert max(sizes) < FILE_BYTES + 30 * LINE_BYTES  # told between two beats


def test_the_flights_of_the_newest_sessions_are_kept(recorded):
    for number in range(SESSIONS + 3):
        recorded.begin(f"session-{number}")
        recorded.beat(2)
        recorded.recorder.end()
    assert [flight.session for flight in flights(recorded.root)] == [f"session-{number}" for number in range(7, 2, -1)]


def test_a_long_flight_stays_beside_many_younger_ones(recorded):
    recorded.begin("long")
    recorded.beat()
    for number in range(SESSIONS + 1):
        younger = rolling.Rolling(recorded.root, recorded.now + number, f"younger-{number}")
        younger.begin([encoded({"kind": "start", "t": recorded.now + number})])
        younger.close()
    recorded.beat(3)
    (path,) = [path for path in recorded.files() if "long" in path.name]
    assert len(list(decoded(path.read_bytes()))) == 4


def test_what_was_recorded_stays_where_the_disk_is_full_when_it_goes_on(recorded, small_disk):
    recorded.root = small_disk / "store"
    recorded.begin()
    for number in range(30):
        recorded.recorder.event("warning", text=f"{number:300}")
    recorded.recorder.end()
    fill(small_disk)
    recorded.begin()
    assert recorded.recorder.troubles["disk"]
    assert whats(recorded.root) == ["warning"] * 30
    (small_disk / "big").unlink()
    recorded.recorder.event("cell-began")
    recorded.beat()
    assert whats(recorded.root) == [*["warning"] * 30, "cell-began"]
    assert len(recorded.files()) == 1


def test_a_disk_that_is_full_for_a_while_loses_nothing_of_what_was_before_or_comes_after(recorded, small_disk):
    recorded.root = small_disk / "store"
    recorded.begin()
    recorded.beat()
    recorded.recorder.event("cell-began", name="before")
    fill(small_disk)
    for number in range(300):
        recorded.recorder.event("warning", about="disk", text=f"{number}" * 50)
        recorded.beat()
    assert recorded.recorder.troubles["disk"]
    assert whats(recorded.root)[0] == "cell-began"
    (small_disk / "big").unlink()
    recorded.recorder.event("cell-ended", name="after")
    recorded.beat()
    assert "disk" not in recorded.recorder.troubles
    told = recorded.read()
    assert [event["what"] for event in told.events] == ["cell-began", *["warning"] * 300, "cell-ended"]
    assert len(told.beats) == 302


def test_no_old_file_is_given_up_for_one_that_can_not_be_written(recorded, small_disk, monkeypatch):
    monkeypatch.setattr(rolling, "FILE_BYTES", 600)
    recorded.root = small_disk / "store"
    recorded.begin()
    recorded.recorder.event("cell-began", name="before")
    recorded.beat(20)
    before = recorded.files()
    fill(small_disk)
    recorded.beat(20)
    assert recorded.files() == before
    assert whats(recorded.root) == ["cell-began"]


def fill(disk: Path) -> None:
    with open(disk / "big", "wb") as file:
        while shutil.disk_usage(disk).free:
            file.write(bytes(1000))
            file.flush()


def test_a_store_that_can_only_be_read_is_recorded_in_once_it_can_be_written(recorded, small_disk):
    recorded.root = small_disk / "store"
    recorded.root.mkdir()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    recorded.begin()
    recorded.recorder.event("cell-began", name="x")
    recorded.beat()
    assert f"[Errno {errno.EROFS}]" in recorded.recorder.troubles["disk"]
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    recorded.beat()
    assert whats(recorded.root) == ["cell-began"]
    assert len(recorded.read().beats) == 2


def test_a_folder_that_is_deleted_is_begun_again_but_not_one_whose_mount_has_gone(recorded):
    recorded.begin()
    recorded.recorder.event("cell-began", name="x")
    recorded.beat()
    shutil.rmtree(recorded.root / "flight")
    recorded.beat()
    assert whats(recorded.root) == ["cell-began"]
    shutil.rmtree(recorded.root)
    recorded.beat()
    assert not recorded.root.exists()
    assert recorded.recorder.troubles["disk"]
    recorded.root.mkdir()
    recorded.beat()
    assert whats(recorded.root) == ["cell-began"]


def test_a_mount_that_dies_and_comes_back_has_the_whole_flight(recorded, new_drive):
    """A plain folder on a real FUSE mount: what is written there fails with errno 107."""
    drive = new_drive()
    recorded.root = drive.mount / "MyDrive/elsewhere"
    recorded.begin()
    recorded.recorder.event("cell-began", name="x")
    recorded.beat()
    drive.kill()
    for number in range(3):
        recorded.beat()
        recorded.recorder.event("warning", about="ram", number=number)
        assert f"[Errno {errno.ENOTCONN}]" in recorded.recorder.troubles["disk"]
    drive.remount()
    recorded.beat()
    assert "disk" not in recorded.recorder.troubles
    assert whats(recorded.root) == ["cell-began", *["warning"] * 3]
    assert len(recorded.read().beats) == 5
    recorded.recorder.end()


def test_a_store_that_moves_takes_the_whole_flight_along(recorded, tmp_path):
    recorded.begin()
    recorded.recorder.event("cell-began", name="x")
    recorded.beat()
    recorded.root = tmp_path / "drive"
    recorded.recorder.move(recorded.root)
    assert whats(recorded.root) == ["cell-began"], "at once: the next beat may come too late"


def test_an_extension_loaded_again_goes_on_with_the_same_flight(recorded):
    recorded.begin()
    recorded.recorder.event("cell-began", name="x")
    recorded.beat()
    recorded.recorder.end()
    recorded.recorder.event("unheard")
    recorded.begin()
    recorded.recorder.event("cell-ended", name="x")
    recorded.beat()
    assert [event["what"] for event in recorded.read().events] == ["cell-began", "cell-ended"]
    assert len(flights(recorded.root)) == 1


def test_of_two_sessions_that_began_in_one_second_the_later_comes_first(recorded):
    for session, seconds in (("b", 0.25), ("a", 0.5), ("c", 0.0)):
        recorded.now = 1_795_000_000.0 + seconds
        recorded.begin(session)
        recorded.recorder.end()
    assert [flight.session for flight in flights(recorded.root)] == ["a", "b", "c"]


def test_what_json_does_not_know_is_told_in_words(recorded):
    recorded.begin()
    recorded.recorder.event("warning", about=Path("a"), text="\udcff", often=float("nan"), many=["x" * 100] * 100)
    recorded.recorder.event("warning", about={1: threading})
    recorded.beat()
    assert len(recorded.read().events) == 2
    assert recorded.recorder.troubles == {}


def test_a_crash_is_the_last_of_its_flight_though_a_files_time_is_coarser(tmp_path):
    (tmp_path / "flight").mkdir()
    name = tmp_path / "flight/20261121T165217Z-one"
    crash = name.with_name(f"{name.name}.crash")
    crash.write_text("Fatal Python error: Aborted\n")
    os.utime(crash, (99, 99))
    lines = [{"kind": "start", "t": 1, "session": "one"}, {"kind": "event", "what": "cell-began", "t": 99.5}]
    name.with_name(f"{name.name}-0001.jsonl").write_bytes(b"".join(map(encoded, lines)))
    assert whats(tmp_path) == ["cell-began", "crash"]
    assert flights(tmp_path)[0].last == 99.5


def test_lines_that_were_cut_off_are_passed_over_wherever_they_were(tmp_path):
    (tmp_path / "flight").mkdir()
    path = tmp_path / "flight/20261121T165217Z-one-0001.jsonl"
    whole = encoded({"kind": "start", "t": 1, "session": "one"}) + b"".join(
        encoded({"kind": "beat", "t": t, "text": "é"}) for t in (2, 3)
    )
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        (flight,) = flights(tmp_path)
        assert [line["t"] for line in flight.beats] == [2, 3][: max(0, whole[: cut + 1].count(b"\n") - 1)]
    path.write_bytes(whole[:40] + b"\n" + b"[1]\n{}\n\xff\xfe\nnull\n" + whole)
    (flight,) = flights(tmp_path)
    assert len(flight.lines) == 2


def test_files_that_go_while_they_are_looked_at_hide_no_other(recorded):
    """Links to nowhere, of which the system tells as little."""
    recorded.begin()
    recorded.beat()
    for number in range(50):
        (recorded.root / f"flight/20261121T165217Z-gone-{number:04d}.jsonl").symlink_to("nowhere")
    assert len(recorded.read().beats) == 1


def test_an_event_that_is_told_while_a_file_is_begun_is_in_it(recorded, monkeypatch):
    begin = rolling.Rolling.begin

    def slowly(files, head):
        begin(files, head)
        other = threading.Thread(target=recorded.recorder.event, args=("cell-began",), kwargs={"name": "meanwhile"})
        other.start()
        while not recorded.recorder._waiting:  # then it waits for who writes, and has told what it has to tell
            time.sleep(0.01)

    monkeypatch.setattr(rolling.Rolling, "begin", slowly)
    recorded.begin()
    recorded.beat()
    assert whats(recorded.root) == ["cell-began"]


def test_a_thread_that_hangs_in_a_write_keeps_no_other_from_going_on_or_ending(recorded, monkeypatch):
    write, hanging, going = rolling.Rolling.write, threading.Event(), threading.Event()

    def hangs(files, line):
        if threading.current_thread() is not threading.main_thread():
            hanging.set()
            assert going.wait(60)
        write(files, line)

    recorded.begin()
    recorded.beat()
    monkeypatch.setattr(rolling.Rolling, "write", hangs)
    thread = threading.Thread(target=recorded.watch.looks["flight"])
    thread.start()
    assert hanging.wait(60)
    recorded.recorder.event("cell-began", name="x")
    before = len(recorded.read().lines)
    going.set()
    thread.join()
    assert (before, len(recorded.read().lines)) == (1, 3)

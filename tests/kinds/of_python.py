"""What Python itself brings."""

from tests.kinds.kind import Kind

KINDS = (
    Kind(
        "plain values",
        """
x = [1, 2.5, -0.0, float("nan"), 1j, True, None, ..., "é", b"bytes", range(3), slice(1, None), 10**40]
""",
        mutate="x.append(1)",
    ),
    Kind(
        "containers",
        """
import collections, array, types
x = {"list": [1, [2]], "tuple": (1, (2,)), "set": {1, 2}, "frozenset": frozenset({3}),
     "deque": collections.deque([1, 2], 5), "counter": collections.Counter("abca"),
     "default": collections.defaultdict(list, {1: [2]}), "ordered": collections.OrderedDict(b=1, a=2),
     "chain": collections.ChainMap({1: 2}, {3: 4}), "array": array.array("d", [1.5]), "bytes": bytearray(b"abc"),
     "space": types.SimpleNamespace(a=1), "proxy": types.MappingProxyType({1: 2})}
""",
        probe="[repr(x), x['default']['new']]",
        mutate="x['deque'].append(9); x['bytes'].extend(b'd'); x['array'].append(2.5); x['default'][1].append(3)",
    ),
    Kind(
        "one object under two names",
        "x = [1]; y = {'x': x}; loop = [x]; loop.append(loop)",
        probe="[x, y, loop[0] is x is y['x'], loop[1] is loop]",
        mutate="x.append(2)",
    ),
    Kind(
        "large text and bytes",
        """
x = "é" * 300_000 + "tail"
y = [bytes(200_000), bytearray(b"z" * 200_000), x]
alias = y[1]
""",
        probe="[x, y, y[1] is alias, y[2] is x]",
        mutate="alias[0] = 1",
        large=1_000_000,
    ),
    Kind(
        "lambdas and closures",
        """
def counter():
    n = [0]
    def count():
        n[0] += step
        return n[0]
    return count, lambda: n[0]
step = 2
x, peek = counter()
x()
""",
        probe="[peek(), (lambda: [x(), peek()])()]",
        mutate="step = 5",
    ),
    Kind(
        "functions with attributes, defaults and caches",
        """
import functools
def f(a, seen=[], *, k={"k": 1}):
    seen.append(a)
    return seen
f.calls = 1
f("made")
@functools.lru_cache
def cached(n): return [n]
cached(1)
x = f
""",
        probe="[x.__defaults__, x.__kwdefaults__, x.calls, cached(3)]",
        mutate="x.calls = 2; x('again')",
    ),
    Kind(
        "functools.partial, bound methods, operators",
        """
import functools, operator
items = [3]
x = functools.partial(items.insert, 0)
y = functools.partial(int, base=2)
get, method = operator.itemgetter(0), items.append
class Tool:
    n = 1
    @functools.partialmethod
    def no(self): ...
    @functools.singledispatchmethod
    def kind(self, v): return "any"
    @functools.cached_property
    def slow(self): return [self.n]
tool = Tool(); tool.slow.append(2); bound = tool.kind
""",
        probe="[y('101'), get([7]), items, tool.slow, bound(1), x.func.__self__ is items, method.__self__ is items]",
        mutate="x(1); method(4)",
    ),
    Kind(
        "dataclasses, enums, namedtuples",
        """
import collections, dataclasses, enum, typing
@dataclasses.dataclass
class Point:
    x: int
    tags: list = dataclasses.field(default_factory=list)
@dataclasses.dataclass(frozen=True, slots=True)
class Fixed:
    a: float
class Colour(enum.Enum):
    RED = 1
    BLUE = enum.auto()
class Flags(enum.Flag):
    A = 1
    B = 2
Pair = collections.namedtuple("Pair", "a b")
class Typed(typing.NamedTuple):
    n: int = 3
x = Point(1, [Colour.RED]); fixed = Fixed(1.5); both = Flags.A | Flags.B; pair = Pair(x, 2); typed = Typed()
""",
        probe="[x.x, [t.name for t in x.tags], x.tags[0] is Colour.RED, fixed.a, both.value, both == Flags.A | Flags.B,"
        " pair.a is x, pair._fields, typed, x == Point(x.x, list(x.tags))]",
        mutate="x.x = 7; x.tags.append(Colour.BLUE)",
    ),
    Kind(
        "classes of the notebook",
        """
import abc, typing
class Meta(type):
    def __call__(cls, *a): return super().__call__(*a)
class Base(metaclass=Meta):
    made = []
    __slots__ = ("a", "__dict__", "__weakref__")
    def __init__(self, a): self.a = a; self.made.append(a)
    @property
    def twice(self): return self.a * 2
    @classmethod
    def of(cls): return cls.made
class Child(Base):
    def __init__(self, a): super().__init__(a); self.b = [a]
    def __eq__(self, other): return self.a == other.a
    def __hash__(self): return hash(self.a)
    def __getstate__(self): return {"a": self.a, "b": self.b}
    def __setstate__(self, state): self.a = state["a"]; self.b = state["b"]
class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...
class Square(Shape):
    def area(self): return 4
T = typing.TypeVar("T")
class Box(typing.Generic[T]):
    def __init__(self, v): self.v = v
x = Child(2); square = Square(); box = Box[int](3); keyed = {x: "x"}
""",
        probe="[x.a, x.b, x.twice, x.of(), type(x) is Child, square.area(), box.v, keyed[x], isinstance(square, Shape)]",
        mutate="x.b.append(3); Base.made.append(9); x.a = 2",
    ),
    Kind(
        "errors and tracebacks",
        """
try:
    [][1]
except IndexError as error:
    x = error
x.extra = [1]
""",
        probe="[type(x).__name__, x.args, x.extra]",
        mutate="x.extra.append(2)",
    ),
    Kind(
        "dates, decimals, paths, patterns, uuids",
        """
import datetime, decimal, fractions, ipaddress, pathlib, re, uuid, zoneinfo
x = [datetime.datetime(2026, 1, 2, tzinfo=zoneinfo.ZoneInfo("UTC")), datetime.timedelta(1), decimal.Decimal("1.10"),
     fractions.Fraction(1, 3), pathlib.Path("a/b"), re.compile("a+", re.I), uuid.UUID(int=3),
     ipaddress.ip_address("10.0.0.1")]
""",
        probe="repr(x)",
        mutate="x.append(1)",
    ),
    Kind(
        "random.Random",
        "import random; x = random.Random(3); x.random(); y = random.SystemRandom()",
        probe="[x.getstate()[1][-9:], type(y).__name__]",
        mutate="x.random()",
    ),
    Kind(
        "modules, also as attributes",
        "import math, os.path; x = {'m': math, 'p': os.path}; n = [1]",
        probe="[x['m'] is math, x['p'] is os.path, n]",
        mutate="n.append(1)",
    ),
    Kind(
        "iterators",
        """
import itertools
items = [1, 2, 3, 4]
x = iter(items); next(x)
keys = iter({"a": 1, "b": 2}.items()); next(keys)
zipped = enumerate(zip(items, "abcd")); next(zipped)
counted = itertools.count(5); next(counted)
mapped = map(str, iter(items)); next(mapped)
backwards = reversed(items); next(backwards)
""",
        probe="[items, (lambda: [next(x), next(keys), next(zipped), next(counted), next(mapped), next(backwards)])()]",
        mutate="items[-1] = 9; items[1] = 7",
    ),
    Kind(
        "generators",
        """
def squares(n):
    total = 0
    for i in range(n):
        total += i * i
        got = yield total
        if got: total += got
def chained(n):
    yield from squares(n)
x = chained(9); next(x); next(x)
lazy = (i * 2 for i in range(9)); next(lazy)
ended = squares(0); list(ended)
fresh = squares(3)
""",
        probe="[x.__name__, (lambda: [x.send(100), next(lazy), list(ended), next(fresh)])()]",
        mutate="next(x)",
    ),
    Kind(
        "coroutines and asynchronous generators",
        """
async def f(): return 1
async def g(): yield 1
x, y = f(), g()
""",
        notes=("x (coroutine)", "y (async_generator)"),
        lost="x.send(None)",
    ),
    Kind(
        "weak references",
        """
import weakref
class Node: pass
class Method:
    def go(self): return "gone"
node, method = Node(), Method()
x = weakref.ref(node)
same = weakref.ref(node)
dead = weakref.ref(Node())
proxy = weakref.proxy(node)
bound = weakref.WeakMethod(method.go)
heard = []
def hear(reference): heard.append("died")
told = weakref.ref(node, hear)
node.up = weakref.ref(method)
node.name = "n"
""",
        probe="[x() is node, same() is node, dead() is None, proxy.name, bound()(), told() is node, heard,"
        " told.__callback__ is hear, node.up() is method, type(x).__name__, type(proxy).__name__]",
        mutate="node.name = 'm'; heard.append(1)",
    ),
    Kind(
        "weak dictionaries and sets, finalizers",
        """
import weakref
class Node: pass
kept, gone = Node(), Node()
x = weakref.WeakValueDictionary(kept=kept, gone=gone)
keys = weakref.WeakKeyDictionary({kept: [1], gone: [2]})
weak = weakref.WeakSet([kept, gone])
del gone
log = []
done = weakref.finalize(kept, log.append, "died")
done.atexit = False
other = weakref.finalize(kept, print)
other.detach()
""",
        probe="[x['kept'] is kept, list(x), keys[kept], len(keys), list(weak) == [kept], done.alive, done.atexit,"
        " other.alive, done.peek()[0] is kept, log, (lambda: [done(), log.pop()])()]",
        mutate="keys[kept].append(3)",
    ),
    Kind(
        "locks and what is made of them",
        """
import queue, threading
x = threading.Lock()
rlock, event, semaphore = threading.RLock(), threading.Event(), threading.Semaphore(2)
condition, barrier = threading.Condition(x), threading.Barrier(1)
event.set(); semaphore.acquire()
jobs, ranked = queue.Queue(3), queue.PriorityQueue()
jobs.put("a"); ranked.put(2); ranked.put(1)
local = threading.local(); local.n = 1
""",
        probe="[x.locked(), rlock.acquire(blocking=False), rlock.release(), event.is_set(), semaphore._value,"
        " condition._lock is x, barrier.parties, list(jobs.queue), jobs.maxsize, ranked.queue,"
        " (lambda: [condition.__enter__(), condition.notify(), condition.__exit__()])(),"
        " local.n]",
        mutate="jobs.put('b'); event.clear(); local.n = 2",
    ),
    Kind(
        "locks that are held",
        """
import threading
x, y, z = threading.Lock(), threading.RLock(), [1]
x.acquire(); y.acquire()
""",
        notes=("x (_thread.lock)", "y (_thread.RLock)"),
        lost="x.release()",
    ),
    Kind(
        "threads, timers, executors and their futures",
        """
import concurrent.futures, queue, threading
stop = threading.Event()
thread = threading.Thread(target=stop.wait, daemon=True); thread.start()
executor = concurrent.futures.ThreadPoolExecutor(1)
x, future = [thread], executor.submit(stop.wait)
done = executor.submit(int)
""",
        notes=(
            "done (",
            "executor (concurrent.futures.thread.ThreadPoolExecutor)",
            "future (",
            "thread (threading.Thread)",
        ),
        lost="x[0].join()",
    ),
    Kind(
        "subprocesses",
        """
import subprocess, sys
x = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
done = subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True)
""",
        notes=("x (subprocess.Popen)",),
        lost="x.wait()",
    ),
    Kind(
        "sockets, pipes, selectors",
        """
import os, selectors, socket, ssl
x, y = socket.socketpair()
r, w = os.pipe()
pipe = os.fdopen(r)
context = ssl.create_default_context()
""",
        notes=("context (ssl.SSLContext)", "pipe (_io.TextIOWrapper)", "x (socket.socket)", "y (socket.socket)"),
        lost="x.send(b'')",
    ),
    Kind(
        "database connections",
        """
import sqlite3
x = sqlite3.connect(folder + "/data.db")
cursor = x.execute("select 1")
row = sqlite3.connect(":memory:").execute("select 1, 2").fetchone()
""",
        notes=("cursor (sqlite3.Cursor)", "x (sqlite3.Connection)"),
        lost="x.execute('select 1')",
    ),
    Kind(
        "files open for reading",
        """
from pathlib import Path
path = Path(folder) / "read.txt"
path.write_text("één\\ntwee\\ndrie\\n", encoding="utf-8")
x = path.open(encoding="utf-8"); x.readline()
raw = path.open("rb"); raw.read(3)
unbuffered = path.open("rb", buffering=0); unbuffered.read(1)
closed = path.open(); closed.close()
alias = [x]
""",
        probe="[x.tell(), x.mode, x.encoding, raw.tell(), raw.mode, unbuffered.tell(), closed.closed, alias[0] is x]",
        mutate="x.readline(); raw.read(1)",
    ),
    Kind(
        "files open for writing",
        """
from pathlib import Path
path = Path(folder) / "out.txt"
x = path.open("w"); x.write("kept\\n")
log = (Path(folder) / "log.txt").open("a"); log.write("1\\n")
new = (Path(folder) / "new.bin").open("xb"); new.write(b"abc")
both = (Path(folder) / "both.txt").open("w+"); both.write("abcdef"); both.seek(2)
""",
        probe="[x.tell(), log.tell(), new.tell(), both.tell(), [f.flush() for f in (x, log, new, both)],"
        " path.read_text(), Path(log.name).read_text(), Path(new.name).read_bytes(), Path(both.name).read_text()]",
        mutate="x.write('more\\n'); log.write('2\\n')",
    ),
    Kind(
        "files in memory",
        """
import io
x = io.BytesIO(bytes(300_000)); x.seek(7)
text = io.StringIO("abc"); text.read(1)
""",
        probe="[x.tell(), x.getvalue(), text.tell(), text.getvalue()]",
        mutate="x.write(b'new')",
        large=600_000,
    ),
    Kind(
        "compressed files, temporary files",
        """
import gzip, tempfile
x = gzip.open(folder + "/a.gz", "wb"); x.write(b"a")
temporary = tempfile.NamedTemporaryFile()
""",
        notes=("temporary (tempfile._TemporaryFileWrapper)", "x (gzip.GzipFile)"),
        lost="x.write(b'')",
    ),
    Kind(
        "zip archives",
        """
import zipfile
path = folder + "/a.zip"
x = zipfile.ZipFile(path, "w"); x.writestr("one", "1")
""",
        probe="[x.close(), zipfile.ZipFile(path).namelist(), zipfile.ZipFile(path).testzip()]",
        mutate="x.writestr('two', '2')",
    ),
    Kind(
        "loggers and csv",
        """
import csv, io, logging
x = logging.getLogger("kinds")
target = io.StringIO()
handler = logging.StreamHandler(target); x.addHandler(handler)
writer = csv.writer(target); writer.writerow([1, 2])
""",
        probe="[x.name, target.getvalue(), handler.stream is target]",
        mutate="target.write('more')",
        notes=("writer (_csv.writer)",),
    ),
)

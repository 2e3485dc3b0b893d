"""What the libraries for data bring."""

from tests.kinds.kind import Kind

LOOK = "(x.dtype.str, x.shape, x.strides, x.flags.writeable, x.tobytes())"

KINDS = (
    Kind(
        "numpy: arrays of every dtype and order",
        """
import numpy as np
x = np.asfortranarray(np.arange(12.0).reshape(3, 4))
more = [np.array(5.0), np.zeros((0, 3)), np.arange(20)[::-2], np.array(["a", "bc"]), np.array([b"a"]),
        np.array(["2026-01-01", "NaT"], "M8[D]"), np.array([1 + 2j], "c8"), np.array([True]), np.float16([1.5]),
        np.longdouble([1.5]), np.arange(3, dtype=">i4"), np.arange(24).reshape(2, 3, 4).transpose(1, 2, 0),
        np.broadcast_to(np.arange(3), (2, 3)), np.float32(1.5), np.dtype("f4"), np.array(["a", "b"], np.dtypes.StringDType())]
frozen = np.arange(3); frozen.flags.writeable = False
""",
        probe="[x, more, x.flags.f_contiguous, more[2].strides, frozen.flags.writeable]",
        mutate="x[1, 1] = -1; more[3][0] = 'z'",
    ),
    Kind(
        "numpy: large arrays",
        "import numpy as np; x = np.arange(50_000.0); still = np.arange(50_000.0)[::-1]",
        probe="[x, still]",
        mutate="x[7] = -1",
        large=800_000,
    ),
    Kind(
        "numpy: views, also of other libraries' memory",
        """
import numpy as np
x = np.arange(20_000.0).reshape(2, -1)
row, back, every, deep = x[1], x[::-1], x[:, ::2], x[:, 10:][:, ::3].T
borrowed = bytearray(16)
whole, part = np.frombuffer(borrowed, "u1"), np.frombuffer(borrowed, "u2", offset=4, count=2)
""",
        probe="[x, row, back, every, deep, whole, part, (lambda: [x.__setitem__((1, 0), 7), whole.__setitem__(4, 9),"
        " row[0], back[0, 0], every[1, 0], part[0]])()]",
        mutate="x[1, 16] = -1; whole[5] = 3",
    ),
    Kind(
        "numpy: structured arrays and records",
        """
import numpy as np
x = np.zeros(3, [("a", "i4"), ("b", "f8", (2,)), ("c", "U3")]); x["a"] = 1, 2, 3
record = np.rec.array([(1, 2.5), (3, 4.5)], names="n,v")
aligned = np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True))
field = x["b"]
held = np.zeros(2, [("o", "O"), ("n", "i4")]); held["o"][0] = [1]
one = x[0]
""",
        probe="[x, type(record).__name__, record.n, record.v, record[0].v, type(record[0]).__name__, aligned,"
        " aligned.dtype.itemsize, field, held['o'].tolist(), held['n'], one['a'], np.shares_memory(field, x)]",
        mutate="x['b'][1] = 5; record.n[0] = 9; held['o'][0].append(2)",
    ),
    Kind(
        "numpy: arrays of objects, and views of them",
        """
import numpy as np
part = [1]
x = np.array([part, None, {"a": part}, 3], dtype=object)
view, back = x[1:], x.reshape(2, 2).T
nested = np.empty(2, object); nested[0] = np.arange(3); nested[1] = nested
""",
        probe="[x.tolist(), x[0] is x[2]['a'] is part, view.tolist(), back.tolist(), nested[0], nested[1] is nested,"
        " (lambda: [x.__setitem__(3, 'new'), view[-1], back[1, 1]])()]",
        mutate="part.append(2); x[1] = 5",
    ),
    Kind(
        "numpy: masked arrays and matrices",
        """
import numpy as np
base = np.arange(10_000.0)
x = np.ma.masked_array(base, mask=base % 2 == 0, fill_value=-1)
part, plain, hard = x[:3], np.ma.masked_array([1, 2]), np.ma.masked_array([1, 2], mask=[0, 1], hard_mask=True)
matrix = base[:4].reshape(2, 2).view(np.matrix)
only, several = np.ma.masked, np.ma.masked_array([[1], 2], [True, False], dtype=object)
class Named(np.ndarray):
    unit = ""
    def __array_finalize__(self, other): self.unit = getattr(other, "unit", "")
named = base[:2].view(Named); named.unit = "m"
still = np.ma.masked_array(np.arange(14_000.0))
""",
        probe="[x.data, np.asarray(x.mask), float(x.fill_value), part.tolist(), plain.mask is np.ma.nomask, plain.data,"
        " hard.hardmask, hard.tolist(), type(matrix).__name__, matrix[0].shape, only is np.ma.masked,"
        " several.tolist(), type(named).__name__, named.unit, named.view(np.ndarray), still.sum(), type(x).__name__,"
        " (lambda: [base.__setitem__(1, 77), x[1], part[1], matrix[0, 1], named[1]])()]",
        mutate="x[5] = np.ma.masked; x[7] = 70; hard[0] = 5; named.unit = 'km'",
        large=190_000,
    ),
    Kind(
        "numpy: memory-mapped files, read only",
        """
import numpy as np
np.save(folder + "/data.npy", np.arange(100_000.0)); np.arange(50_000, dtype="i2").tofile(folder + "/raw.bin")
x = np.load(folder + "/data.npy", mmap_mode="r")
raw = np.memmap(folder + "/raw.bin", "i2", "r", offset=200, shape=(100, 200), order="F")
row, plain, kept = raw[3], np.asarray(x)[5:50], [1]
private = np.load(folder + "/data.npy", mmap_mode="c"); private[1] = -5
""",
        probe="[x.sum(), x[7], type(x).__name__, x.mode, raw[3, 4], raw.shape, raw.flags.f_contiguous, row[4], type(row).__name__,"
        " plain, type(plain).__name__, np.shares_memory(plain, x), x.flags.writeable, np.asarray(private[:3]), kept]",
        mutate="kept.append(2)",
    ),
    Kind(
        "numpy: memory-mapped files, written in place",
        """
import numpy as np
x = np.memmap(folder + "/out.bin", "f4", "w+", shape=(100_000,)); x[:2] = 1, 2
view = x[1:]; kept = [1]
""",
        probe="[type(x).__name__, x.flags.writeable, x.shape, float(x[0]), float(view[0]), kept,"
        " np.shares_memory(view, x)]",
        mutate="kept.append(2)",
        notes=("what is written to",),
    ),
    Kind(
        "numpy: random generators",
        """
import numpy as np
x, old = np.random.default_rng(3), np.random.RandomState(3)
x.random(); old.normal(); same = x
kinds = [np.random.Generator(kind(1)) for kind in (np.random.MT19937, np.random.Philox, np.random.SFC64)]
seeds = np.random.SeedSequence(5); seeds.spawn(1)
""",
        probe="[same is x, x.random(), old.normal(), [g.random() for g in kinds], seeds.n_children_spawned,"
        " x.bit_generator.seed_seq.entropy]",
        mutate="x.random(3)",
    ),
    Kind(
        "pandas: frames and series of every dtype",
        """
import numpy as np, pandas as pd
x = pd.DataFrame({"i": [1, 2, 3], "f": [1.5, np.nan, 2], "b": [True, False, True], "o": [[1], None, "é"],
                  "s": pd.Series(["a", None, "c"], dtype="string"), "c": pd.Categorical(["u", "v", "u"], ordered=True),
                  "I": pd.array([1, None, 3], dtype="Int64"), "t": pd.date_range("2026", periods=3, tz="UTC"),
                  "p": pd.period_range("2026", periods=3, freq="M"), "d": pd.to_timedelta([1, 2, 3], unit="s"),
                  "r": pd.arrays.SparseArray([0, 0, 1]), "v": pd.interval_range(0, 3),
                  "F": pd.array([0.5, None, 1], dtype="Float32"), "B": pd.array([True, None, False], dtype="boolean")})
x.attrs["unit"] = "m"
series = pd.Series([1.0, 2.0], index=["a", "b"], name="n")
stamp, gap, grouped = pd.Timestamp("2026"), pd.NaT, x.groupby("c", observed=True)
""",
        probe="[x, x.attrs, list(map(str, x.dtypes)), len(grouped), series, series.index, stamp.isoformat(), gap is pd.NaT,"
        " x.o[0]]",
        mutate="x.loc[1, 'f'] = 7; x.loc[0, 'c'] = 'v'; x['new'] = 1; x.o[0].append(2)",
    ),
    Kind(
        "pandas: columns of Arrow",
        """
import pandas as pd, pyarrow as pa
x = pd.DataFrame({"t": pd.Series([f"word {n}" for n in range(10_000)], dtype="string[pyarrow]"),
                  "n": pd.Series(range(10_000), dtype="int64[pyarrow]")})
still = x.copy()
""",
        mutate="x.loc[3, 'n'] = -1; x.loc[9, 't'] = 'changed'",
        probe="[str(x.t.tolist()), str(x.n.tolist()), list(map(str, x.dtypes)), still.n.sum()]",
        large=700_000,
    ),
    Kind(
        "pandas: indexes",
        """
import pandas as pd
x = pd.DataFrame({"v": [1.0, 2, 3, 4]}, pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["k", "n"]))
others = [pd.RangeIndex(2, 8, 2), pd.CategoricalIndex(["a", "b"]), pd.date_range("2026", periods=3, freq="D"),
          pd.IntervalIndex.from_breaks([0, 1, 2]), pd.Index(["a", "b"], name="k"), pd.PeriodIndex(["2026-01"], freq="M")]
shared = pd.Index([1.0, 2, 3]); column = pd.Series(shared); same = x.index
""",
        probe="[x.loc['a', 'v'].tolist(), x.index.names, list(x.index), same is x.index,"
        " [(type(o).__name__, str(o.dtype), list(map(str, o))) for o in others], others[2].freqstr, x.loc[('b', 2), 'v'],"
        " (lambda: [column.__setitem__(0, 9.0), shared.tolist()])()]",
        mutate="x.loc[('a', 1), 'v'] = 50",
    ),
    Kind(
        "pandas: views and copies made when written to",
        """
import numpy as np, pandas as pd
x = pd.DataFrame(np.arange(40_000.0).reshape(-1, 4), columns=list("abcd"))
column, part, renamed, values = x["a"], x.iloc[2:5], x.rename(columns={"a": "z"}), x["b"].to_numpy()
""",
        probe="[x.to_numpy(), column.to_numpy(), part.to_numpy(), renamed.to_numpy(), values.copy(),"
        " (lambda: [column.__setitem__(0, -1.0), part.iloc.__setitem__((0, 0), -2.0)])(), column[0], part.iloc[0, 0],"
        " x.iloc[0, 0], x.iloc[2, 0], renamed.iloc[0, 0]]",
        mutate="x.loc[1, 'd'] = 5",
    ),
    Kind(
        "pandas: large frames",
        """
import numpy as np, pandas as pd
x = pd.DataFrame({"a": np.arange(50_000.0), "n": np.arange(50_000)})
still = pd.DataFrame(np.arange(100_000.0).reshape(-1, 2))
""",
        probe="[x.to_numpy(), x.columns, still.to_numpy()]",
        mutate="x.loc[7, 'a'] = -1.0",
        large=1_600_000,
    ),
    Kind(
        "pyarrow: tables, arrays, slices of them",
        """
import pyarrow as pa
x = pa.table({"n": list(range(12_000)), "t": [f"w{n}" for n in range(12_000)]})
part, column, batch = x.slice(100, 5), x["n"], x.to_batches()[0]
array, schema, scalar = pa.array([[1], None, [2, 3]]), x.schema, x["t"][3]
kinds = [pa.array(["a", "b", "a"]).dictionary_encode(), pa.array([{"k": 1}]), pa.array([b"x"]), pa.nulls(2), pa.py_buffer(b"raw")]
import pyarrow.compute as pc
tables = [x]
""",
        probe="[str(x.to_pydict()), part.to_pydict(), column.to_pylist()[:5], batch.num_rows, array.to_pylist(), str(schema),"
        " scalar.as_py(), [k.to_pylist() for k in kinds[:4]], kinds[4].to_pybytes(), len(tables),"
        " part['n'].chunk(0).buffers()[1].address == x['n'].chunk(0).buffers()[1].address]",
        mutate="tables.append(x.append_column('new', pa.array(range(12_000), pa.int16())))",
        large=200_000,
    ),
    Kind(
        "pyarrow: files and streams",
        """
import pyarrow as pa, pyarrow.parquet as pq
pq.write_table(pa.table({"a": [1]}), folder + "/a.parquet")
x = pq.ParquetFile(folder + "/a.parquet")
""",
        notes=("x (pyarrow",),
        lost="x.reader.close()",
    ),
    Kind(
        "scipy: sparse matrices",
        """
import numpy as np, scipy.sparse as sp
x = sp.random_array((300, 300), density=0.2, rng=1, format="csr")
others = [x.tocsc(), x.tocoo(), sp.lil_array((2, 2)), sp.dok_array((2, 2)), sp.dia_array(np.eye(3)), sp.csr_matrix(np.eye(2))]
others[2][0, 1] = 5
data = x.data
""",
        probe="[x.toarray(), [o.toarray() for o in others], [o.format for o in others], x.data is data,"
        " type(others[5]).__name__]",
        mutate="x.data[0] = 100; others[3][1, 1] = 2",
        large=300_000,
    ),
    Kind(
        "scipy: splines, distributions, trees",
        """
import numpy as np, scipy.interpolate, scipy.spatial, scipy.stats
x = scipy.interpolate.CubicSpline([0, 1, 2], [0, 1, 4])
tree, normal, kept = scipy.spatial.KDTree(np.eye(3)), scipy.stats.norm(2, 3), [1]
""",
        probe="[float(x(1.5)), tree.query([0.9, 0, 0])[1].item(), float(normal.ppf(0.3)), kept]",
        mutate="kept.append(2)",
    ),
    Kind(
        "scikit-learn: estimators, pipelines, searches",
        """
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
rng = np.random.default_rng(1)
X = rng.normal(size=(60, 4)); y = (X[:, 0] > 0).astype(int)
def double(a): return a * 2
x = SGDClassifier(random_state=1).fit(X, y)
forest = RandomForestClassifier(3, random_state=np.random.RandomState(2)).fit(X, y)
pipe = make_pipeline(StandardScaler(), FunctionTransformer(double), LogisticRegression()).fit(X, y)
search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=2).fit(X, y)
folds = KFold(3, shuffle=True, random_state=1).split(X); next(folds)
""",
        probe="[x.coef_, x.t_, forest.predict_proba(X), pipe.predict_proba(X), search.best_params_,"
        " [t.tolist() for _, t in folds], forest.random_state.random_sample()]",
        mutate="x.partial_fit(X[:5], y[:5])",
    ),
    Kind(
        "Pillow: images",
        """
from PIL import Image, ImageFont
import numpy as np
x = Image.fromarray(np.arange(300 * 300 * 3, dtype="u1").reshape(300, 300, 3))
x.save(folder + "/a.png")
opened, lazy, palette, still = Image.open(folder + "/a.png"), Image.open(folder + "/a.png"), x.quantize(4), x.copy()
opened.load()
pixels = np.asarray(still)
""",
        probe="[np.asarray(x), x.mode, np.asarray(opened), np.asarray(lazy), palette.getpalette()[:12], pixels.sum(), x.info]",
        mutate="x.putpixel((5, 5), (1, 2, 3))",
        large=1_200_000,
    ),
    Kind(
        "matplotlib: figures and axes",
        """
import matplotlib; matplotlib.use("agg")
import matplotlib.pyplot as plt, numpy as np
x, axes = plt.subplots(2, sharex=True)
line, = axes[0].plot([1, 2, 3], label="l"); axes[1].imshow(np.eye(3)); axes[0].set_title("t"); axes[0].legend()
alone = matplotlib.figure.Figure(); alone.add_subplot().bar([1, 2], [3, 4])
cycle = plt.rcParams["axes.prop_cycle"]
plt.close("all")
def png(figure):
    import io
    target = io.BytesIO(); figure.savefig(target, format="rgba", dpi=30); return target.getvalue()
""",
        probe="[png(x), png(alone), list(line.get_ydata()), line.axes is axes[0] is x.axes[0],"
        " axes[0].get_shared_x_axes().joined(*axes), len(list(cycle))]",
        mutate="line.set_ydata([3, 2, 1]); axes[1].set_xlim(0, 5)",
    ),
    Kind(
        "networkx: graphs",
        """
import networkx as nx
x = nx.Graph(); x.add_edge("a", "b", weight=[1]); x.add_node("c", kind="n"); x.graph["name"] = "g"
directed, multi, view = nx.DiGraph([(1, 2), (2, 3)]), nx.MultiDiGraph([(1, 2), (1, 2)]), x.subgraph(["a", "b"])
list(x.adj); x.nodes; x.edges
""",
        probe="[sorted(x.nodes(data=True)), list(x.edges(data=True)), x.graph, nx.shortest_path(directed, 1, 3),"
        " multi.number_of_edges(), list(view), len(x.nodes), x.degree('a')]",
        mutate="x['a']['b']['weight'].append(2); x.add_edge('b', 'c')",
    ),
    Kind(
        "tqdm: bars",
        """
import io
from tqdm import tqdm
out = io.StringIO()
x = tqdm(total=10, file=out); x.update(3)
""",
        probe="[x.n, x.total]",
        mutate="x.update(2)",
    ),
)

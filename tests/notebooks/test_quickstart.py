"""The quickstart runs as it stands, in a real kernel, and shows what it promises."""

from pathlib import Path

from demo.lives import read_notebook
from tests.support.kernel import Kernel

PATH = Path(__file__).parents[2] / "notebooks" / "quickstart.ipynb"


def test_it_runs_from_its_first_cell_to_its_last(tmp_path: Path) -> None:
    notebook = read_notebook(PATH, epochs=2)
    with Kernel(cwd=tmp_path, env={"COLAB_GUARD_STORE": str(tmp_path / "store"), "OMP_NUM_THREADS": "1"}) as kernel:
        for cell in notebook.above:
            kernel.run(cell).check()
        trained = kernel.run(notebook.guarded).check()
        batches = kernel.run("len(history) / len(loader)", hidden=True).check().text
        (shown,) = (kernel.run(cell).check().displays for cell in notebook.below)
    assert trained.text.startswith("colab_guard:")
    assert "epoch  2/2" in trained.text
    assert batches == "2.0\n"
    assert "image/png" in shown[0]


def test_nothing_in_it_is_seeded() -> None:
    """Else it would not show that the cells above the training may build another model each time."""
    assert "seed" not in "".join(read_notebook(PATH).above).lower()


def test_one_line_guards_the_training() -> None:
    notebook = read_notebook(PATH)
    assert notebook.guarded.splitlines()[0] == "%%checkpointed train"
    assert [cell for cell in notebook.above if "colab_guard" in cell] == ["%load_ext colab_guard"]
    assert not any("colab_guard" in cell for cell in (notebook.plain.guarded, *notebook.plain.above))

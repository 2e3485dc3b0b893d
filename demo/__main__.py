"""`python -m demo`: see --help."""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from demo.lives import Life, Stage, read_notebook
from demo.timeline import draw
from demo.verdict import place, table, verdict

CHECKOUT = Path(__file__).parents[1]


def main() -> int:
    """Run the demo; returns the exit status: 0 exactly if the ends are equal."""
    options = _options()
    chance = random.Random(options.seed)
    notebook = read_notebook(CHECKOUT / "notebooks" / "quickstart.ipynb", options.epochs)
    # One kill in each stretch of the work, at a random instant of it: the lives are long enough to be seen.
    kills = [(index + chance.uniform(0.1, 0.9)) / options.kills for index in range(options.kills)]
    print(
        f"notebooks/quickstart.ipynb, kills: {options.kills} (--seed {options.seed}), a snapshot every {options.every}"
    )

    with tempfile.TemporaryDirectory(prefix="colab-guard-demo-") as folder:
        stage = Stage(notebook, Path(folder), options.every)
        lives: list[Life] = []
        for number, kill_at in enumerate([*kills, None], 1):
            _say(f"life {number}: a fresh kernel, Run all")
            life = stage.live(number, kill_at)
            lives.append(life)
            end = place(life.last.batches, stage.batches_per_epoch)
            _done(life, f"SIGKILL in {end}" if life.killed else "reached the end")
            print(f"    {life.said}")
        _say("a run from the same start, never killed and never guarded")
        left_alone = stage.left_alone()
        _done(left_alone, "reached the end")
        equal, lines = verdict(stage.results(f"life-{len(lives)}"), stage.results("left-alone"))

    print("", *table(lives, stage.batches_per_epoch), "", *lines, sep="\n")
    picture = options.picture.resolve()
    draw(lives, left_alone, stage.batches_per_epoch, picture)
    print(f"the lives, drawn: {picture}")
    return 0 if equal else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description=sys.modules["demo"].__doc__)
    parser.add_argument("--kills", type=int, default=3, help="how often the kernel is killed (default: 3)")
    parser.add_argument("--every", default="1s", help="time between two snapshots (default: 1s)")
    parser.add_argument("--epochs", type=int, help="instead of the notebook's own number")
    parser.add_argument("--seed", type=int, default=random.randrange(10_000), help="of the kills' instants")
    parser.add_argument("--picture", type=Path, default=CHECKOUT / "build" / "demo-timeline.png")
    return parser.parse_args()


def _say(what: str) -> None:
    print(f"{what} … ", end="", flush=True)


def _done(life: Life, what: str) -> None:
    print(f"{what} after {life.ended_seconds - life.first.seconds:.1f} s of training", flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""Draws the lives of a training: work done over time, deaths, resumes, and the run that was left alone."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure  # and not pyplot, which would look for a display

from demo.lives import Life

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")  # told apart by colour-blind eyes, too


def draw(lives: Sequence[Life], left_alone: Life, per_epoch: int, path: Path) -> None:
    """Save the picture, 1200 × 700 pixels, to *path*."""
    begin = lives[0].first.seconds
    figure = Figure(figsize=(12, 7), dpi=100, layout="constrained")
    axes = figure.subplots()
    shift = left_alone.first.seconds
    axes.plot(
        [sample.seconds - shift for sample in left_alone.samples],
        [sample.batches for sample in left_alone.samples],
        color="0.55",
        linestyle="--",
        label="never killed, never guarded",
    )
    for number, life in enumerate(lives, 1):
        colour = COLOURS[(number - 1) % len(COLOURS)]
        seconds = [sample.seconds - begin for sample in life.samples]
        axes.plot(
            seconds, [sample.batches for sample in life.samples], color=colour, linewidth=2.5, label=f"life {number}"
        )
        if number > 1:
            before = lives[number - 2]
            axes.annotate(
                "",
                xy=(seconds[0], life.first.batches),
                xytext=(before.ended_seconds - begin, before.last.batches),
                arrowprops={"arrowstyle": "->", "color": "0.45", "linestyle": ":", "shrinkA": 7, "shrinkB": 5},
            )
    deaths = [life for life in lives if life.killed]
    axes.plot(
        [life.ended_seconds - begin for life in deaths],
        [life.last.batches for life in deaths],
        linestyle="",
        marker="X",
        markersize=12,
        color="#c00000",
        label="SIGKILL",
        zorder=3,
    )
    axes.plot(
        [life.first.seconds - begin for life in lives[1:]],
        [life.first.batches for life in lives[1:]],
        linestyle="",
        marker="o",
        markersize=8,
        color="black",
        label="resumed, after starting a kernel and Run all",
        zorder=3,
    )
    axes.set_xlabel("time since the training began (seconds)")
    axes.set_ylabel("work done (batches)")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    epochs = axes.secondary_yaxis("right", functions=(lambda n: n / per_epoch, lambda n: n * per_epoch))
    epochs.set_ylabel("work done (epochs)")
    axes.grid(alpha=0.25)
    axes.legend(loc="lower right")
    times = {0: "never", 1: "once", 2: "twice"}.get(len(deaths), f"{len(deaths)} times")
    axes.set_title(f"The quickstart's training, killed {times}")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)

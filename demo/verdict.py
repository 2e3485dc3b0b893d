"""What the lives cost, and whether they ended with the same bits as the run that was left alone."""

from collections.abc import Sequence

from demo.lives import Life, Results

NAMED = 4  # how many differing parts a line names


def differences(ours: Results, theirs: Results) -> dict[str, list[str]]:
    """For each result, the names of its parts that differ or that only one side has."""
    return {
        name: [
            part
            for part in {**ours.get(name, {}), **theirs.get(name, {})}
            if ours.get(name, {}).get(part) != theirs.get(name, {}).get(part)
        ]
        for name in {**ours, **theirs}
    }


def verdict(ours: Results, theirs: Results) -> tuple[bool, list[str]]:
    """Whether all is equal, and a line for each result."""
    differ = differences(ours, theirs)
    lines = []
    for name, parts in differ.items():
        if parts:
            more = f" and {len(parts) - NAMED} more" if len(parts) > NAMED else ""
            lines.append(f"{name}: DIFFERENT in {', '.join(parts[:NAMED])}{more}")
        else:
            lines.append(f"{name}: equal, bit for bit")
    return bool(differ) and not any(differ.values()), lines


def done_again(before: Life, life: Life) -> tuple[int, float]:
    """How many batches, and how many seconds of work, *life* repeats of what *before* had done."""
    batches = before.last.batches - life.first.batches
    reached = next((s for s in before.samples if s.batches >= life.first.batches), before.last)
    return batches, before.ended_seconds - reached.seconds


def place(batches: int, per_epoch: int) -> str:
    """The last of so many finished batches."""
    epoch, batch = divmod(batches - 1, per_epoch)
    return f"epoch {epoch + 1}, batch {batch + 1}" if batches else "the start"


def table(lives: Sequence[Life], per_epoch: int) -> list[str]:
    """One row a life: from where to where, what ended it, what it did a second time."""
    rows = [("life", "from", "to", "end", "done twice")]
    for number, life in enumerate(lives, 1):
        twice = "–"
        if number > 1:
            batches, seconds = done_again(lives[number - 2], life)
            twice = f"{batches} batches, {seconds:.1f} s"
        start, end = place(life.first.batches, per_epoch), place(life.last.batches, per_epoch)
        rows.append(
            (str(number), start, end if life.killed else "the end", "SIGKILL" if life.killed else "done", twice)
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["   ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]

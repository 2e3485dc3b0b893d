"""What the rules make of the recorded flights: `python -m tests.flights.report` prints the table."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from colab_guard.flight.causes import Cause, Verdict, cause_of
from tests.flights.lab import Recording

RECORDED = Path(__file__).parent / "recorded"
KILLED = "killed"  # a truth that no rule can tell: SIGKILL by somebody, or os._exit()


@dataclass(frozen=True)
class Judged:
    """One recording, and the verdict."""

    name: str
    recording: Recording
    verdict: Verdict

    @property
    def outcome(self) -> str:
        """`right`, `unknown` or `wrong`."""
        if self.verdict.cause is Cause.UNKNOWN:
            return "right" if self.recording.cause == KILLED else "unknown"
        right = self.verdict.cause == self.recording.cause and self.verdict.signal == self.recording.signal
        return "right" if right else "wrong"


def judged(folder: Path = RECORDED) -> list[Judged]:
    """Every recording, by name."""
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        recording = Recording.read(path)
        verdict = cause_of(recording.flight, recording.here)
        found.append(Judged(path.stem, recording, verdict))
    return found


def table(found: Iterable[Judged]) -> str:
    """Truths by rows, answers by columns, in Markdown."""
    counts = Counter((one.recording.cause, str(one.verdict.cause)) for one in found)
    truths = sorted({truth for truth, _ in counts})
    answers = sorted({answer for _, answer in counts}, key=lambda answer: (answer == "unknown", answer))
    rows = [["made", *answers], ["---"] * (len(answers) + 1)]
    rows += [[truth, *(str(counts[truth, answer] or "") for answer in answers)] for truth in truths]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def summary(found: Iterable[Judged]) -> str:
    """How many of each truth are right, not known and wrong, and of those kept apart; in Markdown, as in the docs."""
    found = list(found)
    rows = [["made", "flights", "right", "not known", "wrong", "of these kept apart", "right"], ["---"] * 7]
    for truth in [*sorted({one.recording.cause for one in found}), "all"]:
        part = [one for one in found if truth in (one.recording.cause, "all")]
        counts = Counter(one.outcome for one in part)
        apart = [one.outcome for one in part if one.recording.apart]
        figures = len(part), counts["right"], counts["unknown"], counts["wrong"], len(apart), apart.count("right")
        rows.append([f"`{truth}`" if truth != "all" else truth, *map(str, figures)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    everything = judged()
    print(f"{table(everything)}\n\n{summary(everything)}\n")
    for one in everything:
        if one.outcome != "right":
            print(
                f"{one.outcome}: {one.name}: {one.verdict.cause} ({one.verdict.sure}): {' '.join(one.verdict.because)}"
            )

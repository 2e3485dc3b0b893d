"""Every cause of inexactness we know, by key; docs/exactness.md says of each what happens, and when it is named."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """One cause that was found: its ``key`` in KNOWN, and what was found where, in words."""

    key: str
    text: str

    def __str__(self) -> str:
        return self.text


# What to do about each. The keys are those of the tables in docs/exactness.md, which a test holds them to.
KNOWN: dict[str, str] = {
    # before the run
    "iterator": "Make the iterator inside the guarded cell, or loop over its source.",
    "worker-entropy": "Draw from `random`, `numpy.random` or torch in the dataset: those are seeded in every worker.",
    "clock": "Count steps instead of seconds.",
    "entropy": "Draw from a generator with a seed.",
    "outside": "Read it once in a cell above, or let the statement write a file that is there or not.",
    "hash": "Use hashlib or zlib.crc32, or start the kernel with PYTHONHASHSEED set.",
    "identity": "Use a name or a number of your own as the key.",
    "set-order": "Go through sorted(…), or keep a dict, which remembers the order.",
    "cuda": "Call torch.use_deterministic_algorithms(True) and set torch.backends.cudnn.benchmark = False.",
    "module-state": "Do it in a cell above: that one runs again in a new kernel.",
    "cached-random": "Draw outside of the function that remembers its results.",
    "other-device": "Use a CPU or CUDA device, or seed anew in every epoch.",
    # at the first snapshot
    "stand-in": "Make it inside the loop that uses it, or in a cell above.",
    "above": "Nothing, where the cells above make it as it was here; else make it inside the loop that uses it.",
    "graph": "Keep numbers for display (loss.item()), and call backward() in the iteration that made the graph.",
    "threads": "Join them before the loop, or start them in a cell above, where they share no variable with this cell.",
    "processes": "Join them before the loop, or start them in a cell above.",
    # at resume
    "environment": "Choose the same kind of runtime, and pin the versions with %pip install in the first cell.",
    # by the loader
    "loader": "See the table of loaders in docs/exactness.md.",
    # not named: no program can tell them from what is meant to be
    "context": "Move the `with` into the loop's body or into a function.",
    "unnamed": "Seed the cells above.",
    "library-state": "Set it in a cell above.",
    "cache": "Nothing, if the function gives the same for the same arguments.",
    "unrepeatable": "Use one thread where the library adds up in the order in which threads end (n_jobs=1).",
    "blas-threads": "Install threadpoolctl.",
    "parallel-order": "Sort by what was asked for, instead of taking results as they come.",
    "finalisers": "Close what must be closed with `with`.",
    "files": "Name them with --files, or keep them open, or write whole files under their final names.",
    "linked": "Load the same data in the cells above, or store it with --link off.",
    "files-in-place": "Open for reading or writing, or keep the content in a variable.",
    "newline": "Open without newline=\"\", or read with csv from a list of lines.",
    "output": "Nothing: the numbers are in the variables.",
    "figure": "Call plt.figure() in the same iteration as plt.savefig().",
}  # fmt: skip

"""``%gpumem``, and what is said under a guarded cell that ran out of GPU memory."""

from __future__ import annotations

import contextvars
from contextlib import suppress
from typing import Any

from IPython.core.magic import Magics, line_magic, magics_class
from IPython.display import display

from colab_guard.core.errors import UsageError
from colab_guard.core.watch import WATCH
from colab_guard.gpumem.capping import limit
from colab_guard.gpumem.freeing import free
from colab_guard.gpumem.plot import Plot
from colab_guard.gpumem.running_out import message
from colab_guard.gpumem.suggesting import suggest
from colab_guard.gpumem.views import show_text, top_text
from colab_guard.guards import gpu
from colab_guard.notebook.guarded import guarded_name
from colab_guard.notebook.platforms import unregister
from colab_guard.notebook.shell_keepers import ShellKeepers

PLOT = "gpumem plot"
WATCH_SECONDS = 2.0
USAGE = (
    "There are: %gpumem [show], %gpumem top [N], %gpumem clear [--grads], %gpumem limit 0.85, "
    "%gpumem suggest [--model NAME] [--measure STEP], %gpumem watch [off]."
)


class GpuMemory:
    """The magic and the hook, in one shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._magics = GpuMagics(shell)

    def begin(self) -> None:
        """Registers both."""
        self._shell.register_magics(self._magics)
        self._shell.events.register("post_run_cell", self._after)

    def end(self) -> None:
        """Takes both out again, and ends the plot."""
        WATCH.drop(PLOT)
        with suppress(ValueError):
            self._shell.events.unregister("post_run_cell", self._after)
        unregister(self._shell, self._magics)

    def _after(self, result: Any) -> None:
        """Under the traceback of a guarded cell. Raises nothing: IPython would print it into the cell."""
        with suppress(Exception):
            error, name = result.error_in_exec, guarded_name(str(result.info.raw_cell))
            if name is not None and gpu.is_out_of_memory(error):
                print(f"colab_guard: {message(error, ShellKeepers(self._shell), name or 'The cell')}")


@magics_class
class GpuMagics(Magics):  # type: ignore[misc]
    """``%gpumem``."""

    @line_magic  # type: ignore[untyped-decorator]
    def gpumem(self, line: str) -> None:
        """GPU memory: see it, free it, cap it, size a run for it.

        %gpumem [show]            each GPU: what is used and free, what torch holds of it, who has the rest
        %gpumem top [N]           the N largest tensors by the variable that reaches them, and what else keeps them
        %gpumem clear [--grads]   free what nobody asked to keep: Out and _, the frames of the last error, cycles,
                                  torch's cache; with --grads also gradients. No variable of yours is deleted
        %gpumem limit 0.85        cap this process, and have torch, TensorFlow and JAX take memory as they need it
        %gpumem suggest [--model NAME] [--measure STEP]
                                  batch size, LoRA, length and checkpointing for this GPU; for a model; by running a
                                  function STEP(batch_size), which does one real step of the training
        %gpumem watch [off]       a plot that goes on while cells run
        """
        command, *words = line.split() or ["show"]
        keepers = ShellKeepers(self.shell)
        if command == "show" and not words:
            print(show_text())
        elif command == "top" and (not words or (len(words) == 1 and words[0].isdecimal() and int(words[0]))):
            print(top_text(keepers, *map(int, words)))
        elif command == "clear" and words in ([], ["--grads"]):
            print(free(keepers, grads=bool(words)))
        elif command == "limit" and len(words) == 1:
            print("\n".join(limit(_share(words[0]))))
        elif command == "suggest" and (options := _options(words)) is not None:
            print(suggest(keepers, options.get("--model", ""), options.get("--measure", "")))
        elif command == "watch" and words == ["off"]:
            WATCH.drop(PLOT)
        elif command == "watch" and not words:
            self._watch()
        else:
            raise UsageError(f"%gpumem {line} is not known. {USAGE}")

    def _watch(self) -> None:
        if not hasattr(self.shell, "kernel"):
            raise UsageError("%gpumem watch draws into a notebook's output, and there is none here: use %gpumem show.")
        if not gpu.gpus():
            print(show_text())
            return
        plot = Plot()

        def drawn() -> dict[str, str]:
            return {"text/html": plot.now(), "text/plain": show_text()}

        handle = display(drawn(), raw=True, display_id=True)
        here = contextvars.copy_context()  # ipykernel 7.0 finds there which cell an output belongs to

        def look() -> float:
            here.run(handle.update, drawn(), raw=True)
            return WATCH_SECONDS

        WATCH.add(PLOT, look)


def _share(word: str) -> float:
    """``0.85`` or ``85%``."""
    try:
        return float(word[:-1]) / 100 if word.endswith("%") else float(word)
    except ValueError:
        raise UsageError(f"%gpumem limit {word}: give a share of the GPU, such as 0.85. Nothing was changed.") from None


def _options(words: list[str]) -> dict[str, str] | None:
    """``--model NAME`` and ``--measure NAME``, each at most once; None for anything else."""
    names, values = words[::2], words[1::2]
    if len(names) != len(values) or len(set(names)) != len(names) or not {"--model", "--measure"}.issuperset(names):
        return None
    return dict(zip(names, values, strict=True))

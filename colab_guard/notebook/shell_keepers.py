"""Where IPython keeps what nobody named: the values that cells displayed, and the last error."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from types import FrameType, TracebackType
from typing import Any

from colab_guard.cell.tree import is_hidden
from colab_guard.gpumem.keepers import Keepers, Script, last_errors, running

UNDERSCORES = ("_", "__", "___")


class ShellKeepers:
    """Of one IPython shell, see ``gpumem.keepers.Keepers``."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self.namespace: dict[str, Any] = shell.user_ns

    def runners(self) -> list[Any]:
        """See Keepers."""
        shell = self._shell
        return [shell, self.namespace, shell.user_ns_hidden, self._out(), getattr(shell, "kernel", None)]

    def variables(self) -> Mapping[str, Any]:
        """See Keepers. What IPython put there itself is none, until the user assigns to its name; nor what is ours."""
        hidden = self._shell.user_ns_hidden
        return {
            name: value
            for name, value in self.namespace.items()
            if not (name in hidden and hidden[name] is value) and not is_hidden(name)
        }

    def history(self) -> Mapping[str, Any]:
        """See Keepers."""
        hook = self._shell.displayhook
        found = {f"Out[{number}]": value for number, value in self._out().items()}
        found |= {name: getattr(hook, name, None) for name in UNDERSCORES}
        return found | {"the last cell's result": getattr(self._shell.last_execution_result, "result", None)}

    def forget_history(self) -> None:
        """See Keepers."""
        shell, hook = self._shell, self._shell.displayhook
        ours = {f"_{number}": value for number, value in self._out().items()}
        ours |= {name: getattr(hook, name, "") for name in UNDERSCORES}
        for name, value in ours.items():
            for names in (self.namespace, shell.user_ns_hidden):
                if name in names and names[name] is value:  # else the user assigned to it
                    if name in UNDERSCORES:
                        names[name] = ""
                    else:
                        del names[name]
        for name in UNDERSCORES:
            setattr(hook, name, "")
        self._out().clear()
        if shell.last_execution_result is not None:
            shell.last_execution_result.result = None

    def errors(self) -> Iterable[BaseException | TracebackType]:
        """See Keepers."""
        shown = getattr(self._shell.InteractiveTB, "tb", None)  # an older one than Python's, after a syntax error
        return [*last_errors(), *([shown] if shown is not None else [])]

    def running(self) -> Iterable[FrameType]:
        """See Keepers."""
        return running()

    def _out(self) -> dict[int, Any]:
        found: dict[int, Any] = self.namespace.get("_oh", {})
        return found


def here() -> Keepers:
    """Of the notebook that this process runs, else of its script."""
    core = sys.modules.get("IPython.core.getipython")
    shell = core.get_ipython() if core is not None else None
    return Script() if shell is None else ShellKeepers(shell)

"""The widget. Importing this module imports ipywidgets and anywidget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

VIEW = "application/vnd.jupyter.widget-view+json"
MODULE = "panel.js"


def module_text() -> str:
    """The ES module: beside this file in a wheel, in `js/` of a checkout. Raises FileNotFoundError."""
    beside = Path(__file__).with_name(MODULE)
    return (beside if beside.exists() else Path(__file__).parents[2] / "js" / MODULE).read_text()


class PanelWidget(anywidget.AnyWidget):  # type: ignore[misc]
    """The panel's model: ``state`` goes to the page, messages come from it. ``text`` is what a notebook shows that is
    opened where no widgets are.
    """

    state = traitlets.Dict().tag(sync=True)

    def __init__(self, state: dict[str, Any], text: str) -> None:
        self._esm = module_text()
        self.text = text
        super().__init__(state=state)

    def __repr__(self) -> str:
        return str(self.text)  # of which ipywidgets 7 shows 110 characters

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle: Any = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        data["text/plain"] = self.text
        return bundle

"""The frame of ``%keepalive``: a widget that tells the kernel that a browser is there. Importing this module imports
ipywidgets and anywidget.
"""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from colab_guard.keepalive.page import frame_module


class FrameWidget(anywidget.AnyWidget):  # type: ignore[misc]
    """The frame's model: ``settings`` go to the page, messages both ways."""

    settings = traitlets.Dict().tag(sync=True)

    def __init__(self, settings: dict[str, Any]) -> None:
        self._esm = frame_module()
        super().__init__(settings=settings)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        # The text is what a notebook shows that is opened where no widgets are.
        bundle: Any = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        data["text/plain"] = "colab_guard: the keep-alive frame needs a page that shows widgets"
        return bundle

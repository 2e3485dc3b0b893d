"""The page of the stand-in for google.colab (tests/standins/colab.py), which also gives its notebook when asked."""

from typing import Any

from tests.standins.colab import Colab
from tests.support.kernel import Page


def page_of(colab: Colab, name: str) -> Page:
    """Answers ``get_ipynb`` with a notebook of that name, and all else as *colab* does."""
    notebook = {"ipynb": {"cells": [], "metadata": {"colab": {"name": name}}}}

    def page(message: dict[str, Any]) -> dict[str, Any] | None:
        answer = colab.page(message)
        if answer is None or message["metadata"]["colab_request_type"] != "get_ipynb":
            return answer
        return {"type": answer["type"], "colab_msg_id": answer["colab_msg_id"], "data": notebook}

    return page

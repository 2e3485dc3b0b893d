"""Keeping a VM from outside of it: Google's own command line, which needs no browser; and what other hosts have.

``colab new`` starts a process on the user's machine that pings every 60 s, for at most 24 h, with the user's own login
(googlecolab/google-colab-cli, docs/01_session_management.md). From inside the VM its pings can't be seen. What can be:
its kernels are started without a notebook, so that the VM's server lists no session for them.
"""

from __future__ import annotations

COMMANDS = (
    "pip install google-colab-cli",
    "colab new -s train --gpu T4",
    "colab drivemount -s train",
    "colab exec -s train -f notebook.ipynb",
    "colab stop -s train",
)
INSTEAD = f"to close the browser, run the notebook by Google's own command line: {'; '.join(COMMANDS)}"


def outside(platform: str, has_notebook: bool | None) -> tuple[str, str]:
    """State and words of the channel. ``has_notebook``: whether the VM's server lists a notebook for this kernel, None
    where it does not tell.
    """
    if platform == "Kaggle":
        return "off", "Save Version, Save & Run All: Kaggle runs that without a browser"
    if platform != "Colab":
        return "not possible", "the kernel lives as long as the server that started it; no browser is needed"
    if has_notebook is False:
        return "waiting", (
            "no notebook's page started this kernel: probably Google's command line did, which pings for 24 h from "
            "`colab new` on; that can't be seen from here"
        )
    return "off", INSTEAD

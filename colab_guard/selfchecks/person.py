"""Facts that no program on the VM can check: what to do instead, and what to look for."""

from __future__ import annotations

from colab_guard.selfchecks.facts import Fact

DOM = "[q = document.querySelector('colab-connect-button'), q?.shadowRoot?.querySelector('#connect')].map(String)"
FACTS = (
    Fact(
        "page-dom",
        "in Colab's page a colab-connect-button has a shadow root with #connect in it",
        by_hand=f"In the browser's developer tools, in the console of the page itself, type {DOM} and paste the answer",
    ),
    Fact(
        "idle-timer",
        "without an open tab a VM goes after some 90 minutes, also while a cell runs",
        by_hand="Let a cell sleep, close the tab, and look after 30, 60, 90 and 120 minutes whether the VM is there",
    ),
    Fact(
        "reattach",
        "a page that is loaded again attaches to the running cell and goes on filling its output",
        by_hand="Reload the page while this runs, and tell whether the lines behind that moment came",
    ),
    Fact(
        "hidden-timers",
        "in a hidden tab a page's timers fire once a second, and after minutes once a minute; silent audio prevents it",
        by_hand="Run this again and go to another tab at once; compare the line on timers",
    ),
    Fact(
        "lost-writes",
        "files not yet uploaded are lost with the VM, large and tiny ones",
        by_hand="Write a file to Drive, choose Runtime, Disconnect and delete runtime at once, look for it on Drive",
    ),
    Fact(
        "trash",
        "what is cut to 0 bytes before it is deleted takes no space in Drive's trash",
        by_hand="Look into Drive's trash now for the folder colab_guard-selfcheck: paste the sizes of its files",
    ),
)

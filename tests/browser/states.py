"""States of the panel as the kernel may send them (docs/panel.md): the four of the design, and what else tests need."""

import math
from typing import Any

GB = 2**30
State = dict[str, Any]


def spark(top: float, ripple: float = 0.02) -> list[float]:
    """Ten minutes that end near *top*, a share."""
    return [round(top - 0.1 * math.exp(-n / 9) + ripple * math.sin(n), 3) for n in range(60)]


def button(
    do: str, label: str, state: str = "ready", why: str = "", *, main: bool = False, confirm: str | None = None
) -> State:
    """One button of the panel."""
    return {"do": do, "label": label, "state": state, "why": why, "main": main, "confirm": confirm}


def shot(now: float, ago: float, where: str, *, durable: bool = True, died: bool = False) -> State:
    """One snapshot of the timeline; *died*: and its session behind it."""
    at = now - ago
    confirm = f"Put back the variables as they were at {{clock:{at}}}? What they hold now is replaced."
    return {
        **{"id": f"{at:.0f}", "at": at, "name": "train", "where": where, "bytes": 412e6, "new": 96e6},
        **{"durable": durable, "variables": 14, "died": died, "restore": confirm},
    }


def safe(now: float) -> State:
    """A guarded cell runs, its snapshots reach Drive."""
    return {
        **{"v": 1, "now": now, "session": "s1", "kernel": "k1"},
        "verdict": {
            **{"word": "Safe", "tone": "safe"},
            "why": f"a crash costs {{age:{now - 12}}}, losing the VM {{age:{now - 100}}}",
        },
        "age": {"up": 15120, "limit": 43200},
        "saved": {"at": now - 12, "where": "local disk", "bytes": 412e6, "next": now + 48, "note": None},
        "durable": {
            **{"at": now - 100, "where": "Drive, confirmed", "kept": 3},
            **{"bytes": 1.3e9, "budget": 8e9, "note": None},
        },
        "cell": {
            **{"name": "train", "running": True, "guarded": True, "since": now - 7000},
            **{"loops": [["epoch", 7, 50], ["batch", 2846, 6989]], "rate": 11.2, "ends": now + 16700, "warning": None},
        },
        "gpus": [{"name": "T4", "used": 9.1 * GB, "total": 15 * GB, "torch": 7.7 * GB, "spark": spark(0.61)}],
        "ram": {"used": 5.6 * GB, "total": 12.7 * GB, "spark": spark(0.44, 0.005)},
        "disk": {"used": 43 * GB, "total": 113 * GB, "spark": [0.37] * 30 + [0.38] * 30},
        "channels": [
            {"name": "browser", "state": "ok", "text": None, "at": now - 9},
            {"name": "script", "state": "ok", "text": "page script", "at": None},
            {"name": "audio", "state": "off", "text": "audio off", "at": None},
        ],
        "buttons": [
            button("save", "Save now", main=True),
            button("stop", "Stop after saving"),
            button("free-gpu", "Free GPU memory"),
            button("release-when-done", "Release when done", confirm="Release the runtime once the cell is done?"),
        ],
        "timeline": [
            shot(now, 4000, "epoch 3, batch 900"),
            shot(now, 3300, "epoch 4, batch 1,200"),
            shot(now, 2700, "epoch 4, batch 4,100", died=True),
            shot(now, 1900, "epoch 5, batch 2,100"),
            shot(now, 1300, "epoch 6, batch 800"),
            shot(now, 700, "epoch 6, batch 6,100"),
            shot(now, 100, "epoch 7, batch 1,800"),
            shot(now, 12, "epoch 7, batch 2,780", durable=False),
        ],
        "notice": None,
        "log": {"at": now - 12, "text": "saved train at epoch 7, batch 2,780 · stall 31 ms · 96 MB new"},
        "progress": [],
        "presses": {},
    }


def sweep(now: float) -> State:
    """A sweep of many models, one of which has failed."""
    state = safe(now)
    state["cell"].update(name="zoo", loops=[["model", 13, 39], ["epoch", 3, 10]])
    state["jobs"] = {
        **{"name": "zoo", "text": "11 of 39 done, 1 failed (vit-large-patch16)"},
        "rows": [
            *([f"resnet{18 * n}-lr0.01", f"accuracy {0.9 + n / 300:.4g}", "4 min", ""] for n in range(1, 12)),
            ["vit-large-patch16", "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB", "31 s", "bad"],
            ["convnext-tiny", "running · 2 tries", "", ""],
            ["convnext-small", "waiting", "", ""],
        ],
    }
    return state


def at_risk(now: float) -> State:
    """Drive was lost, the time runs out, a press waits."""
    state = safe(now)
    why = f"Drive mount lost; {{age:{now - 540}}} of work are on this VM only"
    state["verdict"] = {"word": "At risk", "tone": "risk", "why": why}
    state["age"]["up"] = 40860
    state["saved"].update(at=now - 31, next=now + 29)
    state["durable"].update(at=now - 540, where="Drive, errno 107", note=f"retry in {{in:{now + 40}}}")
    state["cell"].update(
        loops=[["epoch", 43, 50], ["batch", 1200, 6989]],
        ends=now + 7200,
        warning="will be cut at epoch 45: 39 min left, 2 h needed",
    )
    state["gpus"][0].update(used=13.8 * GB, torch=13.1 * GB, spark=spark(0.92))
    state["ram"].update(used=11.2 * GB, spark=spark(0.88))
    state["channels"] = [
        {"name": "browser", "state": "warn", "text": "no browser for 6 min", "at": None},
        {"name": "script", "state": "off", "text": "page script not seen", "at": None},
    ]
    state["buttons"] = [
        button("mount", "Mount Drive", main=True),
        button("save", "Save now", "waiting", "waiting for the cell"),
        button("stop", "Stop after saving"),
        button("free-gpu", "Free GPU memory", "off", "torch was not imported"),
    ]
    state["progress"] = [{"what": "Upload", "done": 162e6, "total": 412e6, "unit": "bytes", "rate": 11e6, "eta": 23}]
    state["log"] = {"at": now - 60, "text": "Drive: Transport endpoint is not connected; going on locally"}
    return state


def ended(now: float) -> State:
    """The last session died for want of memory."""
    when = now - 120
    ram = [
        [when - 3600 + 60 * n, (6.1 + (6.5 * (n - 50) / 10 if n > 50 else 0.1 * math.sin(n))) * GB, 12.7 * GB]
        for n in range(61)
    ]
    return {
        **{"v": 1, "now": now, "session": "s2", "kernel": "k2"},
        "verdict": {
            **{"word": "Last session ended", "tone": "bad"},
            "why": f"out of memory: RAM was at 98 %, and rose by 6.5 GB in its last 10 min, {{age:{when}}} ago",
        },
        "age": {"up": 40, "limit": 43200},
        **{
            "saved": None,
            "durable": None,
            "cell": None,
            "gpus": None,
            "ram": None,
            "disk": None,
            "channels": [],
            "timeline": [],
        },
        "notice": {
            "ram": ram,
            "resume": "`train` · epoch 12, batch 4,100 of 6,989 · durable: run all cells, and it goes on there",
            "lost": "38 s lost",
            "buttons": [button("why", "Why")],
        },
        "buttons": [
            button("save", "Save now", main=True),
            button("stop", "Stop after saving", "off", "no guarded cell is running"),
        ],
        **{"log": None, "progress": [], "presses": {}},
    }


def unprotected(now: float) -> State:
    """Nothing is guarded yet."""
    return {
        **{"v": 1, "now": now, "session": "s3", "kernel": "k3"},
        "verdict": {
            "word": "Not protected",
            "tone": "bad",
            "why": "nothing guarded yet: put `%%checkpointed` above the training cell",
        },
        "age": {"up": 300, "limit": None},
        **{"saved": None, "durable": None, "cell": None, "disk": None, "channels": [], "timeline": []},
        "gpus": [],
        "ram": {"used": 1.5 * GB, "total": 12.7 * GB, "spark": spark(0.12)},
        "notice": None,
        "buttons": [button("mount", "Mount Drive", main=True), button("save", "Save now")],
        **{"log": None, "progress": [], "presses": {}},
    }

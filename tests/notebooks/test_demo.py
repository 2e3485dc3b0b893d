"""The demo tells equal from different, to the last bit; and what it says of the lives is what they were."""

import math
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from demo.lives import Life, Sample
from demo.probe import results
from demo.verdict import done_again, place, table, verdict

CHECKOUT = Path(__file__).parents[2]


def trained() -> dict[str, Any]:
    """What a training leaves behind, the same at each call."""
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=5)
    history = []
    for _ in range(4):
        loss = model(torch.rand(5, 3)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        history.append(loss.item())
    return {"model": model, "optimizer": optimizer, "schedule": schedule, "history": history}


def test_equal_ends_are_called_equal() -> None:
    equal, lines = verdict(results(trained()), results(trained()))
    assert equal
    assert lines == [
        "weights: equal, bit for bit",
        "optimizer state: equal, bit for bit",
        "schedule: equal, bit for bit",
        "history: equal, bit for bit",
    ]


def test_the_last_bit_of_one_weight_is_noticed() -> None:
    ours = trained()
    with torch.no_grad():
        ours["model"].weight[1, 2] = ours["model"].weight[1, 2].nextafter(torch.tensor(math.inf))
    equal, lines = verdict(results(ours), results(trained()))
    assert not equal
    assert lines[0] == "weights: DIFFERENT in weight"
    assert all(line.endswith("equal, bit for bit") for line in lines[1:])


def test_the_last_bit_of_a_moment_of_a_loss_and_of_the_schedule_are_noticed() -> None:
    ours = trained()
    ours["optimizer"].state[ours["model"].bias]["exp_avg"][0] *= 1 + 2**-22
    ours["history"][2] = math.nextafter(ours["history"][2], math.inf)
    ours["schedule"].last_epoch += 1
    _, lines = verdict(results(ours), results(trained()))
    assert lines == [
        "weights: equal, bit for bit",
        "optimizer state: DIFFERENT in parameter 1: exp_avg",
        "schedule: DIFFERENT in last_epoch",
        "history: DIFFERENT in batch 3",
    ]


def test_what_only_one_side_has_is_noticed() -> None:
    ours = trained()
    ours["history"].append(0.5)
    assert verdict(results(ours), results(trained()))[1][-1] == "history: DIFFERENT in batch 5"
    assert not verdict({}, {})[0]  # nothing compared is not "equal"


def test_work_done_twice_is_counted_from_where_the_next_life_takes_up() -> None:
    first = Life((Sample(10, 0), Sample(11, 1), Sample(12, 2), Sample(13, 3)), 13.5, True, "")
    second = Life((Sample(20, 1), Sample(21, 2), Sample(22, 3), Sample(23, 4)), 23.0, False, "")
    assert done_again(first, second) == (2, 2.5)
    assert table([first, second], per_epoch=2) == [
        "life   from               to                 end       done twice",
        "1      the start          epoch 2, batch 1   SIGKILL   –",
        "2      epoch 1, batch 1   the end            done      2 batches, 2.5 s",
    ]
    assert [place(batches, 2) for batches in (2, 3)] == ["epoch 1, batch 2", "epoch 2, batch 1"]


def test_a_killed_training_ends_with_the_bits_of_one_left_alone(tmp_path: Path) -> None:
    """The main job, end to end, at a random instant: the demo with a short training and one kill."""
    picture = tmp_path / "lives.png"
    options = ["--kills", "1", "--epochs", "8", "--every", "0.3s", "--picture", picture]
    options += ["--seed", str(random.randrange(10_000))]  # shown in the output
    demo = subprocess.run(
        [sys.executable, "-m", "demo", *options], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert demo.stdout.count("equal, bit for bit") == 4, demo.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")

"""Two machines in front of one remote do at random what sessions do: whatever comes after what, a third one finds what
was called durable, and all that it finds is whole.

The remote is a stand-in (remotes.py): one folder, in which each machine sees at once what the other did. On Drive that
takes its time. ``TURNS=5000`` plays so many games instead of those few.
"""

import errno
import os
import random
import secrets
import shutil
import time
from itertools import count
from pathlib import Path

import pytest

from colab_guard.store.manifest import Manifest, order
from colab_guard.store.repository import Repository
from colab_guard.store.retention import Retention
from tests.tiers.remotes import FORGOTTEN_SECONDS, Later, Machine

CELLS = "train", "prepare"
DEEDS = {
    "commit": 30, "step": 25, "prune": 12, "begin": 8, "settle": 8, "die": 4, "outage": 3, "restart": 2, "wait": 1,
}  # fmt: skip
LONG, OFTEN = 80, 5  # deeds of a game, between two looks at all there is
GAMES = int(os.environ.get("TURNS", "60"))


class Game:
    """The remote, two machines, and of each cell the newest snapshot that any of them ever called durable."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.draw = folder, random.Random(seed)
        self.remote, self._now, self._numbers = Later(folder / "remote"), time.time(), count()
        self.told: dict[str, Manifest] = {}
        self.machines = [self.machine(self.new_disk()) for _ in range(2)]

    def new_disk(self) -> Path:
        return self.folder / str(next(self._numbers))

    def machine(self, disk: Path) -> Machine:
        machine = Machine(disk, self.remote, f"session {next(self._numbers)}")
        machine.repository._clock = self.clock
        return machine

    def clock(self) -> float:
        """Later each time, so that a game goes as it went before."""
        self._now += 0.001
        return self._now

    def play(self) -> None:
        """A deed."""
        [deed] = self.draw.choices([*DEEDS], [*DEEDS.values()])
        at, cell = self.draw.randrange(2), self.draw.choice(CELLS)
        print(f"{deed} at {at} of {cell}")  # pytest shows it of a game that is lost
        self.do(deed, at, cell)
        self.hear()

    def do(self, deed: str, at: int, cell: str) -> None:
        machine = self.machines[at]
        if deed == "commit":  # parts of it were in snapshots before: of this cell, or of both
            parts = [b"frozen" * 1000, f"{at} {cell}".encode() * 500]
            parts = [part for part in parts if self.draw.random() < 0.5]
            machine.repository.commit(cell, {}, [*parts, self.draw.randbytes(300)])
        elif deed == "step":
            machine.uploads.step()
        elif deed == "settle":
            machine.settle()
        elif deed == "prune":
            machine.repository.prune(cell, Retention(keep=self.draw.choice((1, 2, 3))))
        elif deed == "begin":  # what is restored is not stored twice
            if not self.remote.broken and (found := machine.repository.newest(cell)[0]):
                machine.repository.check(found)
            machine.uploads.claim(cell)
        elif deed == "outage":
            self.remote.broken = None if self.remote.broken else errno.ETIMEDOUT
        elif deed == "wait":
            self._now += FORGOTTEN_SECONDS
        elif not self.remote.broken:  # else the next session could not begin
            disk = Path(machine.uploads.local.place)
            if deed == "die":
                shutil.rmtree(disk)
                disk = self.new_disk()
            self.machines[at] = self.machine(disk)

    def hear(self) -> None:
        for machine in self.machines:
            for cell in CELLS:
                if (told := machine.durable(cell)) and order(told) >= order(self.told.get(cell, told)):
                    self.told[cell] = told

    def look(self) -> None:
        """As a new machine does, and by every byte."""
        for cell, told in self.told.items():
            disk = self.new_disk()
            found, passed_over = self.machine(disk).repository.newest(cell)
            assert found is not None, f"{told.name} of {cell} was durable"
            assert order(found) >= order(told)
            assert passed_over == []
            shutil.rmtree(disk)
        if self.told:
            assert Repository.open(self.remote.place).verify().problems == ()


@pytest.mark.parametrize("seed", range(GAMES))
def test_what_was_called_durable_is_found_whoever_did_what(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = random.Random(seed)
    monkeypatch.setattr(secrets, "token_hex", lambda count: names.randbytes(count).hex())
    game = Game(tmp_path, seed)
    for number in range(LONG):
        game.play()
        if number % OFTEN == 0 and game.remote.broken is None:
            game.look()
    game.remote.broken = None
    for machine in game.machines:
        machine.settle()
    game.hear()
    game.look()
    assert game.told

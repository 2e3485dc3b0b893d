# A class, a dataclass, functions, a lambda, a namedtuple and an enum defined in the cell itself.
# results: particles, energy, record, log, best, colours
# %%
import random
import time
# %%
%%checkpointed particles
from collections import namedtuple
from dataclasses import dataclass, field
from enum import Enum

class Colour(Enum):
    RED = 1
    BLUE = 2

@dataclass
class Particle:
    x: float
    v: float = 0.0
    trail: list = field(default_factory=list)

    def move(self, force):
        self.v += 0.1 * force(self.x)
        self.x += 0.1 * self.v
        self.trail.append(round(self.x, 3))

Record = namedtuple("Record", "step energy")
pull = lambda x: -x

def total_energy(particles):
    return sum(p.v**2 + p.x**2 for p in particles)

particles = [Particle(random.uniform(-1, 1)) for _ in range(5)]
colours = {p.x: random.choice(list(Colour)) for p in particles}
log, record, best = [], None, None
for step in range(250):
    for particle in particles:
        particle.move(pull)
        particle.v += random.gauss(0, 0.01)
    energy = total_energy(particles)
    record = Record(step, energy)
    if best is None or energy < best.energy:
        best = record
        leader = particles[step % 5]
    log.append(record)
    time.sleep(0.008)

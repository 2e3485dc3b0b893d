# class Config as the place of all settings, changed by functions and class methods while it trains; unseeded.
# results: Config, Schedule, weight, path, plan
# %%
import random
import time


class Config:
    lr = 0.5
    momentum = 0.0
    noise = 0.3
    phases = ["warm"]
    limits = {"low": -4.0, "high": 4.0}


class Schedule:
    created = 0

    def __init__(self, **changes):
        type(self).created += 1
        self.changes = changes

    @classmethod
    def cooling(cls, factor):
        return cls(lr=Config.lr * factor, noise=Config.noise * factor)

    def apply(self):
        for name, value in self.changes.items():
            setattr(Config, name, value)
        Config.phases.append(sorted(self.changes))


def gradient(w):
    return 2 * (w - 1.5) + random.gauss(0, Config.noise)

def descend(w, steps, path):
    velocity = 0.0
    for _ in range(steps):
        velocity = Config.momentum * velocity - Config.lr * gradient(w)
        w = min(max(w + velocity, Config.limits["low"]), Config.limits["high"])
        path.append(w)
        if abs(velocity) > 3:
            Config.limits["high"] -= 0.1
        time.sleep(0.007)
    return w
# %%
%%checkpointed schedule-class
weight, path, plan = 0.0, [], []
for phase in range(6):
    if phase == 2:
        plan.append(Schedule(momentum=0.5, nesterov=True))
    else:
        plan.append(Schedule.cooling(0.7))
    weight = descend(weight, 26, path)
    plan[-1].apply()

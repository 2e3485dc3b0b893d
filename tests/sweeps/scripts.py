"""What is trained in these tests: small models, some of which run out of memory when they are first tried.

The error is a stand-in, raised where torch's allocator would: it shows what a sweep makes of it, not when a GPU is
full.
"""

NAMES = [f"model-{number:02}" for number in range(39)]
TOO_LARGE = NAMES[4::9]  # for the memory that is left, at first

# A cell: each step of each model is counted, in variables that belong to its snapshots.
CELL = """
import weakref
import helpers
import numpy as np
import colab_guard as cg
class OutOfMemoryError(RuntimeError):
    pass
def fit(name):
    batch = weights = rng.normal(size=50)
    if name in TOO_LARGE and begun[name] == 1:
        batches.append(weakref.ref(batch))
        raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    for step in range(8):
        weights -= 0.1 * (weights - rng.normal(size=50))
        steps[name] += 1
        print("tick", flush=True)
        helpers.rest()
    return weights
rng, batches = np.random.default_rng(5), []
begun, steps, losses = {name: 0 for name in NAMES}, {name: 0 for name in NAMES}, []
sweep = cg.jobs(NAMES, on_error="retry", per_session=PER_SESSION)
for name in sweep:
    with sweep:
        begun[name] += 1
        held = [batch for batch in batches if batch() is not None]
        weights = fit(name)
        losses.append(float(weights @ weights))
        sweep.report(loss=losses[-1])
rows = [(row.name, row.state, row.tries, row.failures, dict(row.metrics)) for row in sweep.rows]
after = float(rng.normal())
"""

# Beside the notebook: a life that is to be killed does not come to its end before.
HELPERS = """
import itertools, os, time
count = itertools.count()
def rest():
    time.sleep(600 if next(count) >= 70 and os.path.exists("dies") else 0.002)
"""

# A script: what it did is in a file, which nobody puts back.
SCRIPT = f"""
import os, random, sys
import colab_guard as cg
from helpers import end, tick

def log(*words):
    with open("log.txt", "a") as file:
        print(*words, file=file)

sweep = cg.jobs({NAMES}, name="zoo", on_error="retry", per_session=int(os.environ.get("PER_SESSION", 99)))
log("session", *(row.name for row in sweep.rows if row.state == "done"))
for name in sweep:
    with sweep:
        log("begins", name)
        tick()
        if name in {TOO_LARGE} and not os.path.exists(name):
            open(name, "w").close()
            raise RuntimeError("CUDA out of memory")
        weight = sum(random.Random(name + str(step)).random() for step in range(1000))
        tick()
        sweep.report(weight=weight)
        log("ends", name)
if sweep.left:
    sys.exit(1)
end([(row.name, row.state, row.failures, dict(row.metrics)) for row in sweep.rows])
"""

# The plainest of all: a for over a range that draws random numbers, begun unseeded.
# results: position, trail, furthest, step
# %%
import random
import time

position = [random.gauss(0, 1) for _ in range(3)]
trail = []
furthest = 0.0
# %%
%%checkpointed walk
for step in range(500):
    axis = random.randrange(3)
    position[axis] += random.gauss(0, 1)
    trail.append((step, axis, position[axis]))
    furthest = max(furthest, sum(p * p for p in position) ** 0.5)
    time.sleep(0.005)
# %%
print(f"walked {len(trail)} steps, at most {furthest:.2f} away")

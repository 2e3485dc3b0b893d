# Q-learning with a deque as replay buffer, an environment class, while not done inside for; unseeded.
# results: q, replay, returns, env, epsilon, episode
# %%
import random
import time
from collections import deque

class Corridor:
    def __init__(self, length):
        self.length, self.position, self.steps = length, 0, 0

    def reset(self):
        self.position = self.steps = 0
        return self.position

    def step(self, action):
        self.steps += 1
        move = (1 if action else -1) if random.random() > 0.1 else 0
        self.position = min(max(self.position + move, 0), self.length)
        done = self.position == self.length or self.steps >= 40
        return self.position, 1.0 if self.position == self.length else -0.01, done

env = Corridor(8)
q = {(s, a): random.random() * 0.01 for s in range(9) for a in (0, 1)}
# %%
%%checkpointed q-learning
replay, returns, epsilon = deque(maxlen=200), [], 1.0
for episode in range(45):
    state, done, gained = env.reset(), False, 0.0
    while not done:
        if random.random() < epsilon:
            action = random.randrange(2)
        else:
            action = max((0, 1), key=lambda a: q[state, a])
        after, reward, done = env.step(action)
        replay.append((state, action, reward, after, done))
        gained += reward
        for s, a, r, t, end in random.sample(replay, min(8, len(replay))):
            target = r if end else r + 0.95 * max(q[t, 0], q[t, 1])
            q[s, a] += 0.2 * (target - q[s, a])
        state = after
        time.sleep(0.003)
    epsilon = max(0.05, epsilon * 0.93)
    returns.append(gained)

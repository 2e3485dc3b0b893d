# An agent, an environment and a replay buffer as classes; one function plays an episode and learns; unseeded.
# results: agent, buffer, scores, env
# %%
import random
import time
from collections import deque


class ReplayBuffer:
    def __init__(self, capacity):
        self.memory = deque(maxlen=capacity)

    def push(self, *transition):
        self.memory.append(transition)

    def sample(self, k):
        return random.sample(self.memory, k)

    def __len__(self):
        return len(self.memory)


class GridWorld:
    moves = {"up": (0, -1), "down": (0, 1), "left": (-1, 0), "right": (1, 0)}

    def __init__(self, size):
        self.size = size
        self.holes = {(random.randrange(1, size), random.randrange(size - 1)) for _ in range(3)}

    def reset(self):
        self.at, self.age = (0, 0), 0
        return self.at

    def step(self, action):
        dx, dy = self.moves[action]
        x, y = self.at
        self.at = (min(max(x + dx, 0), self.size - 1), min(max(y + dy, 0), self.size - 1))
        self.age += 1
        if self.at in self.holes:
            return self.at, -1.0, True
        won = self.at == (self.size - 1, self.size - 1)
        return self.at, 1.0 if won else -0.02, won or self.age > 25


class Agent:
    def __init__(self, actions):
        self.actions, self.table, self.epsilon = list(actions), {}, 1.0

    def value(self, state, action):
        return self.table.setdefault((state, action), 0.0)

    def act(self, state):
        if random.random() < self.epsilon:
            return random.choice(self.actions)
        return max(self.actions, key=lambda a: self.value(state, a))

    def learn(self, batch):
        for state, action, reward, after, done in batch:
            future = 0.0 if done else max(self.value(after, a) for a in self.actions)
            old = self.value(state, action)
            self.table[state, action] = old + 0.3 * (reward + 0.9 * future - old)


def play(env, agent, buffer):
    state, score = env.reset(), 0.0
    while True:
        action = agent.act(state)
        after, reward, done = env.step(action)
        buffer.push(state, action, reward, after, done)
        score += reward
        if len(buffer) >= 16:
            agent.learn(buffer.sample(16))
        time.sleep(0.005)
        if done:
            return score
        state = after
# %%
env, buffer = GridWorld(4), ReplayBuffer(300)
agent = Agent(GridWorld.moves)
# %%
%%checkpointed agent
scores = []
for episode in range(26):
    scores.append(play(env, agent, buffer))
    agent.epsilon = max(0.1, agent.epsilon * 0.9)

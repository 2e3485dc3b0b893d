# while with a convergence test, random proposals, a trace with tuples; travelling salesman.
# results: cities, tour, length, temperature, trace, rejected
# %%
import math
import random
import time

cities = [(random.random(), random.random()) for _ in range(30)]

def distance(tour):
    return sum(math.dist(cities[a], cities[b]) for a, b in zip(tour, tour[1:] + tour[:1]))
# %%
tour = list(range(len(cities)))
random.shuffle(tour)
# %%
%%checkpointed annealing
temperature, length = 1.0, distance(tour)
trace = []
rejected = 0
while temperature > 1e-3:
    for _ in range(12):
        i, j = sorted(random.sample(range(len(tour)), 2))
        proposal = tour[:i] + tour[i:j][::-1] + tour[j:]
        change = distance(proposal) - length
        if change < 0 or random.random() < math.exp(-change / temperature):
            tour = proposal
            length += change
        else:
            rejected += 1
    trace.append((temperature, length))
    temperature *= 0.985
    time.sleep(0.005)
trace[-1]

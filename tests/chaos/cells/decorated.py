# A timer written as a decorator with functools.wraps, one with arguments, @torch.no_grad() on top; unseeded.
# results: calls, net, losses, checks, attempts
# needs: torch
# %%
import functools
import time

import torch

calls = {}

def timer(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        begun = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            wrapper.took = time.perf_counter() - begun
            calls[function.__name__] = calls.get(function.__name__, 0) + 1
    return wrapper

def repeat(times):
    def decorate(function):
        @functools.wraps(function)
        def again(*args):
            results = []
            for n in range(times):
                results.append(function(*args))
            return results
        return again
    return decorate

@timer
def train_epoch(model, opt, steps):
    total = 0.0
    for _ in range(steps):
        x = torch.rand(10, 3)
        loss = (model(x).squeeze(1) - x.max(1).values).abs().mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item()
        time.sleep(0.007)
    return total / steps

@timer
@repeat(3)
@torch.no_grad()
def check(model):
    worst = 0.0
    for _ in range(4):
        worst = max(worst, model(torch.rand(5, 3)).abs().max().item())
        time.sleep(0.004)
    return worst
# %%
net = torch.nn.Sequential(torch.nn.Linear(3, 10), torch.nn.ReLU(), torch.nn.Linear(10, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.05, weight_decay=1e-3)
# %%
%%checkpointed decorated
losses, checks, attempts = [], [], 0
for epoch in range(7):
    losses.append(train_epoch(net, opt, 13))
    checks.append(check(net))
    attempts += train_epoch.took > 0

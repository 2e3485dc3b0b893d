# for/else and break with patience, in two loops: one that breaks and one that ends by itself.
# results: best, best_epoch, losses, stopped, tried, rate
# %%
import random
import time

def evaluate(rate, epoch):
    """A noisy validation loss that gets worse again."""
    return (epoch - 25 * rate) ** 2 / 100 + random.random() * 0.1
# %%
%%checkpointed early
losses, tried = {}, []
for rate in [0.5, 1.0, 40.0]:
    best, best_epoch, patience = float("inf"), -1, 0
    losses[rate] = []
    for epoch in range(120):
        time.sleep(0.01)
        loss = evaluate(rate, epoch)
        losses[rate].append(loss)
        if loss < best:
            best, best_epoch, patience = loss, epoch, 0
        else:
            patience += 1
        if patience > 12:
            stopped = (rate, epoch)
            break
    else:
        tried.append((rate, "never stopped"))
        continue
    tried.append((rate, best_epoch))
else:
    tried.append("all rates tried")

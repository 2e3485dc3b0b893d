# k-fold cross-validation over a grid, with numpy only: nested loops, a dict of results, the best kept.
# results: scores, best, folds, weights
# needs: numpy
# %%
import time

import numpy as np

X = np.random.normal(size=(200, 12))
y = X @ np.random.normal(size=12) + np.random.normal(scale=0.5, size=200)
folds = np.array_split(np.random.permutation(200), 5)

def fit(X, y, penalty):
    return np.linalg.solve(X.T @ X + penalty * np.eye(X.shape[1]), X.T @ y)
# %%
%%checkpointed k-fold
scores, best = {}, (np.inf, None)
for penalty in np.logspace(-2, 2, 9):
    errors = []
    for k, held_out in enumerate(folds):
        train = np.concatenate([fold for i, fold in enumerate(folds) if i != k])
        weights = np.zeros(12)
        for bootstrap in range(8):
            sample = np.random.choice(train, len(train))
            weights += fit(X[sample], y[sample], penalty) / 8
            time.sleep(0.005)
        errors.append(((X[held_out] @ weights - y[held_out]) ** 2).mean())
    scores[float(penalty)] = errors
    if np.mean(errors) < best[0]:
        best = (float(np.mean(errors)), float(penalty))

# cross_validate() loops over folds and calls fit_one(), which loops too; a grid over it in the cell; unseeded.
# results: grid_scores, chosen, final_weights
# needs: numpy
# %%
import time

import numpy as np

features = np.random.normal(size=(120, 6))
target = (features[:, 0] - features[:, 1] + np.random.normal(scale=0.3, size=120) > 0).astype(float)

def kfold(n, k):
    order = np.random.permutation(n)
    for i in range(k):
        held = order[i::k]
        yield np.setdiff1d(order, held), held

def fit_one(X, y, l2, steps):
    w = np.random.normal(scale=0.1, size=X.shape[1])
    for t in range(steps):
        i = np.random.choice(len(X), 32)
        p = 1 / (1 + np.exp(-X[i] @ w))
        w -= 0.3 / (1 + 0.05 * t) * (X[i].T @ (p - y[i]) / len(i) + l2 * w)
        time.sleep(0.005)
    return w

def score(w, X, y):
    return float(((X @ w > 0) == y).mean())

def cross_validate(l2, k=4):
    scores = []
    for train, held in kfold(len(features), k):
        w = fit_one(features[train], target[train], l2, 12)
        scores.append(score(w, features[held], target[held]))
    return np.mean(scores), scores
# %%
%%checkpointed folds-function
grid_scores = {}
for l2 in (0.001, 0.03, 1.0):
    mean, per_fold = cross_validate(l2)
    grid_scores[l2] = (float(mean), per_fold)
chosen = max(grid_scores, key=lambda l2: grid_scores[l2][0])
final_weights = fit_one(features, target, chosen, 40)

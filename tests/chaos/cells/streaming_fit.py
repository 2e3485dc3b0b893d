# partial_fit in a function that goes through a stream of chunks, drift and a running score included; unseeded.
# results: clf, prequential, drifted
# needs: numpy, sklearn
# %%
import time

import numpy as np
from sklearn.linear_model import Perceptron
from sklearn.naive_bayes import GaussianNB

def stream(chunks, size):
    angle = 0.0
    for c in range(chunks):
        if c % 30 == 29:
            angle += np.random.uniform(0.5, 1.5)
        X = np.random.standard_normal((size, 2))
        y = (X[:, 0] * np.cos(angle) + X[:, 1] * np.sin(angle) > 0).astype(int)
        yield angle, X, y

def learn_online(models, chunks):
    accuracy = {name: [] for name in models}
    turns, last = 0, None
    for angle, X, y in stream(chunks, 15):
        for name, model in models.items():
            if last is not None:
                accuracy[name].append((model.predict(X) == y).mean())
            model.partial_fit(X, y, classes=[0, 1])
        turns += last is not None and angle != last
        last = angle
        time.sleep(0.01)
    return accuracy, turns
# %%
clf = {"bayes": GaussianNB(), "perceptron": Perceptron(eta0=0.1)}
# %%
%%checkpointed streaming
prequential, drifted = learn_online(clf, 110)

# scikit-learn trained by partial_fit over shuffled batches, with numpy's legacy random state; unseeded.
# results: model, scaler, scores
# needs: numpy, sklearn
# %%
import time

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import StandardScaler

X, y = load_digits(return_X_y=True)
order = np.random.permutation(len(X))
X_train, y_train, X_test, y_test = X[order[:1400]], y[order[:1400]], X[order[1400:]], y[order[1400:]]
model = SGDClassifier(loss="log_loss", average=True)
# %%
%%checkpointed partial-fit
scaler, scores = StandardScaler(), []
for start in range(0, len(X_train), 100):
    scaler.partial_fit(X_train[start : start + 100])
    time.sleep(0.01)
for epoch in range(5):
    shuffled = np.random.permutation(len(X_train))
    for batch in np.array_split(shuffled, 50):
        noise = np.random.normal(scale=0.01, size=(len(batch), 64))
        model.partial_fit(scaler.transform(X_train[batch]) + noise, y_train[batch], classes=np.arange(10))
        time.sleep(0.004)
    scores.append(model.score(scaler.transform(X_test), y_test))
    print(epoch, scores[-1])

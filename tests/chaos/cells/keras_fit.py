# model.fit() of Keras on torch: dropout, batch norm, shuffled batches, validation, a callback, verbose=2.
# results: weights, moments, log, drawn
# needs: torch, keras
# seeded
# slow
# %%
import os
import time

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch

torch.set_num_threads(1)
keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(400, 8)).astype("float32")
y = (x.sum(1) > 0).astype("float32")


class Slow(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.02)


# %%
%%checkpointed keras_fit
layers = [
    keras.layers.Dense(16, "relu"), keras.layers.Dropout(0.2), keras.layers.BatchNormalization(),
    keras.layers.Dense(1, "sigmoid"),
]
model = keras.Sequential([keras.Input((8,)), *layers])
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, epochs=5, batch_size=16, validation_split=0.2, callbacks=[Slow()], verbose=2)
# %%
weights = model.get_weights()
moments = [np.asarray(one.value.detach()) for one in model.optimizer.variables]
log = history.history
drawn = np.asarray(keras.random.uniform((3,)))

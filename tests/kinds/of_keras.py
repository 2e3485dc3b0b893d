"""What Keras brings, on torch."""

from tests.kinds.kind import Kind

KINDS = (
    Kind(
        "Keras: models, compiled and trained",
        """
import os; os.environ["KERAS_BACKEND"] = "torch"
import keras, numpy as np
keras.utils.set_random_seed(1)
inputs = keras.Input((4,))
dense = keras.layers.Dense(3, activation="relu")
x = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Dropout(0.5, seed=1)(dense(inputs))))
adam = keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.9))
x.compile(adam, "mse", metrics=["mae"])
data, target = np.arange(24.0).reshape(6, 4) / 24, np.ones((6, 1))
def fit(): return x.fit(data, target, batch_size=2, verbose=0, shuffle=False).history
fit()
plain = keras.Sequential([keras.layers.Dense(2), keras.layers.BatchNormalization()]); plain.build((None, 4))
class Own(keras.Model):
    def __init__(self): super().__init__(); self.part = keras.layers.Dense(2); self.seen = [1]
    def call(self, v): return self.part(v)
own = Own(); own(np.ones((1, 4)))
def bits(variables): return [v.value.detach().numpy().copy() for v in variables]
""",
        probe="[bits(x.weights), bits(adam.variables), x.optimizer is adam, [len(c['inbound_nodes']) for c in x.get_config()['layers']], dense in x.layers,"
        " x.predict(data, verbose=0), list(own.seen), bits(own.weights), bits(plain.weights), fit(),"
        " bits(x.weights), dense.trainable, own(np.ones((1, 4))).detach().numpy(), plain(np.ones((1, 4))).detach().numpy()]",
        mutate="fit(); dense.trainable = False; own.seen.append(2)",
    ),
)

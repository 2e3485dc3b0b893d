# A Trainer with callbacks, and a subclass whose fit() calls super().fit(); unseeded.
# results: trainer, recorder
# needs: torch
# %%
import time

import torch
from torch import nn


class Callback:
    def on_epoch_begin(self, trainer): pass
    def on_batch_end(self, trainer, loss): pass
    def on_epoch_end(self, trainer): pass


class Recorder(Callback):
    def __init__(self):
        self.losses, self.rates = [], []

    def on_batch_end(self, trainer, loss):
        self.losses.append(loss)

    def on_epoch_end(self, trainer):
        self.rates.append(trainer.opt.param_groups[0]["lr"])


class HalveRate(Callback):
    def __init__(self, every):
        self.every = every

    def on_epoch_end(self, trainer):
        if (trainer.epoch + 1) % self.every == 0:
            for group in trainer.opt.param_groups:
                group["lr"] /= 2


class Trainer:
    def __init__(self, model, callbacks):
        self.model, self.callbacks = model, callbacks
        self.opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.8)
        self.epoch = -1

    def call(self, name, *args):
        for callback in self.callbacks:
            getattr(callback, name)(self, *args)

    def fit(self, X, y, epochs):
        for self.epoch in range(epochs):
            self.call("on_epoch_begin")
            for batch in torch.randperm(len(X)).split(20):
                self.step(X[batch], y[batch])
            self.call("on_epoch_end")
        return self

    def step(self, xb, yb):
        self.opt.zero_grad()
        loss = nn.functional.mse_loss(self.model(xb), yb)
        loss.backward()
        self.opt.step()
        self.call("on_batch_end", loss.item())
        time.sleep(0.009)


class WarmTrainer(Trainer):
    warm_steps = 0

    def fit(self, X, y, epochs):
        for group in self.opt.param_groups:
            group["lr"] = 0.01
        for i in range(15):
            j = torch.randint(len(X), (10,))
            self.step(X[j], y[j])
            self.warm_steps += 1
        return super().fit(X, y, epochs)
# %%
recorder = Recorder()
trainer = WarmTrainer(nn.Sequential(nn.Linear(5, 20), nn.Tanh(), nn.Linear(20, 1)), [recorder, HalveRate(every=3)])
X = torch.randn(200, 5)
y = X.sum(1, keepdim=True).sin()
# %%
%%checkpointed fit
trainer.fit(X, y, epochs=11)
# %%
len(recorder.losses)

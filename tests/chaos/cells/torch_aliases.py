# Tied weights, a tensor and its numpy twin, a view into a parameter's memory, the optimizer's own parameters.
# results: model, opt, tensor, twin, view, memory, losses
# needs: torch
# seeded
# %%
import time

import numpy as np
import torch
from torch import nn

torch.manual_seed(3)

class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 8)
        self.rnn = nn.GRU(8, 8, batch_first=True)
        self.head = nn.Linear(8, 20, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, x):
        return self.head(self.rnn(self.embed(x))[0])

model = Tied()
opt = torch.optim.RMSprop(model.parameters(), lr=0.01)
tensor = torch.zeros(30)
twin = tensor.numpy()
memory = np.zeros((4, 5), dtype=np.float32)
view = torch.from_numpy(memory)[1]
# %%
%%checkpointed aliases-torch
losses = []
for step in range(250):
    x = torch.randint(0, 20, (6, 9))
    loss = nn.functional.cross_entropy(model(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten())
    opt.zero_grad()
    loss.backward()
    opt.step()
    losses.append(loss.item())
    twin[step % 30] += np.random.random()
    tensor += torch.rand(())
    view += 1
    memory[:, step % 5] *= 1.01
    time.sleep(0.008)

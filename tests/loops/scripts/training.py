"""torch: shuffling, augmentation from three sources, momentum, gradients kept over steps, a schedule, dropout."""

import numpy as np
import torch
from helpers import end, tick

import colab_guard as cg


class Noisy(torch.utils.data.Dataset):
    def __init__(self):
        self.inputs = torch.arange(40.0).reshape(20, 2) / 40
        self.rng = np.random.default_rng(5)

    def __len__(self):
        return 20

    def __getitem__(self, index):
        noise = torch.randn(2) + float(self.rng.normal()) + float(np.random.random())
        return self.inputs[index] + 0.1 * noise, self.inputs[index].sum()


torch.manual_seed(0)
np.random.seed(0)
data = Noisy()
loader = torch.utils.data.DataLoader(data, batch_size=4, shuffle=True, generator=torch.Generator().manual_seed(3))
model = torch.nn.Sequential(
    torch.nn.Linear(2, 8), torch.nn.BatchNorm1d(8), torch.nn.Dropout(0.2), torch.nn.Linear(8, 1)
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.9**epoch)
history, weight = [], model[0].weight
held = [model, optimizer, schedule, history, data.rng, loader.generator]
for _ in cg.loop(range(3), name="epochs", every="1it", state=held):
    losses = []
    for inputs, targets in cg.loop(loader, name="batches", state=[losses]):
        tick()
        loss = torch.nn.functional.mse_loss(model(inputs).squeeze(1), targets)
        if len(losses) % 2 == 0:
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    schedule.step()
    history.append(sum(losses))

assert weight is model[0].weight is optimizer.param_groups[0]["params"][0]
assert schedule.optimizer is optimizer
tensors = [*model.state_dict().values(), *(parameter.grad for parameter in model.parameters())]
tensors += [state["momentum_buffer"] for state in optimizer.state.values()]
tensors += [torch.get_rng_state(), loader.generator.get_state()]
end([tensor.numpy().tobytes() for tensor in tensors], history, schedule.get_last_lr(), data.rng.random())

# train(model, loader, epochs) defined two cells above, called by one line; evaluate() called by it; unseeded.
# results: net, optimizer, history, accuracy
# needs: torch
# %%
import time

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

inputs = torch.randn(240, 12)
labels = (inputs[:, 0] * inputs[:, 1] > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:192], labels[:192]), batch_size=16, shuffle=True)
test_loader = DataLoader(TensorDataset(inputs[192:], labels[192:]), batch_size=16)
# %%
def evaluate(model, loader):
    model.eval()
    correct = 0
    with torch.no_grad():
        for data, target in loader:
            correct += (model(data).argmax(1) == target).sum().item()
            time.sleep(0.004)
    return correct / len(loader.dataset)


def train(model, loader, epochs, optimizer, history):
    for epoch in range(epochs):
        model.train()
        running_loss = 0.0
        for step, (data, target) in enumerate(loader):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(data), target)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
            time.sleep(0.008)
        history.append((epoch, running_loss / (step + 1), evaluate(model, test_loader)))
    return history[-1][2]
# %%
net = torch.nn.Sequential(
    torch.nn.Linear(12, 32), torch.nn.ReLU(), torch.nn.Dropout(0.2), torch.nn.BatchNorm1d(32), torch.nn.Linear(32, 2)
)
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
# %%
%%checkpointed train-function
history = []
accuracy = train(net, train_loader, 8, optimizer, history)
# %%
print(f"{accuracy:.2f}")

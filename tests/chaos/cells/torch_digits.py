# Epochs over a shuffled DataLoader, dropout, AdamW, a schedule; the model built unseeded in an earlier cell.
# results: model, opt, schedule, history
# needs: torch, sklearn
# %%
import time

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

digits = load_digits()
X = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
y = torch.tensor(digits.target)
loader = DataLoader(TensorDataset(X, y), batch_size=64, shuffle=True)
# %%
model = nn.Sequential(
    nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3), nn.Linear(8 * 36, 10)
)
opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
schedule = torch.optim.lr_scheduler.OneCycleLR(opt, 1e-2, total_steps=5 * len(loader))
# %%
%%checkpointed digits
history = []
for epoch in range(5):
    model.train()
    for xb, yb in loader:
        loss = nn.functional.cross_entropy(model(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        schedule.step()
        history.append(loss.item())
        time.sleep(0.01)
    print(f"epoch {epoch}: {history[-1]:.4f}")
# %%
model.eval()
print((model(X).argmax(1) == y).float().mean())

# fit() stops early by break, has an else for when it does not, and returns the best state dict; unseeded.
# results: regressor, best_weights, report, reports
# needs: torch
# %%
import copy
import time

import torch
from torch import nn

xs = torch.linspace(-2, 2, 120).unsqueeze(1)
ys = xs.sin() + 0.2 * torch.randn(120, 1)
pick = torch.randperm(120)
tr, va = pick[:90], pick[90:]

def validation_loss(model):
    with torch.no_grad():
        return nn.functional.mse_loss(model(xs[va]), ys[va]).item()

def fit(model, lr, max_epochs, patience):
    opt = torch.optim.Adam(model.parameters(), lr=lr)
    best, best_state, waited = float("inf"), None, 0
    for epoch in range(max_epochs):
        for idx in tr[torch.randperm(len(tr))].split(30):
            opt.zero_grad()
            loss = nn.functional.mse_loss(model(xs[idx]), ys[idx])
            loss.backward()
            opt.step()
            time.sleep(0.006)
        current = validation_loss(model)
        if current < best - 1e-3:
            best, best_state, waited = current, copy.deepcopy(model.state_dict()), 0
        else:
            waited += 1
            if waited >= patience:
                message = f"stopped after epoch {epoch}"
                break
    else:
        message = "ran to the end"
    model.load_state_dict(best_state)
    return best_state, (message, best, epoch)
# %%
regressor = nn.Sequential(nn.Linear(1, 24), nn.Tanh(), nn.Linear(24, 1))
# %%
%%checkpointed best-state
reports = []
best_weights, report = fit(regressor, 0.05, 30, patience=4)
reports.append(report)
best_weights, report = fit(regressor, 0.003, 25, patience=40)
reports.append(report)

# accelerate's own kind of loop: batches accumulated in bf16, gradients clipped, noise in the data, metrics gathered.
# results: weights, moments, rates, seen, right
# needs: torch, accelerate
# seeded
# slow
# %%
import time

import torch
from accelerate import Accelerator
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)


class Points(Dataset):
    def __init__(self, count):
        self.x = torch.randn(count, 8, generator=torch.Generator().manual_seed(count))

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        return self.x[index] + torch.randn(8) / 10, (self.x[index].sum() > 0).long()


# %%
%%checkpointed accelerate_loop
accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2, mixed_precision="bf16")
model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Dropout(0.2), torch.nn.ReLU(), torch.nn.Linear(16, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 10)
loader, held_out = DataLoader(Points(232), 8, shuffle=True), DataLoader(Points(70), 16)
model, optimizer, scheduler, loader, held_out = accelerator.prepare(model, optimizer, scheduler, loader, held_out)
seen, right = [], []
for epoch in range(4):
    model.train()
    for inputs, labels in loader:
        with accelerator.accumulate(model):
            loss = cross_entropy(model(inputs), labels)
            accelerator.backward(loss)
            if accelerator.sync_gradients:
                accelerator.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
        seen.append(loss.item())
        time.sleep(0.02)
    model.eval()
    count = 0
    for inputs, labels in held_out:
        with torch.no_grad():
            guessed = model(inputs).argmax(1)
        guessed, labels = accelerator.gather_for_metrics((guessed, labels))
        count += (guessed == labels).sum().item()
    right.append(count)
# %%
weights = dict(accelerator.unwrap_model(model).state_dict())
moments = [optimizer.optimizer.state[one] for one in model.parameters()]
rates = scheduler.scheduler.state_dict()

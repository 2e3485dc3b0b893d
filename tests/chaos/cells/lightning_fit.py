# fit() of Lightning: dropout, a schedule, validation, values logged, its bar, a list of the module's own.
# results: weights, moments, rates, seen
# needs: torch, lightning
# seeded
# slow
# %%
import time

import lightning
import torch
from torch.nn.functional import mse_loss

torch.set_num_threads(1)


class Net(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = torch.nn.Sequential(
            torch.nn.Linear(8, 16), torch.nn.Dropout(0.2), torch.nn.ReLU(), torch.nn.Linear(16, 1)
        )
        self.seen = []

    def training_step(self, batch, number):
        x, y = batch
        loss = mse_loss(self.net(x).squeeze(1), y)
        self.log("loss", loss, prog_bar=True)
        self.seen.append(loss.item())
        time.sleep(0.02)
        return loss

    def validation_step(self, batch, number):
        x, y = batch
        self.log("val", mse_loss(self.net(x).squeeze(1), y))

    def on_validation_epoch_end(self):
        self.seen.append(self.trainer.callback_metrics["val"].item())

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=1e-2)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 2)]


x = torch.randn(320, 8, generator=torch.Generator().manual_seed(3))
data = torch.utils.data.TensorDataset(x, x.sum(1))
# %%
%%checkpointed lightning_fit
net = Net()
trainer = lightning.Trainer(
    max_epochs=5, accelerator="cpu", logger=False, enable_checkpointing=False, enable_model_summary=False,
)
loaders = torch.utils.data.DataLoader(data, 16, shuffle=True), torch.utils.data.DataLoader(data, 64)
trainer.fit(net, *loaders)
# %%
weights = dict(net.state_dict())
optimizer = net.optimizers().optimizer
moments = [optimizer.state[one] for one in net.parameters()]
rates = net.lr_schedulers().state_dict()
seen = net.seen

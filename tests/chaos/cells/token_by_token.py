# Text generation token by token: a function under @torch.no_grad(), one with `with torch.no_grad():`; unseeded.
# results: lm, samples, stream, temperature
# needs: torch
# %%
import time

import torch
from torch import nn

vocab = "abcdefghijklmnopqrstuvwxyz .,"

class CharLM(nn.Module):
    def __init__(self, size=24):
        super().__init__()
        self.table = nn.Embedding(len(vocab), size)
        self.cell = nn.GRUCell(size, size)
        self.out = nn.Linear(size, len(vocab))

    def forward(self, token, state):
        state = self.cell(self.table(token), state)
        return self.out(state), state

@torch.no_grad()
def generate(model, prompt, length, temperature=1.0):
    state = torch.zeros(1, 24)
    for ch in prompt:
        logits, state = model(torch.tensor([vocab.index(ch)]), state)
    text = prompt
    for _ in range(length):
        probs = (logits / temperature).softmax(-1)
        token = torch.multinomial(probs, 1)[0]
        text += vocab[token.item()]
        logits, state = model(token, state)
        time.sleep(0.006)
    return text

def beam(model, length, width):
    beams = [(0.0, [0], torch.zeros(1, 24))]
    with torch.no_grad():
        for position in range(length):
            grown = []
            for score, tokens, state in beams:
                logits, after = model(torch.tensor([tokens[-1]]), state)
                noisy = logits.log_softmax(-1)[0] + 0.1 * torch.rand(len(vocab))
                best = noisy.topk(width)
                for value, index in zip(best.values.tolist(), best.indices.tolist()):
                    grown.append((score + value, tokens + [index], after))
                time.sleep(0.003)
            beams = sorted(grown, key=lambda b: -b[0])[:width]
    return "".join(vocab[t] for t in beams[0][1])
# %%
lm = CharLM()
# %%
%%checkpointed generate
samples, stream = [], ""
for temperature in (0.5, 1.0, 1.7):
    samples.append(generate(lm, "the ", 38, temperature))
    stream += beam(lm, 7, 3)
print(samples[0])

"""What torch and Keras bring."""

from tests.kinds.kind import Kind

TRAIN = """
import torch
torch.manual_seed(0)
def train(model, optimizer, steps=2):
    for step in range(steps):
        optimizer.zero_grad()
        loss = model(torch.arange(12.0).reshape(3, 4) / 12).square().mean()
        loss.backward()
        optimizer.step()
    return loss.item()
"""
BITS = "[p.detach().double().flatten().tolist() for p in x.parameters()]"

KINDS = (
    Kind(
        "torch: tensors of every dtype, layout and order",
        """
import torch
x = torch.arange(6.0).reshape(2, 3)
dtypes = [torch.tensor([1, 0]).to(getattr(torch, name)) for name in
          "bool uint8 int8 int16 int32 int64 uint16 uint32 uint64 float16 bfloat16 float32 float64 complex64".split()]
small = [torch.tensor([1.5]).to(getattr(torch, name)) for name in "float8_e4m3fn float8_e5m2".split()]
shapes = [torch.zeros(0, 3), torch.tensor(3), torch.ones(2, 3).t(), torch.ones(3).expand(2, 3),
          torch.ones(2, 3, 4, 4).to(memory_format=torch.channels_last)]
words = [torch.float32, torch.device("cpu"), torch.Size([1, 2]), torch.strided, torch.channels_last, torch.sparse_csr]
""",
        probe="[x, dtypes, [s.view(torch.uint8) for s in small], [s.dtype for s in small], shapes, [s.stride() for s in shapes],"
        " list(map(str, words)), words[0] is torch.float32, words[3] is torch.strided]",
        mutate="x[0, 0] = 7; dtypes[9][0] = 3",
    ),
    Kind(
        "torch: large tensors",
        "import torch; x = torch.arange(50_000.0); still = torch.arange(50_000.0).view(2, -1).t()",
        probe="[x, still]",
        mutate="x[7] = -1",
        large=400_000,
    ),
    Kind(
        "torch: views, and numpy's of the same memory",
        """
import numpy as np, torch
x = torch.arange(30_000.0).reshape(2, -1)
row, twin, array = x[1], x.numpy(), np.zeros(4)
mirror, halves, raw = torch.from_numpy(array), x.chunk(2, 1), x.untyped_storage()
bits = x.view(torch.int32)
""",
        probe="[x, row, twin, array, halves[1], (lambda: [x.__setitem__((1, 0), 7), array.__setitem__(1, 9), row[0],"
        " twin[1, 0], mirror[1], halves[0][1, 0], bits[1, 0], raw.data_ptr() == x.data_ptr()])()]",
        mutate="x[1, 16] = -1; array[2] = 5",
    ),
    Kind(
        "torch: sparse tensors",
        """
import torch, warnings
warnings.filterwarnings("ignore", "Sparse")
x = torch.sparse_coo_tensor([[0, 1, 0], [1, 0, 1]], [1.0, 2.0, 3.0], (2, 2))
done, rows = x.coalesce(), torch.eye(3).to_sparse_csr()
others = [torch.eye(4).to_sparse_csc(), torch.eye(4).to_sparse_bsr((2, 2)), torch.eye(4).to_sparse_bsc((2, 2))]
hybrid = torch.sparse_coo_tensor([[0, 1]], torch.ones(2, 3), (4, 3))
values = rows.values()
leaf = torch.eye(2).to_sparse().requires_grad_()
""",
        probe="[x.to_dense(), x.is_coalesced(), done.is_coalesced(), rows.to_dense(), [o.to_dense() for o in others],"
        " [str(o.layout) for o in (rows, *others)], hybrid.to_dense(), leaf.requires_grad, leaf.is_leaf]",
        mutate="x._values()[0] = 9; values[1] = 5",
    ),
    Kind(
        "torch: quantized tensors",
        """
import torch, warnings
warnings.filterwarnings("ignore")
x = torch.quantize_per_tensor(torch.arange(4.0), 0.5, 3, torch.qint8)
channels = torch.quantize_per_channel(torch.ones(2, 3), torch.tensor([0.1, 0.2]), torch.tensor([0, 1]), 0, torch.quint8)
held = {"same": x}
""",
        probe="[x.int_repr(), x.q_scale(), x.q_zero_point(), channels.int_repr(), channels.q_per_channel_scales(),"
        " str(x.dtype), held['same'] is x, x.dequantize()]",
        mutate="x[0] = 4.0",
    ),
    Kind(
        "torch: meta, conjugate and negative views, inference, shared and nested tensors",
        """
import torch, warnings
warnings.filterwarnings("ignore", "The PyTorch API of nested")
x = torch.tensor([1 + 2j, 3 - 1j])
conj, negative, meta = x.conj(), x.conj().imag, torch.empty(2, 3, device="meta", dtype=torch.float16)
with torch.inference_mode():
    inferred = torch.ones(3) * 2
shared = torch.ones(4).share_memory_()
nested = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])
jagged = torch.nested.nested_tensor([torch.ones(2, 1), torch.ones(3, 1)], layout=torch.jagged)
parameter = torch.nn.Parameter(torch.empty(2, device="meta"))
""",
        probe="[x, conj.is_conj(), conj.resolve_conj(), negative.is_neg(), negative.resolve_neg(), meta.shape, meta.dtype,"
        " str(meta.device), inferred.is_inference(), inferred.clone(), shared.is_shared(), shared, [t for t in nested.unbind()],"
        " [t for t in jagged.unbind()], type(parameter).__name__, parameter.device.type, parameter.requires_grad,"
        " (lambda: [x.__setitem__(0, 5j), conj[0].resolve_conj()])()]",
        mutate="x[1] = 8; shared[0] = 2",
    ),
    Kind(
        "torch: gradients, hooks and attributes of tensors",
        TRAIN
        + """
x = torch.ones(3, requires_grad=True)
heard = []
handle = x.register_hook(lambda g: heard.append(1))
x.register_post_accumulate_grad_hook(lambda t: heard.append(2))
(x * 2).sum().backward()
x.label = ["mine"]
buffer = torch.nn.Buffer(torch.ones(2))
frozen = torch.nn.Parameter(torch.ones(2), requires_grad=False)
""",
        probe="[x.detach(), x.grad, x.label, x.is_leaf, type(buffer).__name__, frozen.requires_grad, heard,"
        " (lambda: [(x * 3).sum().backward(), x.grad, handle.remove(), x.sum().backward(), heard])()]",
        mutate="x.label.append(1); x.grad[0] = 9",
    ),
    Kind(
        "torch: a tensor with a graph behind it",
        "import torch; w = torch.ones(3, requires_grad=True); x = (w * 2).sum()",
        notes=("x's autograd graph",),
        lost="x.backward()",
    ),
    Kind(
        "torch: modules",
        TRAIN
        + """
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)
        self.last.weight = self.first.weight
        self.parts = torch.nn.ModuleDict({"a": torch.nn.BatchNorm1d(4), "b": torch.nn.Dropout(0.0)})
        self.more = torch.nn.ParameterList([torch.ones(4)])
        self.register_buffer("scale", torch.ones(4), persistent=False)
        self.calls = 0
    def forward(self, v):
        self.calls += 1
        return self.last(self.parts["a"](self.first(v))) * self.scale * self.more[0]
x = Net()
x.first.bias.requires_grad_(False)
x.parts["b"].eval()
optimizer = torch.optim.Adam(x.parameters())
train(x, optimizer)
lazy, rnn, attention = torch.nn.LazyLinear(2), torch.nn.LSTM(2, 2), torch.nn.MultiheadAttention(4, 2)
state = x.state_dict()
""",
        probe=f"[{BITS}, x.last.weight is x.first.weight, x.scale, x.calls, x._non_persistent_buffers_set,"
        " x.first.bias.requires_grad, x.parts['b'].training, x.parts['a'].running_mean, lazy.has_uninitialized_params(),"
        " rnn.weight_hh_l0.detach(), sorted(state), state['last.weight'].data_ptr() == x.last.weight.data_ptr(),"
        f" rnn(torch.ones(1, 2))[0].detach(), train(x, optimizer), {BITS}]",
        mutate="train(x, optimizer)",
    ),
    Kind(
        "torch: hooks of modules",
        TRAIN
        + """
x, heard = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)), []
handle = x.register_forward_hook(lambda m, i, o: heard.append("forward"))
x.register_forward_pre_hook(lambda m, i: heard.append("before"))
x[1].register_full_backward_hook(lambda m, i, o: heard.append("backward"))
x.register_state_dict_pre_hook(lambda *a: heard.append("state"))
optimizer = torch.optim.SGD(x.parameters(), 0.1)
""",
        probe="[heard, train(x, optimizer, 1), heard, x.state_dict()['0.bias'], (lambda: ["
        " x.register_forward_hook(lambda m, i, o: heard.append('new')) and None, len(x._forward_hooks), handle.remove(),"
        " train(x, optimizer, 1), heard])()]",
        mutate="train(x, optimizer, 1)",
    ),
    Kind(
        "torch: hooks that nobody holds a handle of",
        """
import torch
x, heard, leaf = torch.nn.Linear(2, 2), [], torch.ones(1, requires_grad=True)
optimizer = torch.optim.SGD([leaf], 0.1)
for n in range(9):
    x.register_forward_hook(lambda m, i, o, n=n: heard.append(n))
    leaf.register_hook(lambda g, n=n: heard.append(n))
    optimizer.register_step_post_hook(lambda *a, n=n: heard.append(n))
""",
        probe="[heard, [None for n in range(40) if x.register_forward_hook(lambda m, i, o: None) and"
        " leaf.register_hook(lambda g: None) and optimizer.register_step_post_hook(lambda *a: None) is None],"
        " len(x._forward_hooks), len(leaf._backward_hooks), len(optimizer._optimizer_step_post_hooks)]",
        mutate="heard.append('more')",
    ),
    Kind(
        "torch: parametrizations, weight and spectral norm",
        TRAIN
        + """
from torch.nn.utils import parametrizations, parametrize, prune
class Symmetric(torch.nn.Module):
    def forward(self, v): return v.triu() + v.triu(1).transpose(-1, -2)
x = torch.nn.Sequential(parametrizations.weight_norm(torch.nn.Linear(4, 4)),
                        parametrizations.spectral_norm(torch.nn.Linear(4, 4)), torch.nn.Linear(4, 4))
parametrize.register_parametrization(x[2], "weight", Symmetric())
optimizer = torch.optim.SGD(x.parameters(), 0.1, momentum=0.9)
train(x, optimizer)
""",
        probe=f"[{BITS}, [parametrize.is_parametrized(m, 'weight') for m in x], x[2].weight.detach(),"
        " isinstance(x[0], torch.nn.Linear), sorted(x.state_dict()), train(x, optimizer), x[2].weight.detach(),"
        " parametrize.remove_parametrizations(x[2], 'weight') is x[2], type(x[2]).__name__]",
        mutate="train(x, optimizer)",
    ),
    Kind(
        "torch: pruned modules",
        TRAIN
        + """
from torch.nn.utils import prune
x = torch.nn.Linear(4, 4)
prune.l1_unstructured(x, "weight", 0.5)
optimizer = torch.optim.SGD(x.parameters(), 0.1)
train(x, optimizer)
""",
        probe=f"[{BITS}, x.weight_mask, train(x, optimizer), {BITS}]",
        mutate="train(x, optimizer)",
    ),
    Kind(
        "torch: optimizers and schedulers",
        TRAIN
        + """
model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 4))
x = torch.optim.AdamW([{"params": model[0].parameters(), "lr": 0.1}, {"params": model[1].parameters()}], lr=0.01)
heard = []
x.register_step_post_hook(lambda *a: heard.append("stepped"))
rate = torch.optim.lr_scheduler
schedules = [rate.LambdaLR(x, lambda epoch: 0.9 ** epoch), rate.CosineAnnealingLR(x, 10),
             rate.SequentialLR(x, [rate.ConstantLR(x), rate.ExponentialLR(x, 0.9)], [2]),
             rate.ChainedScheduler([rate.StepLR(x, 2), rate.LinearLR(x)], x), rate.ReduceLROnPlateau(x)]
others = [torch.optim.LBFGS(model.parameters()), torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, nesterov=True)]
average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
def step():
    loss = train(model, x, 1)
    for one in schedules[:4]: one.step()
    schedules[4].step(loss); average.update_parameters(model)
    return [group["lr"] for group in x.param_groups]
step()
x, others
""",
        probe="[x.param_groups[1]['params'][0] is model[1].weight, [one.optimizer is x for one in schedules[:3]], step(),"
        " step(), [s.detach() if torch.is_tensor(s) else s for p in model.parameters() for s in x.state[p].values()],"
        " heard, average.module[0].weight.detach(), average.n_averaged, others[0].param_groups[0]['params'][0] is model[0].weight]",
        mutate="step()",
    ),
    Kind(
        "torch: gradient scalers, also in the middle of a step",
        TRAIN
        + """
model = torch.nn.Linear(4, 4)
optimizer = torch.optim.SGD(model.parameters(), 0.1)
x = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=2)
def begin():
    optimizer.zero_grad()
    x.scale(model(torch.ones(2, 4)).sum()).backward()
    x.unscale_(optimizer)
def end():
    x.step(optimizer); x.update()
    return x.get_scale()
begin()
""",
        probe="[end(), begin(), end(), x.state_dict(), model.weight.detach()]",
        mutate="end(); begin()",
    ),
    Kind(
        "torch: compiled modules and functions",
        """
import torch
torch.manual_seed(0)
model = torch.nn.Linear(4, 4)
x = torch.compile(model, backend="eager", dynamic=True)
def double(v): return v * 2
fast = torch.compile(double, backend="eager", fullgraph=True)
inside = torch.nn.Linear(4, 4); inside.compile(backend="eager")
optimizer = torch.optim.SGD(x.parameters(), 0.1)
""",
        probe="[type(x).__name__, x._orig_mod is model, x.dynamo_ctx._dynamic, sorted(x.state_dict()), model.weight.detach(),"
        " optimizer.param_groups[0]['params'][0] is model.weight, fast._torchdynamo_orig_callable is double,"
        " inside._compiled_call_impl is not None]",
        mutate="model.weight.data[0] = 5.0",
    ),
    Kind(
        "torch: used DataLoaders, samplers, datasets",
        """
import torch
from torch.utils.data import DataLoader, Dataset, RandomSampler, TensorDataset, WeightedRandomSampler, random_split
data = TensorDataset(torch.arange(20.0))
generator = torch.Generator().manual_seed(3)
x = DataLoader(data, 4, shuffle=True, generator=generator, collate_fn=lambda rows: torch.stack([r[0] for r in rows]))
list(x)
weighted = DataLoader(data, 4, sampler=WeightedRandomSampler([1.0] * 20, 8, generator=generator))
parts = random_split(data, [15, 5], generator)
""",
        probe="[x.dataset is data, x.generator is generator, torch.stack(list(x)), [b[0] for b in weighted],"
        " [p.indices for p in parts]]",
        mutate="list(x)",
    ),
    Kind(
        "torch: scripted modules",
        """
import torch, warnings
warnings.filterwarnings("ignore", ".*torch.jit")
x = torch.jit.script(torch.nn.Linear(2, 2))
""",
        notes=("x (torch.jit",),
        lost="x(torch.ones(1, 2))",
    ),
    Kind(
        "torch: distributions, generators, transforms of graphs",
        """
import torch, torch.fx
torch.manual_seed(0)
x = torch.Generator().manual_seed(3); torch.rand(2, generator=x)
normal = torch.distributions.Normal(torch.zeros(2), 1.0)
graph = torch.fx.symbolic_trace(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU()))
""",
        probe="[torch.rand(2, generator=x), normal.log_prob(torch.ones(2)), graph(torch.ones(1, 2)).detach(),"
        " next(graph.parameters()).requires_grad]",
        mutate="torch.rand(1, generator=x)",
    ),
)

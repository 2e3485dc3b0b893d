"""What CUDA, torch, TensorFlow and JAX say of a GPU."""

from __future__ import annotations

from colab_guard.messages.known import CUDA, TORCH, Known

MEMORY = f"PyTorch, CUDA semantics, memory management: {TORCH}/notes/cuda.html#memory-management"
CUBLAS = "cuBLAS, cublasStatus_t: docs.nvidia.com/cuda/cublas/index.html#cublasstatus-t"
LAUNCH = (
    "Run it again with CUDA_LAUNCH_BLOCKING=1 set before torch is imported: the traceback then shows the true line."
)
RESTART = "Restart the kernel: after this error nothing on the GPU works any more. A guarded cell then goes on."

GPU = (
    Known(
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate …",
        r"cuda out of memory|cuda error: out of memory|torch\.(cuda\.)?outofmemoryerror|hip out of memory",
        "The GPU's memory is full: parameters, gradients, optimizer state, the activations of one batch, or what an "
        "earlier error's traceback still holds (the usual reason that it can't be recovered from).",
        (
            "%gpumem top shows what holds it, by variable; %gpumem clear frees what nobody needs any more.",
            "A smaller batch (%gpumem suggest), mixed precision, gradient checkpointing.",
            "If 'reserved but unallocated' is large, it is fragmented: PYTORCH_CUDA_ALLOC_CONF="
            "expandable_segments:True, set before torch is imported.",
            "Then run the cell again: it goes on from its newest snapshot.",
        ),
        (MEMORY, f"PyTorch, FAQ: {TORCH}/notes/faq.html"),
    ),
    Known(
        "RuntimeError: CUDA error: device-side assert triggered",
        r"device-side assert|cudaErrorAssert|srcIndex < srcSelectDimSize|t >= 0 && t < n_classes",
        "An index on the GPU was out of range: a label outside of 0 … classes - 1, a token beyond the vocabulary, "
        "a position beyond the maximal length. The line of the traceback is often a later one.",
        (
            "Check: labels.min() >= 0, labels.max() < number of classes, ids.max() < the embedding's num_embeddings.",
            "Run one batch on the CPU: there the error names index and line.",
            LAUNCH,
            RESTART,
        ),
        (CUDA, f"PyTorch, CUDA semantics, asynchronous execution: {TORCH}/notes/cuda.html#asynchronous-execution"),
    ),
    Known(
        "RuntimeError: CUDA error: an illegal memory access was encountered",
        r"illegal memory access|cudaErrorIllegalAddress|unspecified launch failure|cudaErrorLaunchFailure"
        r"|misaligned address",
        "A kernel on the GPU read or wrote where it must not: a bug in a custom extension, or one in a library with "
        "just these shapes; seldom a broken GPU.",
        (
            RESTART,
            LAUNCH,
            "Try without torch.compile, without custom kernels (flash attention, xformers), or a newer version.",
        ),
        (CUDA,),
    ),
    Known(
        "RuntimeError: CUDA error: no kernel image is available for execution on the device",
        r"no kernel image is available|cudaErrorNoKernelImageForDevice|not compatible with the current pytorch",
        "The package was built for other generations of GPUs than this one (a P100, K80 or T4 with a new build, a new "
        "GPU with an old one).",
        ("Compare torch.cuda.get_device_capability() with torch.cuda.get_arch_list(); choose another GPU or build.",),
        (CUDA, f"PyTorch, torch.cuda.get_arch_list: {TORCH}/generated/torch.cuda.get_arch_list.html"),
    ),
    Known(
        "RuntimeError: CUDA error: uncorrectable ECC error encountered",
        r"uncorrectable ecc|cudaErrorECCUncorrectable|fallen off the bus|\bXid\b",
        "The GPU itself is faulty. Results since its first error are not to be trusted.",
        ("Get another VM (Runtime → Disconnect and delete runtime); a guarded cell goes on there.",),
        (CUDA, "NVIDIA, Xid errors: docs.nvidia.com/deploy/xid-errors/index.html"),
    ),
    Known(
        "RuntimeError: Found no NVIDIA driver on your system / No CUDA GPUs are available",
        r"no nvidia driver|no cuda gpus are available|no cuda-capable device|cudaErrorNoDevice|nvidia-smi has failed"
        r"|failed call to cuInit|nvidia-smi: (command )?not found",
        "This runtime has no GPU: it is a CPU or TPU one (after a reconnect it may be another than before), or "
        "CUDA_VISIBLE_DEVICES is empty.",
        (
            "Runtime → Change runtime type → a GPU, then run all cells; %guard checklist looks for it first.",
            "If usage limits forbid it: device = 'cuda' if torch.cuda.is_available() else 'cpu'.",
        ),
        (CUDA, "source of torch, torch.cuda"),
    ),
    Known(
        "AssertionError: Torch not compiled with CUDA enabled",
        r"not compiled with cuda",
        "A CPU build of torch is installed: a %pip install has replaced the image's own, or there is no GPU here.",
        ("Take the line that installs torch out; on Colab, a new runtime has a build that fits.",),
        ("source of torch, torch/cuda/__init__.py",),
    ),
    Known(
        "CUDA driver version is insufficient for CUDA runtime version",
        r"driver version is insufficient|cudaErrorInsufficientDriver|nvidia driver on your system is too old",
        "The package is newer than the driver, which nobody can change from inside of a runtime.",
        ("Install a build for an older CUDA, or take out the line that installed this one.",),
        (CUDA, "CUDA compatibility: docs.nvidia.com/deploy/cuda-compatibility/index.html"),
    ),
    Known(
        "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED / CUBLAS_STATUS_NOT_INITIALIZED",
        r"CUBLAS_STATUS_(ALLOC_FAILED|NOT_INITIALIZED)|CUDNN_STATUS_(ALLOC_FAILED|NOT_INITIALIZED)",
        "Mostly memory in disguise: the library could not get its workspace. At times an index out of range just "
        "before it (see: device-side assert).",
        ("%gpumem show, then %gpumem clear, then a smaller batch.", LAUNCH),
        (CUBLAS, MEMORY),
    ),
    Known(
        "RuntimeError: CUDA error: CUBLAS_STATUS_EXECUTION_FAILED / CUDNN_STATUS_EXECUTION_FAILED",
        r"(CUBLAS|CUDNN)_STATUS_(EXECUTION_FAILED|INTERNAL_ERROR|INVALID_VALUE|NOT_SUPPORTED|MAPPING_ERROR)",
        "A library call on the GPU failed: shapes or types that do not go together, an index out of range before it, "
        "or a full GPU.",
        ("Run one batch on the CPU: there the error is a clear one.", LAUNCH, RESTART),
        (CUBLAS,),
    ),
    Known(
        "RuntimeError: Expected all tensors to be on the same device, but found at least two devices",
        r"expected all tensors to be on the same device|weight type .* should be the same",
        "One of model, batch and target was left on the CPU. After a load it may be the optimizer's state.",
        ("x = x.to(device) for each; make the optimizer after model.to(device).",),
        ("source of torch", f"PyTorch, CUDA semantics: {TORCH}/notes/cuda.html"),
    ),
    Known(
        "RuntimeError: Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False",
        r"attempting to deserialize object on (a )?cuda",
        "The file was saved on a GPU and is loaded where there is none.",
        ("torch.load(path, map_location='cpu').", "Snapshots of a guarded cell do it by themselves."),
        (f"PyTorch, torch.load: {TORCH}/generated/torch.load.html",),
    ),
    Known(
        "UnpicklingError: Weights only load failed",
        r"weights[ _-]only load failed|weights_only",
        "Since torch 2.6 torch.load takes plain tensors only, unless told otherwise, for a pickle may run any code.",
        ("torch.load(path, weights_only=False) for a file that you trust; else torch.serialization.add_safe_globals.",),
        (f"PyTorch, serialization semantics: {TORCH}/notes/serialization.html",),
    ),
    Known(
        "RuntimeError: Cannot re-initialize CUDA in forked subprocess",
        r"re-?initialize cuda in forked",
        "A process that was forked after CUDA had begun can't use it.",
        ("multiprocessing.set_start_method('spawn'), or keep .cuda() out of Dataset and collate_fn.",),
        (f"PyTorch, multiprocessing best practices: {TORCH}/notes/multiprocessing.html",),
    ),
    Known(
        "RuntimeError: DataLoader worker (pid …) is killed by signal: Killed",
        r"dataloader worker .*(killed|exited unexpectedly)|worker .*is killed by signal",
        "A worker was killed, mostly because the machine's memory was full: every worker holds what the dataset "
        "touches. 'Bus error' means that shared memory (/dev/shm) is full.",
        ("num_workers=0 or 2; keep data in arrays or memory-mapped files, not in lists of Python objects.",),
        (f"PyTorch, torch.utils.data: {TORCH}/data.html", "source of torch, torch/utils/data/dataloader.py"),
    ),
    Known(
        "RuntimeError: unable to mmap … bytes / Bus error: insufficient shared memory (shm)",
        r"unable to mmap|insufficient shared memory|bus error|shm_open",
        "Shared memory (/dev/shm) is full: DataLoader workers hand over their batches through it.",
        ("Fewer workers, a smaller prefetch_factor, or num_workers=0.", "In Docker: --shm-size=8g."),
        (f"PyTorch, torch.utils.data: {TORCH}/data.html",),
    ),
    Known(
        "ResourceExhaustedError: OOM when allocating tensor (TensorFlow)",
        r"resourceexhaustederror|oom when allocating",
        "The GPU's memory is full. TensorFlow takes nearly all of it at its start, so that nothing is left for others.",
        (
            "A smaller batch.",
            "tf.config.experimental.set_memory_growth(gpu, True) before anything else, or %gpumem limit.",
        ),
        ("TensorFlow, Use a GPU, limiting memory growth: www.tensorflow.org/guide/gpu",),
    ),
    Known(
        "XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate (JAX)",
        r"resource_exhausted|xlaruntimeerror.*memory",
        "The GPU's memory is full. JAX takes three quarters of it at its first operation.",
        ("XLA_PYTHON_CLIENT_PREALLOCATE=false before jax is imported (%gpumem limit sets it), or a smaller batch.",),
        ("JAX, GPU memory allocation: docs.jax.dev/en/latest/gpu_memory_allocation.html",),
    ),
)

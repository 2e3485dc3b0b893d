"""`%guard explain`: each message as people meet it finds its own entry, and each entry has somebody who says so."""

import re

import pytest

import colab_guard
from colab_guard.core.errors import UsageError
from colab_guard.messages.finding import KNOWN, explained, matching, nearest, offer

# As they stand on the screen, some cut or embedded as people paste them; and words of the entry that is meant.
AS_SEEN = {
    "Your session crashed after using all available RAM. If you are interested in access to high-RAM runtimes, you may "
    "want to check out Colab Pro.": "all available RAM",
    "Your session crashed for an unknown reason. View runtime logs": "unknown reason",
    "Your session crashed. Automatically restarting.": "Automatically restarting",
    "tcmalloc: large alloc 3221225472 bytes == 0x5579c2a000 @ 0x7f": "tcmalloc",
    "Runtime disconnected due to inactivity": "inactivity",
    "Your runtime has been disconnected due to inactivity or reaching its maximum duration.": "inactivity",
    "Your runtime has been disconnected due to executing code that is disallowed in our free of charge tier.": "disallowed",
    "Cannot connect to GPU backend\nYou cannot currently connect to a GPU due to usage limits in Colab. Learn more": "usage limits",
    "You have been using a GPU for a long time": "long time",
    "You currently have zero compute units available. Resources offered free of charge are not guaranteed. Purchase more "
    "units here.": "zero compute units",
    "you have run out of compute units": "zero compute units",
    "I don't have any available compute units": "zero compute units",
    "Failed to assign a backend. No backend with GPU available.": "usage limits",
    "You are connected to a GPU runtime, but not utilizing the GPU.": "not utilizing",
    "You have too many active sessions. Terminate an existing session to continue.": "too many active sessions",
    "Unable to connect to runtime": "Unable to connect",
    "Failed to execute cell. Could not send execute message to runtime: Error: await connected: disconnected": "await connected",
    "TypeError: Failed to fetch": "Failed to fetch",
    "2318/4096 [02:55<02:16]Buffered data was truncated after reaching the output size limit.": "Buffered data",
    "OSError: [Errno 103] Software caused connection abort: '/content/drive/MyDrive/ckpt'": "Errno 107",
    "OSError: [Errno 122] Disk quota exceeded": "Errno 28",
    "Could not load the JavaScript files needed to display output. This is probably because your Google Account login "
    "access has expired or because third-party cookies are not allowed by your browser.": "JavaScript",
    "Automatic saving failed. This file was updated remotely or in another tab.": "Automatic saving",
    "You must restart the runtime in order to use newly installed versions.": "newly installed",
    "OSError: [Errno 107] Transport endpoint is not connected: '/content/drive/MyDrive/ckpt'": "Errno 107",
    "OSError: [Errno 5] Input/output error": "Errno 5",
    "[Errno 5] Input/output error: '/content/drive/MyDrive/data/1.png'": "Errno 5",
    "A Google Drive timeout has occurred (most recently at 14:03:22)": "Drive timeout",
    "ValueError: mount failed": "mount failed",
    "MessageError: Error: credential propagation was unsuccessful": "credential propagation",
    "ValueError: Mountpoint must not already contain files": "Mountpoint",
    "Drive already mounted at /content/drive; to attempt to forcibly remount, call drive.mount(\"/content/drive\", "
    "force_remount=True).": "already mounted",
    "HttpError 403: The user's Drive storage quota has been exceeded. reason: storageQuotaExceeded": "storage quota",
    "HttpError 403 User Rate Limit Exceeded. reason: userRateLimitExceeded": "Rate Limit",
    "Access denied: Too many users have viewed or downloaded this file recently.": "Too many users",
    "OSError: [Errno 28] No space left on device: 'model.pt'": "Errno 28",
    "OSError: [Errno 24] Too many open files": "Errno 24",
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 14.75 GiB of "
    "which 1.06 GiB is free.": "CUDA out of memory",
    "RuntimeError: CUDA error: out of memory": "CUDA out of memory",
    "RuntimeError: CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronously reported": "assert",
    "RuntimeError: CUDA error: an illegal memory access was encountered": "illegal memory",
    "RuntimeError: CUDA error: no kernel image is available for execution on the device": "no kernel image",
    "RuntimeError: No CUDA GPUs are available": "No CUDA GPUs",
    "NVIDIA-SMI has failed because it couldn’t communicate with the NVIDIA driver.": "No CUDA GPUs",
    "AssertionError: Torch not compiled with CUDA enabled": "not compiled",
    "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`": "ALLOC_FAILED",
    "RuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED": "EXECUTION_FAILED",
    "RuntimeError: Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!": "same device",
    "RuntimeError: Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False.": "deserialize",
    "_pickle.UnpicklingError: Weights only load failed.": "Weights only",
    "RuntimeError: Cannot re-initialize CUDA in forked subprocess.": "forked",
    "RuntimeError: DataLoader worker (pid 1234) is killed by signal: Killed.": "DataLoader worker",
    "ResourceExhaustedError: OOM when allocating tensor with shape[256,512]": "TensorFlow",
    "XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 4294967296 bytes.": "JAX",
    "The kernel for train.ipynb appears to have died. It will restart automatically.": "appears to have died",
    "Fatal Python error: Segmentation fault": "Segmentation fault",
    "MemoryError: Unable to allocate 74.5 GiB for an array with shape (100000, 100000) and data type float64": "MemoryError",
    "IOPub data rate exceeded.\nThe Jupyter server will temporarily stop sending output": "IOPub",
    "RuntimeError: asyncio.run() cannot be called from a running event loop": "asyncio",
    "ValueError: numpy.dtype size changed, may indicate binary incompatibility.": "numpy.dtype",
    "ModuleNotFoundError: No module named 'peft'": "ModuleNotFoundError",
}  # fmt: skip


@pytest.mark.parametrize(("text", "meant"), AS_SEEN.items())
def test_a_message_as_it_is_seen_finds_its_own_entry(text, meant):
    assert meant in matching(text)[0].says
    told = explained(text)
    assert told.startswith(matching(text)[0].says)
    assert re.search(r"^  1\. ", told, re.M)
    assert "Known from: " in told


def test_each_entry_finds_itself_and_names_its_sources():
    assert len(KNOWN) >= 30
    assert [known.says for known in KNOWN if known not in matching(known.says)] == []
    assert [known.says for known in KNOWN if not (known.because and known.do and all(known.sources))] == []
    assert len({known.says for known in KNOWN}) == len(KNOWN)


@pytest.mark.parametrize(
    "text",
    ["CUDA error: operation not supported", "ValueError: sizes should be the same", "E: Failed to fetch http://archive/x",
     "ZeroDivisionError: division by zero", "KeyError: 'lr'"],
)  # fmt: skip
def test_what_only_sounds_alike_is_taken_for_nothing_known(text):
    assert matching(text) == []


def test_a_gpu_that_is_full_is_not_said_to_be_a_lack_of_ram_too():
    assert len(matching("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.")) == 1


def test_a_whole_traceback_with_colours_is_a_text_like_any_other():
    text = "\x1b[0;31mOSError\x1b[0m: [Errno 28]\n   No space\n   left on device" + "\n" * 5
    assert "Errno 28" in matching("x" * 50_000 + text)[0].says


def test_words_of_ones_own_find_the_nearest_and_say_so():
    near = nearest("my colab notebook complains of javascript that it could not load")
    assert near is not None
    assert "JavaScript" in near.says
    assert "No known message is in this text. The nearest:" in explained("complains of javascript files load output")


def test_what_nobody_knows_is_said_not_to_be_known():
    assert nearest("qwertz uiop") is None
    assert nearest("when I run my own thing it stops") is None, "one common word is nothing to go by"
    assert nearest("ImportError: cannot import name 'x' from 'y'") is None
    assert nearest("tcmalloc") is not None
    told = explained("Traceback:\n  File\nZeroDivisionError: division by zero\n")
    assert told.startswith("'ZeroDivisionError: division by zero' is not among the messages known here.")


class Unspeakable(Exception):
    """Its text can't be had."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_one_line_is_offered_for_known_errors_only():
    assert offer(MemoryError("Unable to allocate 1 TiB for an array")).endswith("and what helps.")
    assert "\n" not in offer(OSError(28, "No space left on device"))
    assert offer(ZeroDivisionError("division by zero")) is None
    assert offer(Unspeakable()) is None


def test_from_python_it_is_a_text_or_the_last_error(monkeypatch):
    assert colab_guard.explain("errno 107") == explained("errno 107")
    monkeypatch.delattr("sys.last_value", raising=False)
    with pytest.raises(UsageError, match="no error to explain"):
        colab_guard.explain()
    monkeypatch.setattr("sys.last_value", OSError(107, "Transport endpoint is not connected"), raising=False)
    assert colab_guard.explain() == explained("errno 107")
    monkeypatch.setattr("sys.last_value", UsageError("%guard explian is not known."), raising=False)
    assert colab_guard.explain().endswith("says all that is known: %guard explian is not known.")

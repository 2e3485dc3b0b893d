"""What a snapshot was taken with (Python, packages, processors). Tells what differs, who wrote what can't be read.

Only what can change bits is told: packages behind saved values, numpy and torch, the processor and its number
of cores (sums are split among threads), GPUs with CUDA and cuDNN. Nothing is imported and no GPU is woken up.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

NUMERICS = ("numpy", "scipy", "torch", "jax", "tensorflow")

Environment = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was; ``str`` says it."""

    what: str
    was: str
    now: str

    def __str__(self) -> str:
        return f"{self.what}: was {self.was}, is {self.now}"


def describe(modules: Iterable[str]) -> Environment:
    """Plain data for JSON. ``modules``: top-level names of what is behind the saved values."""
    names = {*modules, *(name for name in NUMERICS if name in sys.modules)}
    described: Environment = {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
        "cpu": _processor(),
        "cores": cores(),
        "packages": {name: [_distribution(name), version(name)] for name in sorted(names) if version(name)},
    }
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_num_interop_threads"):
        described["torch"] = {
            "threads": torch.get_num_threads(),
            "interop_threads": torch.get_num_interop_threads(),
            "instructions": torch.backends.cpu.get_cpu_capability(),
        }
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            described["cuda"] = _cuda(torch)
    return described


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    """What can change bits, the weightiest first. What either side does not know is not told as a difference."""
    found = []

    def compare(what: str, was: Any, is_: Any) -> None:
        if was and is_ and was != is_:
            found.append(Difference(what, str(was), str(is_)))

    before, after = then.get("cuda", {}), now.get("cuda", {})
    compare("GPU", _listed(before.get("gpus")), _listed(after.get("gpus")))
    compare("processor", then.get("cpu"), now.get("cpu"))
    compare("instructions that torch uses", *(side.get("torch", {}).get("instructions") for side in (then, now)))
    compare("number of cores", then.get("cores"), now.get("cores"))
    compare("CUDA", before.get("runtime"), after.get("runtime"))
    compare("cuDNN", before.get("cudnn"), after.get("cudnn"))
    compare("system", then.get("system"), now.get("system"))
    compare("machine", then.get("machine"), now.get("machine"))
    compare("Python", *(_minor(side) for side in (then, now)))
    for module, (distribution, was) in then.get("packages", {}).items():
        here = now.get("packages", {}).get(module)
        compare(distribution, was, here[1] if here else "not installed")
    return found


def joined(found: Iterable[Difference]) -> str:
    """One line for all of them, empty for none."""
    texts = [str(one) for one in found]
    return f"{'; '.join(texts)}: valid, not bit-identical" if texts else ""


def who_wrote(error: BaseException, then: Mapping[str, Any]) -> str:
    """For an object that can't be unpickled: which package wrote it, at which version, and which one is here.

    Empty where the package is not known, or is here at that very version.
    """
    packages = then.get("packages", {})
    for module in _blamed(error):
        if module in packages:
            distribution, was = packages[module]
            here = version(module)
            if here == was:
                return ""
            found = f"has {here}" if here else "does not have it"
            return f"the snapshot was written with {distribution} {was}; this kernel {found}"
    return ""


def _blamed(error: BaseException) -> Iterable[str]:
    """Top-level modules that an error speaks of, the likeliest first: those it names, then those it came through."""
    if isinstance(error, ImportError) and error.name:
        yield error.name.partition(".")[0]
    for name in re.findall(r"<(?:module|class) '([\w.]+)'|cannot import name '\w+' from '([\w.]+)'", str(error)):
        yield "".join(name).partition(".")[0]
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(str(trace.tb_frame.f_globals.get("__name__", "")))
        trace = trace.tb_next
    for name in reversed(frames):
        yield name.partition(".")[0]


def version(module: str) -> str | None:
    """Of the package behind a top-level module: that which is loaded, else that which is installed, else None."""
    loaded = getattr(sys.modules.get(module), "__version__", None)
    if isinstance(loaded, str):
        return str(loaded)
    try:
        return importlib.metadata.version(_distribution(module))
    except importlib.metadata.PackageNotFoundError:
        return None


def cores() -> int:
    """The processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _distribution(module: str) -> str:
    return _distributions(module).get(module, [module])[0]


_read: dict[str, list[str]] = {}
_missed: set[str] = set()


def _distributions(module: str) -> Mapping[str, list[str]]:
    # Reading them all takes 100 ms: again only for a module not asked for before, it may just have been installed.
    if module not in _read and module not in _missed:
        _read.update(importlib.metadata.packages_distributions())
        _missed.add(module)
    return _read


@cache
def _processor() -> str:
    """The model of the processor, as its maker calls it."""
    try:
        if sys.platform == "darwin":
            command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()
        if sys.platform == "win32":
            return os.environ.get("PROCESSOR_IDENTIFIER", platform.machine())
        return _from_cpuinfo(Path("/proc/cpuinfo").read_text())
    except (OSError, subprocess.SubprocessError):
        return platform.machine()


def _from_cpuinfo(text: str) -> str:
    """The first processor's name with family and model (a cloud may call all it has "AMD EPYC"); ARM's by part."""
    fields: dict[str, str] = {}
    for line in text.partition("\n\n")[0].splitlines():
        key, _, value = line.partition(":")
        fields[key.strip()] = value.strip()
    if "model name" in fields:
        numbers = "/".join(fields[key] for key in ("cpu family", "model", "stepping") if key in fields)
        return f"{fields['model name']} ({numbers})" if numbers else fields["model name"]
    parts = [fields[key] for key in ("CPU implementer", "CPU part") if key in fields]
    return " ".join([platform.machine(), *parts])


def _cuda(torch: Any) -> dict[str, Any]:
    driver = Path("/proc/driver/nvidia/version")
    found = re.search(r"Kernel Module\D*([\d.]+)", driver.read_text()) if driver.exists() else None
    return {
        "gpus": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())],
        "driver": found.group(1) if found else "",
        "runtime": torch.version.cuda or torch.version.hip,
        "cudnn": torch.backends.cudnn.version(),
    }


def _listed(gpus: list[str] | None) -> str:
    kinds = {gpu: (gpus or []).count(gpu) for gpu in gpus or []}
    return ", ".join(gpu if count == 1 else f"{count} × {gpu}" for gpu, count in kinds.items())


def _minor(side: Mapping[str, Any]) -> str:
    number = ".".join(str(side.get("python", "")).split(".")[:2])
    return f"{side.get('implementation', '')} {number}".strip()

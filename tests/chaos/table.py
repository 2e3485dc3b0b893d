"""A campaign as a page of Markdown, with what it ran on."""

import datetime
import os
import platform
import subprocess
from pathlib import Path

from tests.chaos.campaign import Campaign
from tests.chaos.vm_campaign import VmCampaign

PACKAGES = ("colab_guard", "IPython", "torch", "numpy", "pandas", "sklearn", "tqdm")
VERSIONS = f"""
import importlib, platform
print("Python", platform.python_version())
for name in {PACKAGES}:
    try:
        print(name, importlib.import_module(name).__version__)
    except ImportError:
        pass
"""


def markdown(campaign: Campaign, python: str, seed: int, every: str) -> str:
    """The page: what was run on what, a row for each cell, and the sums; what went wrong in full behind it."""
    rows = campaign.rows()
    head = "| cell | runs | kills | of them in a write | resumes | work done twice, s (most) | named | differences |"
    lines = [head, "|---|---:|---:|---:|---:|---:|---:|---:|"]
    for row in rows:
        lost = f"{row.lost_seconds:.2f}"
        lines.append(
            f"| {row.cell} | {row.runs} | {row.kills} | {row.hit} | {row.resumes} | {lost} | {row.named} "
            f"| {row.differences} |"
        )
    lost = max((row.lost_seconds for row in rows), default=0.0)
    resumes, runs = sum(row.resumes for row in rows), len(campaign.reports)
    sums = f"| {runs} | {campaign.kills} | {campaign.write_hits} | {resumes} | {lost:.2f} | {campaign.named} "
    sums += f"| {campaign.differences} |"
    lines.append(f"| **all {len(rows)} cells** {sums}")
    stories = [line for report in campaign.reports if report.problems for line in (report.cell, *report.problems)]
    wrong = ["", "```", *stories, "```"] if stories else []
    return "\n".join([*_about(campaign, python, seed, every), "", *lines, *wrong, ""])


def _about(campaign: Campaign, python: str, seed: int, every: str) -> list[str]:
    aimed = sum(row.aimed for row in campaign.rows())
    return [
        "# Killed at random, ended the same",
        "",
        f"`python -m tests.chaos --kills {campaign.kills} --seed {seed} --every {every}` on "
        f"{datetime.date.today().isoformat()}. {campaign.kills} kernels were killed (SIGKILL) in the middle of a "
        f"guarded cell, {aimed} of them aimed at the writing of a snapshot; each run was carried on by a new kernel "
        f"and compared, bit for bit, with one that was never killed. Snapshots were taken every {every}.",
        "",
        _machine(python),
        "",
        "*Work done twice* is what the next kernel had to do again: the time from the newest snapshot to the kill. "
        "*Named* are runs that ended otherwise for a cause of docs/exactness.md that their cell's output had named "
        "before the kernel was killed.",
    ]


def vms_markdown(campaign: VmCampaign, python: str, seed: int, every: str) -> str:
    """A section: what was done to VMs and mounts on what machine, and what came of it."""
    counts = f"--vm-deaths {campaign.deaths} --mount-losses {campaign.losses}"
    return "\n".join(
        [
            "## Whole VMs, and Drive's mount",
            "",
            f"`python -m tests.chaos {counts} --seed {seed} --every {every}` on {datetime.date.today().isoformat()}.",
            "",
            _machine(python),
            "",
            campaign.table(),
            "",
        ]
    )


def _machine(python: str) -> str:
    asked = subprocess.run([python, "-c", VERSIONS], capture_output=True, text=True, check=True)
    versions = ", ".join(asked.stdout.split("\n")).strip(", ")
    system = f"{platform.system()} {platform.release()}"
    return f"{_processor()}, {os.cpu_count()} cores, {_memory_gb():.0f} GB, {system}. {versions}."


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []  # Linux only
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9

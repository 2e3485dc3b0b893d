"""Kill cells, or random programs, and compare their ends.

``python -m tests.chaos --kills 200 --seed 1 [--cell NAME …] [--minutes 3] [--python PATH] [--table FILE]``
kills kernels; ``python -m tests.chaos --programs 5000 [--seed 1] [--minutes 10]`` kills random programs in
process, each at each of its safe points; ``python -m tests.chaos --vm-deaths 300 --mount-losses 100`` ends whole VMs,
and takes the mount away from under them, on the stand-in for Drive.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.chaos.campaign import run_campaign
from tests.chaos.cell import all_cells
from tests.chaos.harness import Bench, available
from tests.chaos.table import markdown, vms_markdown
from tests.chaos.vm_campaign import run_vms

ENOUGH_TO_TELL = 200  # kills, where neither --kills nor --minutes says how many


def main() -> int:
    """Run a campaign, print its table; 1 if anything differed or nothing was killed."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, help="stop after so many (default: 200, or none with --minutes)")
    parser.add_argument("--minutes", type=float, help="stop after so long, but meet every cell once")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cell", action="append", metavar="NAME", help="only this one; may be repeated")
    parser.add_argument("--python", default=sys.executable, help="the interpreter of the kernels")
    parser.add_argument("--every", default="0.2s", help="the interval between snapshots")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write the table there too, as Markdown")
    parser.add_argument("--programs", type=int, metavar="N", help="no kernels: N random programs, killed in process")
    parser.add_argument("--vm-deaths", type=int, default=0, metavar="N", help="N VMs die, in front of a Drive")
    parser.add_argument("--mount-losses", type=int, default=0, metavar="N", help="N times Drive's mount is lost")
    options = parser.parse_args()
    seconds = options.minutes * 60 if options.minutes else None
    if options.vm_deaths or options.mount_losses:
        bench = Bench(str(Path(options.python).absolute()), Path(tempfile.mkdtemp(prefix="chaos-")), options.every)
        vms = run_vms(bench, options.seed, options.vm_deaths, options.mount_losses, seconds)
        print(vms.table())
        if options.table:
            options.table.write_text(vms_markdown(vms, bench.python, options.seed, options.every))
        return 1 if vms.failures or not vms.reports else 0
    if options.programs:
        return _programs(options.programs, options.seed, seconds)
    python = str(Path(options.python).absolute())
    cells = [cell for cell in all_cells() if not options.cell or cell.name in options.cell]
    cells = [cell for cell in cells if available(cell, python)]
    if not cells:
        parser.error("no such cell, or this interpreter has none of the modules they need")
    kills = options.kills or (None if options.minutes else ENOUGH_TO_TELL)
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    campaign = run_campaign(cells, Bench(python, folder, options.every), options.seed, kills, seconds)
    print(campaign.table())
    if options.table:
        options.table.write_text(markdown(campaign, python, options.seed, options.every))
    return 0 if campaign.kills and not campaign.differences else 1


def _programs(count: int, seed: int, seconds: float | None) -> int:
    from tests.chaos.programs import search  # here, for it needs hypothesis, and the interpreters of cells don't

    found = search(count, seed, seconds)
    print(found.summary())
    return 0 if found.programs and not found.found else 1


if __name__ == "__main__":
    sys.exit(main())

"""Fill the disk during training runs, and check that each run ends with a message and loses nothing.

    python -m tests.breaking.disks                       the disk is full from the first file on, the second, and so on
    python -m tests.breaking.disks --only 3 12 --models lstm

A limit of the process makes the system refuse to grow files, so no disk needs to be full. Each run must end by itself
with exit code 1 and one sentence that names a file and tells how to resume. It leaves no traceback and no unfinished
file. It is then resumed and compared with a run that had enough space.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.breaking.forked import ChildResult, at_call, full_disk, warm_up
from tests.breaking.kills import MODELS, Setting, Tally, differences, go_on, uninterrupted

_LIMIT = 60.0  # seconds; a run that takes longer has hung


def fill_at(setting: Setting, folder: Path, numbers: Iterable[int]) -> Tally:
    """Run once for each of ``numbers``, with the disk full from the file of that number on, counted from 1."""
    folder.mkdir(parents=True)
    whole, _ = uninterrupted(setting, folder)
    tally = Tally()
    run = folder / "cramped"
    for number in numbers:
        ended = go_on(setting, run, sabotage=at_call(tempfile, "mkstemp", number, full_disk), limit=_LIMIT)
        if ended.code == 0:
            break
        tally.n_kills += 1
        faults = [*faults_of(ended), *(f"{path.name} was left behind" for path in run.rglob(".*.unfinished-*"))]
        again = go_on(setting, run)
        faults += [f"it cannot be resumed: {again.output[-300:]}"] if again.code else differences(whole, run)
        tally.lost += [f"file {number}: {fault}" for fault in faults]
        shutil.rmtree(run)
    return tally


def faults_of(ended: ChildResult) -> list[str]:
    """Return the faults in the ending of a run on a full disk."""
    last = (ended.output.strip().splitlines() or [""])[-1]
    faults = [f"exit code {ended.code}"] if ended.code != 1 else []
    faults += [f"a traceback: {ended.output[-600:]}"] if "Traceback" in ended.output else []
    faults += [f"no message: {last}"] if "free some space" not in last else []
    faults += [f"no way to resume: {last}"] if "resume=" not in last and "start again" not in last else []
    return faults


def main() -> int:
    """Read the arguments, fill the disk, and print a line for each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=int, nargs="*", help="files from which on the disk is full, counted from 1")
    parser.add_argument("--models", nargs="+", default=MODELS)
    arguments = parser.parse_args()
    warm_up()
    n_lost = 0
    for model in arguments.models:
        setting = Setting(model, "step", ("epochs=3",))
        with tempfile.TemporaryDirectory() as folder:
            tally = fill_at(setting, Path(folder) / "runs", arguments.only or range(1, 1000))
        print(f"{setting}: {tally.n_kills} full disks, {len(tally.lost)} faults", *tally.lost, sep="\n  ", flush=True)
        n_lost += len(tally.lost)
    return 1 if n_lost else 0


if __name__ == "__main__":
    sys.exit(main())

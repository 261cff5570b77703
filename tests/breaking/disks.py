"""Fill the disk under training runs, and see that each ends with a sentence and has lost nothing.

    python -m tests.breaking.disks                       full from the first file on, from the second, and so on
    python -m tests.breaking.disks --only 3 12 --models lstm

The system itself refuses to let files grow (a limit of the process), so that no disk needs to be full. Each run must
end by itself with exit code 1, with one sentence that names a file and says how to go on, with no traceback and no
unfinished file; and it is then gone on with, and compared with a run that had all the room it needed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.breaking.forked import Ended, at_call, full_disk, warm_up
from tests.breaking.kills import MODELS, Setting, Tally, differences, go_on, uninterrupted

# Longer than any of these runs takes: one that does not end within it has hung.
_LIMIT = 60.0


def fill_at(setting: Setting, folder: Path, numbers: Iterable[int]) -> Tally:
    """Let the disk be full from the given file on, for each of ``numbers``, counted from 1."""
    folder.mkdir(parents=True)
    whole, _ = uninterrupted(setting, folder)
    tally = Tally()
    run = folder / "cramped"
    for number in numbers:
        ended = go_on(setting, run, sabotage=at_call(tempfile, "mkstemp", number, full_disk), limit=_LIMIT)
        if ended.code == 0:
            break
        tally.n_kills += 1
        faults = [*faults_of(ended), *(f"{left.name} was left" for left in run.rglob(".*.unfinished-*"))]
        again = go_on(setting, run)
        faults += [f"it does not go on: {again.printed[-300:]}"] if again.code else differences(whole, run)
        tally.lost += [f"file {number}: {fault}" for fault in faults]
        shutil.rmtree(run)
    return tally


def faults_of(ended: Ended) -> list[str]:
    """What is wrong with how a run on a full disk ended."""
    last = (ended.printed.strip().splitlines() or [""])[-1]
    faults = [f"exit code {ended.code}"] if ended.code != 1 else []
    faults += [f"a traceback: {ended.printed[-600:]}"] if "Traceback" in ended.printed else []
    faults += [f"no sentence: {last}"] if "free some space" not in last else []
    faults += [f"no way on: {last}"] if "resume=" not in last and "start afresh" not in last else []
    return faults


def main() -> int:
    """Read the arguments, fill, and print a line for each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=int, nargs="*", help="from which file on, counted from 1")
    parser.add_argument("--models", nargs="+", default=MODELS)
    given = parser.parse_args()
    warm_up()
    n_lost = 0
    for model in given.models:
        setting = Setting(model, "step", ("epochs=3",))
        with tempfile.TemporaryDirectory() as folder:
            tally = fill_at(setting, Path(folder) / "runs", given.only or range(1, 1000))
        print(f"{setting}: {tally.n_kills} full disks, {len(tally.lost)} faults", *tally.lost, sep="\n  ", flush=True)
        n_lost += len(tally.lost)
    return 1 if n_lost else 0


if __name__ == "__main__":
    sys.exit(main())

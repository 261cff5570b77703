"""Kill training runs with SIGKILL, resume them until they end, and compare them with uninterrupted runs.

    python -m tests.breaking.kills --kills 30               random moments, for each model and scheduler
    python -m tests.breaking.kills --windows                every replacement of a file
    python -m tests.breaking.kills --kills 3 --models lstm --schedulers step

The comparison is bit for bit, on the CPU: history, metrics, scores, the weights of every checkpoint, and the states
of optimizer and scheduler in the last checkpoint. The exit code is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from tests.breaking.forked import ChildResult, Sabotage, train, warm_up
from tests.running import choices

MODELS = ("lstm", "transformer")
SMALL = (
    "dataset=synthetic",
    "num_sequences=24",
    "batch_size=4",
    "epochs=10",
    "callbacks=quiet",
    "trainer.accelerator=cpu",
)
SIZES = ("hidden_size=16", "num_layers=1")  # n-gram models have none
# Settings with which the learning rate changes within ten epochs.
MOVING = {
    "constant": (),
    "cosine": (),
    "one_cycle": (),
    "reduce_on_plateau": ("scheduler.patience=0", "learning_rate=0.03"),
    "step": ("scheduler.step_size=2",),
}


@dataclass(frozen=True)
class Setting:
    """A model and a scheduler, small enough for a run of one or two seconds."""

    model: str
    scheduler: str
    others: tuple[str, ...] = ()

    @property
    def overrides(self) -> list[str]:
        """Arguments of the script, without the output directory."""
        chosen = [f"model={self.model}", f"scheduler={self.scheduler}", *SMALL]
        if self.model in MODELS:
            chosen += [*SIZES, *MOVING[self.scheduler]]
        return [*chosen, *self.others]

    def __str__(self) -> str:
        return " ".join([self.model, self.scheduler, *self.others])


@dataclass
class Tally:
    """Results of the kills of one setting.

    Attributes:
        n_kills: Kills.
        n_runs: Runs that were killed at least once and then completed.
        phases: Kills in each phase of a run.
        lost: Differences from the uninterrupted run, a sentence each.
    """

    n_kills: int = 0
    n_runs: int = 0
    phases: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)


def differences(whole: Path, other: Path) -> list[str]:
    """Return the differences, bit for bit, between two run directories."""
    faults = []
    for pattern in ("*_checkpoints/[!.]*.*", "metrics.csv", "split.json", "tunes.npz"):
        names = [{path.relative_to(run).as_posix() for path in run.glob(pattern)} for run in (whole, other)]
        faults += [f"{name} is in one run alone" for name in sorted(names[0] ^ names[1])]
        for name in sorted(names[0] & names[1]):
            if name.endswith(".pt"):
                faults += _checkpoint_differences(name, whole / name, other / name)
            elif (whole / name).read_bytes() != (other / name).read_bytes():
                faults.append(f"{name} differs")
    first, second = (_scores(run) for run in (whole, other))
    if not first or not second:
        faults.append("there are no scores")
    else:
        faults += [
            f"the scores differ in {name}"
            for name in first.keys() | second.keys()
            if first.get(name) != second.get(name)
        ]
    for name in ("*_checkpoints/[!.]*_curves.png", "tensorboard/*/events.*" if _logs(whole) else "config.yaml"):
        if not any(other.glob(name)):
            faults.append(f"there is no {name}")
    faults += [
        f"{name} of config.yaml differs"
        for name in sorted(_settings(whole).keys() | _settings(other).keys())
        if _settings(whole).get(name) != _settings(other).get(name)
    ]
    faults += [f"{path.name} was left behind" for path in other.rglob(".*.*") if path.is_file()]
    return faults


def _checkpoint_differences(name: str, one: Path, other: Path) -> list[str]:
    first, second = (torch.load(path, weights_only=True) for path in (one, other))
    parts = ["epoch", "model_state_dict", "network", "hyperparameters", "hash", "test_set_hash"]
    # Among the callbacks are the counts of early stopping, the history, and the state of all random numbers.
    parts += (
        ["optimizer_states", "lr_schedulers", "global_step", "callbacks", "loops"] if name.endswith("_last.pt") else []
    )
    return [
        f"{part} of {name} differs"
        for part in parts
        if not same(_without_times(first.get(part)), _without_times(second.get(part)))
    ]


def _without_times(values: Any) -> Any:
    """Return a tree of plain values without the seconds that were spent, and without the folder of the run.

    Lightning counts the steps of the schedule from the last resume, and uses the count for nothing.
    """
    left_out = ("seconds", "best_path", "scheduler_progress")
    if isinstance(values, dict):
        return {name: _without_times(value) for name, value in values.items() if not str(name).endswith(left_out)}
    return [_without_times(value) for value in values] if isinstance(values, list) else values


def same(one: Any, other: Any) -> bool:
    """Return whether two trees of plain values and tensors are equal, bit for bit."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def _logs(run: Path) -> bool:
    return (run / "tensorboard").is_dir()


def _settings(run: Path) -> dict[str, Any]:
    """Return the configuration of a run without its folder; a repeated run has values in the place of references."""
    values: Any = OmegaConf.to_container(OmegaConf.load(run / "config.yaml"), resolve=True)
    return {name: value for name, value in values.items() if name != "output_dir"}


def _scores(run: Path) -> dict[str, Any]:
    path = run / "evaluation" / "results.json"
    if not path.is_file():
        return {}
    results: dict[str, Any] = json.loads(path.read_text())
    # The hashes of a checkpoint and of a report cover the time spent.
    no_two_share = {"minutes", "cost", "checkpoint", "files"}
    return {name: value for name, value in results.items() if name not in no_two_share}


def go_on(setting: Setting, run: Path, **options: Any) -> ChildResult:
    """Start a run or resume it. A run without a checkpoint starts afresh in the same directory."""
    has_checkpoint = any(run.glob("*_checkpoints/[!.]*.pt"))
    overrides = [f"resume={run}"] if has_checkpoint else [*setting.overrides, f"output_dir={run}"]
    return train(*overrides, **options)


def uninterrupted(setting: Setting, folder: Path) -> tuple[Path, float]:
    """Return an uninterrupted run and its duration in seconds."""
    whole = folder / "whole"
    ended = go_on(setting, whole)
    if ended.code:
        raise RuntimeError(f"{setting} does not run at all:\n{ended.output}")
    return whole, ended.seconds


def kill_at_random(setting: Setting, n_kills: int, seed: int, folder: Path) -> Tally:
    """Kill runs at random moments, ``n_kills`` in total, resume each until it ends, and compare it."""
    folder.mkdir(parents=True)
    draw = random.Random(f"{seed} {setting}")
    whole, seconds = uninterrupted(setting, folder)
    tally = Tally()
    run = folder / "killed"
    while tally.n_kills < n_kills:
        ended = go_on(setting, run, kill_after=draw.uniform(0, 0.7 * seconds))
        if ended.code == -signal.SIGKILL:
            tally.n_kills += 1
            tally.phases[phase_of(run)] += 1
        else:
            _compare(setting, whole, run, ended, tally)
    _compare(setting, whole, run, go_on(setting, run), tally)
    return tally


def phase_of(run: Path) -> str:
    """Return the phase in which a run was killed, to judge by the files that it left."""
    if any(run.rglob(".*.unfinished*")):
        return "while a file was being written"
    if not any(run.glob("*_checkpoints/[!.]*.pt")):
        return "before the first checkpoint"
    if any(run.glob("*_checkpoints/[!.]*_final.pt")):
        return "after the last epoch"
    return "within or between epochs"


def _compare(setting: Setting, whole: Path, run: Path, ended: ChildResult, tally: Tally) -> None:
    """Compare a run that has ended, and delete it."""
    is_killed_after_all = "nothing to resume" in ended.output  # the kill came after the last file
    if ended.code and not is_killed_after_all:
        tally.lost.append(f"{setting}: it cannot be resumed: {ended.output.strip()[-600:]}")
    else:
        tally.lost += [f"{setting}: {difference}" for difference in differences(whole, run)]
        tally.n_runs += 1
    shutil.rmtree(run, ignore_errors=True)


def dies_replacing(number: int, *, renamed: bool) -> Sabotage:
    """Return a sabotage that kills the child at its ``number``-th replacement of a file.

    The new file is half-written then or, if ``renamed``, has just been renamed.
    """

    def prepare() -> None:
        replace, count = os.replace, iter(range(1, 1_000_000))

        def replace_and_die(source: Any, target: Any, **others: Any) -> None:
            is_the_one = next(count) == number
            if is_the_one and not renamed:
                os.truncate(source, os.path.getsize(source) // 2)
                os.kill(os.getpid(), signal.SIGKILL)
            replace(source, target, **others)
            if is_the_one:
                os.kill(os.getpid(), signal.SIGKILL)

        os.replace = replace_and_die  # type: ignore[assignment]

    return prepare


def kill_in_windows(setting: Setting, folder: Path, windows: Iterable[tuple[int, bool]]) -> Tally:
    """Kill a run at each of some replacements of files in turn, resume it, and compare it.

    Args:
        setting: The model and scheduler.
        folder: The directory of the runs.
        windows: Numbers of the replacements, counted from 1, and whether the file has been renamed by then. The first
            number beyond the last replacement ends it.
    """
    folder.mkdir(parents=True)
    whole, _ = uninterrupted(setting, folder)
    tally = Tally()
    run = folder / "killed"
    for number, renamed in windows:
        ended = go_on(setting, run, sabotage=dies_replacing(number, renamed=renamed))
        if ended.code != -signal.SIGKILL:
            shutil.rmtree(run)
            return tally
        tally.n_kills += 1
        tally.phases["just after a file was renamed" if renamed else "while a file was being written"] += 1
        before = len(tally.lost)
        _compare(setting, whole, run, go_on(setting, run), tally)
        tally.lost[before:] = [f"replacement {number}, {renamed=}: {fault}" for fault in tally.lost[before:]]
    return tally


def main() -> int:
    """Read the arguments, kill runs, and print a line for each setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=0, help="random kills for each model and scheduler")
    parser.add_argument("--windows", action="store_true", help="kill once at each replacement of a file")
    parser.add_argument("--only", type=int, nargs="*", help="numbers of the replacements, counted from 1")
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--schedulers", nargs="+", default=choices("scheduler"))
    parser.add_argument("--set", nargs="*", default=[], help="further arguments of the training script")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random moments")
    arguments = parser.parse_args()
    warm_up()
    settings = [
        Setting(model, scheduler, tuple(arguments.set))
        for model in arguments.models
        for scheduler in arguments.schedulers
    ]
    plans: list[Callable[[Setting, Path], Tally]] = []
    if arguments.kills:
        plans.append(lambda setting, folder: kill_at_random(setting, arguments.kills, arguments.seed, folder))
    if arguments.windows:
        numbers = arguments.only or range(1, 1000)
        plans.append(lambda setting, folder: kill_in_windows(setting, folder, product(numbers, (False, True))))
    n_lost = 0
    for plan in plans:
        for setting in settings:
            with tempfile.TemporaryDirectory() as folder:
                began = time.monotonic()
                tally = plan(setting, Path(folder) / "runs")
            phases = ", ".join(f"{count} {phase}" for phase, count in sorted(tally.phases.items()))
            print(
                f"{setting}: {tally.n_kills} kills ({phases}), {tally.n_runs} runs completed, "
                f"{len(tally.lost)} differences, {time.monotonic() - began:.0f} s",
                flush=True,
            )
            for fault in tally.lost:
                print(f"  {fault}", flush=True)
            n_lost += len(tally.lost)
    return 1 if n_lost else 0


if __name__ == "__main__":
    sys.exit(main())

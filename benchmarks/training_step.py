"""Measure a step of training against an earlier commit: forward, loss, backward, clipping and optimizer.

Run ``python benchmarks/training_step.py`` (about three minutes) in a clone with its history. The sources of the earlier
commit (``--against``) are unpacked into a temporary folder. Two processes, one for each version, take turns on the same
batches of Nottingham. What is compared is processor time of one thread, and for two threads the time that passes, so
the machine may be busy; ratios of one run are comparable, times are not. The networks have the sizes of the recipes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import IO, cast

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
WORKER = Path(__file__).with_name("training_worker.py")
BASELINE = "d0be9e3"


@dataclass(frozen=True)
class Recipe:
    """A recipe whose step is measured.

    Attributes:
        network: ``lstm`` or ``transformer``.
        width: D.
        batch_size: Tunes of a batch.
        goal: The ratio that is asked for.
        precision: Precision of the present version; the earlier one is measured in single precision.
        n_threads: Threads of the present version.
    """

    network: str
    width: int
    batch_size: int
    goal: float | None
    precision: str = "32-true"
    n_threads: int = 1


RECIPES = {
    "nottingham_lstm": Recipe("lstm", 256, 16, 2.0),
    "nottingham_transformer": Recipe("transformer", 160, 16, 2.0),
    "folk_pretrain": Recipe("lstm", 320, 32, 1.8),
    "nottingham_lstm, bf16-mixed": Recipe("lstm", 256, 16, None, "bf16-mixed"),
    "nottingham_transformer, bf16-mixed": Recipe("transformer", 160, 16, None, "bf16-mixed"),
}
THREADED = {
    "nottingham_lstm": Recipe("lstm", 256, 16, 1.6, n_threads=2),
    "nottingham_transformer": Recipe("transformer", 160, 16, 1.6, n_threads=2),
}


class Worker:
    """A process that takes steps of training with one version of the sources.

    Args:
        sources: The folder that holds the package.
    """

    def __init__(self, sources: Path) -> None:
        environment = os.environ | {"PYTHONPATH": str(sources), "OMP_WAIT_POLICY": "passive"}
        command = [sys.executable, str(WORKER)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
        )

    def ask(self, **question: object) -> dict[str, float]:
        """Send a question, and return the answer.

        Raises:
            SystemExit: If the process has ended; it has printed why.
        """
        print(json.dumps(question), file=cast("IO[str]", self._process.stdin), flush=True)
        answer = cast("IO[str]", self._process.stdout).readline()
        if not answer:
            raise SystemExit("a measuring process ended early")
        return cast("dict[str, float]", json.loads(answer))

    def __enter__(self) -> Worker:
        """Return the worker."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        cast("IO[str]", self._process.stdin).close()
        self._process.wait()


def earlier_sources(commit: str, folder: Path) -> Path:
    """Unpack the sources of a commit, and return the folder that holds the package.

    Raises:
        SystemExit: If there is no such commit.
    """
    archived = subprocess.run(["git", "-C", str(ROOT), "archive", commit, "src"], capture_output=True, check=False)
    if archived.returncode:
        raise SystemExit(f"git has no sources of {commit} ({archived.stderr.decode().strip()}): clone with history")
    with tarfile.open(fileobj=BytesIO(archived.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder / "src"


@dataclass(frozen=True)
class Measured:
    """Times of one recipe, in seconds: before and after, step by step, and the floating-point operations of a step."""

    before: list[float]
    after: list[float]
    operations: float

    @property
    def ratios(self) -> list[float]:
        """The ratios of the steps, which are on the same batches, in ascending order."""
        return sorted(old / new for old, new in zip(self.before, self.after, strict=True))


def measure(before: Worker, after: Worker, recipe: Recipe, clock: str, rounds: int) -> Measured:
    """Take steps with both workers in turn, and return their times by a clock (``cpu`` or ``wall``)."""
    shape = {"network": recipe.network, "width": recipe.width, "batch_size": recipe.batch_size}
    before.ask(what="build", precision="32-true", adamw={}, **shape)
    built = after.ask(what="build", precision=recipe.precision, adamw={"fused": True}, **shape)
    times: dict[Worker, list[float]] = {before: [], after: []}
    for index in range(2 + rounds):
        for worker, n_threads in ((before, 1), (after, recipe.n_threads)):
            times[worker].append(worker.ask(what="step", index=index, n_threads=n_threads)[clock])
    # A weight is multiplied once for a token forward, and twice backward.
    return Measured(times[before][2:], times[after][2:], 6 * built["weights"] * built["tokens"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", default=BASELINE, help="the earlier commit")
    parser.add_argument("--rounds", type=int, default=10, help="steps of each version")
    arguments = parser.parse_args()
    table = Table("step", "clock", "before ms", "after ms", "ratio", "quartiles", "goal", "of the peak")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        before = stack.enter_context(Worker(earlier_sources(arguments.against, Path(folder))))
        after = stack.enter_context(Worker(ROOT / "src"))
        for clock, recipes in (("cpu", RECIPES), ("wall", THREADED)):
            # Two threads are compared with one thread of the same version.
            other = before if clock == "cpu" else stack.enter_context(Worker(ROOT / "src"))
            for name, recipe in recipes.items():
                measured = measure(other, after, recipe, clock, arguments.rounds)
                peak = statistics.median(after.ask(what="peak")["flops"] for _ in range(5))
                lower, ratio, upper = statistics.quantiles(measured.ratios, n=4)
                time_after = statistics.median(measured.after)
                table.add_row(
                    name,
                    clock if clock == "cpu" else f"{clock}, 2 threads",
                    f"{1000 * statistics.median(measured.before):.0f}",
                    f"{1000 * time_after:.0f}",
                    f"{ratio:.2f}",
                    f"{lower:.2f}-{upper:.2f}",
                    "" if recipe.goal is None else f"{recipe.goal:.1f}",
                    f"{measured.operations / time_after / peak:.0%}",
                )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()

"""Names of the files and folders of runs, evaluations, comparisons and sweeps, each defined once.

A run directory:

    config.yaml  split.json  tunes.npz  provenance.json  metrics.csv  tensorboard/
    lstm_checkpoints/melody_lstm_best.pt ...      CheckpointLayout
    evaluation/results.json ...                   EvaluationLayout
    melodies/                                     what ``generate`` writes
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from chromasonic.melody_generation.errors import InputError

LOCK = ".lock"
MAX_CONFIGURATION_BYTES = 100_000
LISTENING_PAGE = "index.html"


@dataclass(frozen=True)
class RunLayout:
    """Paths in a run directory.

    Attributes:
        directory: The run directory.
    """

    directory: Path

    @classmethod
    def of_checkpoint(cls, checkpoint: Path) -> RunLayout | None:
        """Return the run that a checkpoint lies in; None for a checkpoint that was copied elsewhere."""
        is_inside = checkpoint.parent.name.endswith("_checkpoints")
        return cls(checkpoint.parent.parent) if is_inside else None

    @property
    def configuration(self) -> Path:
        """The composed configuration."""
        return self.directory / "config.yaml"

    @property
    def split(self) -> Path:
        """The manifest of the split."""
        return self.directory / "split.json"

    @property
    def tunes(self) -> Path:
        """The tunes of the split."""
        return self.directory / "tunes.npz"

    @property
    def provenance(self) -> Path:
        """The record of versions, code, machine and data."""
        return self.directory / "provenance.json"

    @property
    def metrics(self) -> Path:
        """The table of all measures by epoch."""
        return self.directory / "metrics.csv"

    @property
    def tensorboard(self) -> Path:
        """The folder of TensorBoard's event files."""
        return self.directory / "tensorboard"

    @property
    def evaluation_events(self) -> Path:
        """The folder of TensorBoard's event files of the evaluation."""
        return self.tensorboard / "evaluation"

    @property
    def melodies(self) -> Path:
        """The folder of generated melodies."""
        return self.directory / "melodies"

    @property
    def evaluation(self) -> EvaluationLayout:
        """The paths of the run's evaluation."""
        return EvaluationLayout(self.directory / "evaluation")

    @property
    def results(self) -> Path:
        """The scores of the run."""
        return self.evaluation.results

    @property
    def is_run(self) -> bool:
        """True if the directory holds a folder of checkpoints."""
        return any(self.directory.glob("*_checkpoints"))

    @property
    def has_checkpoint(self) -> bool:
        """True if the directory holds a checkpoint of any kind."""
        return any(self.directory.glob("*_checkpoints/[!.]*.pt"))

    @property
    def has_epoch(self) -> bool:
        """True if the directory holds the checkpoint of a completed epoch."""
        return any(any(self.directory.glob(f"*_checkpoints/*_{kind}.pt")) for kind in ("last", "best"))

    def checkpoints_of(self, model: str) -> CheckpointLayout:
        """Return the paths at which a run of this model, such as ``lstm``, writes its checkpoints."""
        return CheckpointLayout(self.directory / f"{model}_checkpoints", f"melody_{model}")


@dataclass(frozen=True)
class CheckpointLayout:
    """Paths of the checkpoints of one model, with its history.

    Attributes:
        directory: The folder of checkpoints.
        model_name: The beginning of all file names, such as ``melody_lstm``.
    """

    directory: Path
    model_name: str

    @classmethod
    def find(cls, run: Path) -> CheckpointLayout:
        """Find the checkpoints in a run directory.

        Raises:
            InputError: If there is no such directory, or no checkpoint in it.
        """
        if not run.is_dir():
            raise InputError(f"there is no run directory {run}")
        checkpoints = sorted(run.glob("*_checkpoints/*_last.pt")) or sorted(run.glob("*_checkpoints/*_best.pt"))
        if not checkpoints and (loose := sorted(run.glob("[!.]*.pt"))):
            raise InputError(f"{run} is no run directory, it holds checkpoints: name one of them, such as {loose[0]}")
        if not checkpoints and any(run.glob("*/*_checkpoints")):
            raise InputError(
                f"{run} holds several runs: name one of them, or compare them with chromasonic compare runs={run}"
            )
        if not checkpoints:
            raise InputError(f"{run} holds no checkpoint (no *_checkpoints/*_last.pt): no epoch of it is finished")
        return cls(checkpoints[0].parent, checkpoints[0].stem.rsplit("_", 1)[0])

    @property
    def best(self) -> Path:
        """The checkpoint of the lowest validation loss."""
        return self.directory / f"{self.model_name}_best.pt"

    @property
    def last(self) -> Path:
        """The checkpoint after the latest epoch."""
        return self.directory / f"{self.model_name}_last.pt"

    @property
    def latest(self) -> Path | None:
        """The checkpoint to resume from; None before the end of the first epoch.

        A run that was killed while it wrote for the first time has the best checkpoint alone. It equals the last one.
        """
        return next((path for path in (self.last, self.best) if path.is_file()), None)

    @property
    def final(self) -> Path:
        """The checkpoint at completion."""
        return self.directory / f"{self.model_name}_final.pt"

    @property
    def history(self) -> Path:
        """The history, written after every epoch."""
        return self.directory / f"{self.model_name}_history.json"

    @property
    def curves(self) -> Path:
        """The learning curves."""
        return self.directory / f"{self.model_name}_curves.png"

    def epoch(self, number: int) -> Path:
        """Return the path of the checkpoint of an epoch, counted from 1."""
        return self.directory / f"{self.model_name}_epoch_{number}.pt"


@dataclass(frozen=True)
class EvaluationLayout:
    """Paths in the folder of an evaluation.

    Attributes:
        directory: The folder.
    """

    directory: Path

    @property
    def results(self) -> Path:
        """The scores."""
        return self.directory / "results.json"

    @property
    def samples(self) -> Path:
        """The melodies that were scored."""
        return self.directory / "samples.npz"

    @property
    def scores(self) -> Path:
        """The scores as Markdown tables."""
        return self.directory / "scores.md"

    @property
    def diagnosis(self) -> Path:
        """The chart of the diagnosis."""
        return self.directory / "diagnosis.png"

    @property
    def report(self) -> Path:
        """The report."""
        return self.directory / "report.html"

    @property
    def surprisal_page(self) -> Path:
        """The page of surprisal over notation."""
        return self.directory / "surprise.html"

    def surprisal_sheet(self, number: int) -> Path:
        """Return the path of the notation of a test tune, counted from 1, in the colours of its surprisal."""
        return self.directory / f"surprise_{number}.svg"

    def surprisal_files(self) -> list[Path]:
        """Return the page and the notations that there are."""
        return [
            path
            for path in sorted(self.directory.glob("surprise*.*"))
            if path == self.surprisal_page or re.fullmatch(r"surprise_\d+\.svg", path.name)
        ]

    def files_beside_results(self) -> list[Path]:
        """Return the paths of all other files of an evaluation."""
        return [self.samples, self.scores, self.diagnosis, self.report, *self.surprisal_files()]


@dataclass(frozen=True)
class ComparisonLayout:
    """Paths in the folder of a comparison.

    Attributes:
        directory: The folder.
    """

    directory: Path

    @property
    def results(self) -> Path:
        """The comparison as JSON."""
        return self.directory / "model_comparison.json"

    @property
    def tables(self) -> Path:
        """The comparison as Markdown tables."""
        return self.directory / "model_comparison.md"

    @property
    def chart(self) -> Path:
        """The comparison as a chart."""
        return self.directory / "model_comparison.png"

    @property
    def report(self) -> Path:
        """The report."""
        return self.directory / "report.html"

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of the comparison, without TensorBoard's."""
        return self.results, self.tables, self.chart, self.report

    @property
    def tensorboard(self) -> Path:
        """The folder of TensorBoard's event files."""
        return self.directory / "tensorboard"


@dataclass(frozen=True)
class SweepLayout:
    """Paths in the directory of a sweep, which holds a run directory for each job.

    Attributes:
        directory: The directory.
    """

    directory: Path

    @property
    def comparison(self) -> ComparisonLayout:
        """The comparison of the jobs."""
        return ComparisonLayout(self.directory / "comparison_results")

    @property
    def jobs(self) -> Path:
        """The folder of the records of how each job ended."""
        return self.comparison.directory / "jobs"

    def job(self, name: str) -> Path:
        """Return the path of the record of a job."""
        return self.jobs / f"{name}.json"

    @property
    def runs(self) -> set[Path]:
        """The run directories."""
        return {checkpoints.parent for checkpoints in self.directory.glob("*/*_checkpoints")}


@dataclass(frozen=True)
class ListeningTestLayout:
    """Paths in the folder of a listening test.

    Attributes:
        directory: The folder.
    """

    directory: Path

    @property
    def page(self) -> Path:
        """The page for the judges."""
        return self.directory / "listening_test.html"

    @property
    def tunes(self) -> Path:
        """The same tunes as one ABC file."""
        return self.directory / "tunes.abc"

    @property
    def key(self) -> Path:
        """The key."""
        return self.directory / "key.json"

    @property
    def judgements(self) -> Path:
        """The results of the test as numbers."""
        return self.directory / "judgements.json"

    @property
    def judgement_tables(self) -> Path:
        """The results of the test as Markdown."""
        return self.directory / "judgements.md"

"""TensorBoard with training and validation in one chart, against epochs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

import torch
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from torch.utils.tensorboard import SummaryWriter

from chromasonic.melody_generation.io.write_abc import to_abc
from chromasonic.melody_generation.io.write_audio import SAMPLE_RATE, synthesise
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.notation.tempo import usual_tempo
from chromasonic.melody_generation.plots.figures import add_figure
from chromasonic.melody_generation.plots.piano_roll import plot_piano_roll

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Added to Lightning's epoch to count from 1; Lightning has counted the last epoch before it tests.
_TO_COUNT_FROM_1 = {"train": 1, "validation": 1, "test": 0}


class PairedTensorBoardLogger(TensorBoardLogger):
    """Writes ``train/loss`` and ``validation/loss`` as one tag, ``loss``, of two runs, which TensorBoard overlays.

    Measures of an epoch are drawn against epochs from 1; all others against optimizer steps, as in Lightning.

    Args:
        directory: Folder of the event files.
    """

    def __init__(self, directory: str | Path) -> None:
        super().__init__(Path(directory), name="", version="", default_hp_metric=False)
        self._writers: dict[str, SummaryWriter] = {}

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Write each measure to the run of its side."""
        epoch = metrics.get("epoch")
        unpaired: dict[str, float] = {}
        for name, value in metrics.items():
            side, _, measure = name.partition("/")
            if side in _TO_COUNT_FROM_1 and epoch is not None:
                self._writer(side).add_scalar(measure, float(value), int(epoch) + _TO_COUNT_FROM_1[side])
            elif name != "epoch":
                unpaired[name] = value
        if unpaired:
            super().log_metrics(unpaired, step)

    def _writer(self, side: str) -> SummaryWriter:
        if side not in self._writers:
            self._writers[side] = SummaryWriter(str(Path(self.log_dir) / side))
        return self._writers[side]

    @rank_zero_only
    def log_outcome(self, hyperparameters: dict[str, float | str], measures: dict[str, float], curves: Figure) -> None:
        """Show hyperparameters and measures in the HPARAMS tab, and the learning curves."""
        self.log_hyperparams(hyperparameters, {f"hp/{name}": value for name, value in measures.items()})
        add_figure(self.experiment, "learning curves", curves)
        self.experiment.flush()

    @rank_zero_only
    def log_melody(self, tag: str, melody: Melody, epoch: int) -> None:
        """Show a melody as a piano roll, as sound and as ABC text.

        Each has a tag of its own: TensorBoard shows a tag on the tab that it was first used for, and nowhere else.
        """
        tempo = usual_tempo(melody)
        add_figure(self.experiment, f"{tag}/piano roll", plot_piano_roll(melody), epoch)
        sound = torch.from_numpy(synthesise(melody, tempo))[None]
        self.experiment.add_audio(f"{tag}/sound", sound, epoch, SAMPLE_RATE)
        # Indented text is a code block in Markdown.
        self.experiment.add_text(f"{tag}/ABC", indent(to_abc(melody, tempo), "    "), epoch)
        self.experiment.flush()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Flush and close all runs."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
        super().finalize(status)

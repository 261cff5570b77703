"""The history of a training run: losses, accuracies and learning rate of every epoch."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chromasonic.melody_generation.atomic_files import JsonObject, write_text
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.untrusted_files import MAX_JSON_BYTES, parse_json, read_regular_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SERIES = ("train_loss", "val_loss", "train_accuracy", "val_accuracy", "learning_rate")


@dataclass
class TrainingHistory:
    """Losses, accuracies and learning rates of a training run, one of each for every epoch.

    Attributes:
        epoch: Numbers of the epochs, from 1, ascending.
        train_loss: Nats per scored token; a missing number is NaN, in all lists.
        val_loss: Nats per scored token.
        train_accuracy: From 0 to 1.
        val_accuracy: From 0 to 1.
        learning_rate: The rate at the beginning of each epoch.

    Raises:
        ValueError: If the lists differ in length, or the epochs are not ascending from 1 or more.

    Example:
        >>> history = TrainingHistory()
        >>> for loss in (2.0, 1.5, 1.75):
        ...     history.append(
        ...         train_loss=1.0, val_loss=loss, train_accuracy=0.5, val_accuracy=0.4, learning_rate=0.001
        ...     )
        >>> history.best_epoch, history.best_val_loss, history.generalisation_gap
        (2, 1.5, [-1.0, -0.5, -0.75])
    """

    epoch: list[int] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        lengths = {name: len(getattr(self, name)) for name in ("epoch", *SERIES)}
        if len(set(lengths.values())) > 1:
            counts = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise ValueError(f"the lists differ in length ({counts})")
        if any(later <= earlier for earlier, later in pairwise([0, *self.epoch])):
            raise ValueError("epochs are ascending whole numbers from 1")

    def __len__(self) -> int:
        return len(self.epoch)

    @property
    def best_epoch(self) -> int | None:
        """The epoch of the lowest validation loss, the first of equals; None if there is no loss."""
        index = self._best_index()
        return None if index is None else self.epoch[index]

    @property
    def best_val_loss(self) -> float | None:
        """The lowest validation loss in nats per scored token; None if there is none."""
        index = self._best_index()
        return None if index is None else self.val_loss[index]

    def _best_index(self) -> int | None:
        finite = [index for index, loss in enumerate(self.val_loss) if math.isfinite(loss)]
        return min(finite, key=lambda index: self.val_loss[index]) if finite else None

    @property
    def generalisation_gap(self) -> list[float]:
        """Training minus validation loss of each epoch; far below 0 when the model overfits."""
        return [train - val for train, val in zip(self.train_loss, self.val_loss, strict=True)]

    def append(
        self,
        *,
        train_loss: float,
        val_loss: float,
        train_accuracy: float,
        val_accuracy: float,
        learning_rate: float,
    ) -> None:
        """Add the next epoch."""
        self.epoch.append(self.epoch[-1] + 1 if self.epoch else 1)
        self.train_loss.append(float(train_loss))
        self.val_loss.append(float(val_loss))
        self.train_accuracy.append(float(train_accuracy))
        self.val_accuracy.append(float(val_accuracy))
        self.learning_rate.append(float(learning_rate))

    def to_dict(self) -> JsonObject:
        """Return the lists, ``best_epoch`` and ``best_val_loss`` as plain values, with None for NaN."""
        lists = {name: [_number_or_none(number) for number in getattr(self, name)] for name in SERIES}
        return {
            "epoch": list(self.epoch),
            **lists,
            "best_epoch": self.best_epoch,
            "best_val_loss": self.best_val_loss,
        }

    @classmethod
    def from_dict(cls, values: JsonObject) -> TrainingHistory:
        """Return the history whose lists ``to_dict`` returned; all other values follow from them.

        Raises:
            ValueError: If a list is missing, differs in length, or holds anything but finite numbers and None.
        """
        for name in ("epoch", *SERIES):
            if not isinstance(values.get(name), list):
                raise ValueError(f"there is no list {name}")
        epochs = values["epoch"]
        if not all(type(epoch) is int for epoch in epochs):
            raise ValueError("epochs are ascending whole numbers from 1")
        return cls(list(epochs), *(_numbers(values[name], name) for name in SERIES))

    def save(self, path: str | Path) -> None:
        """Write the history as JSON; missing folders are made."""
        write_text(path, json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> TrainingHistory:
        """Read a history that ``save`` wrote.

        Raises:
            InputError: If there is no such file, or it is no training history.
        """
        try:
            values = parse_json(read_regular_file(Path(path), MAX_JSON_BYTES))
            if not isinstance(values, dict):
                raise ValueError("it holds no named lists")
            return cls.from_dict(values)
        except OSError as problem:
            reason = problem.strerror or "unknown"
            raise InputError(f"the training history {path} cannot be read: {reason.lower()}") from problem
        except ValueError as problem:  # of JSON, of UTF-8 and of the lists
            raise InputError(f"{path} is no training history ({problem}): give the _history.json of a run") from problem

    def plot_curves(self, save_path: str | Path | None = None, title: str = "Learning curves") -> Figure:
        """Draw loss, accuracy, learning rate and generalisation gap, the best epoch marked.

        Args:
            save_path: File to write the figure to, in the format of its suffix. Missing folders are made.
            title: Title of the figure.

        Raises:
            InputError: If figures cannot be written in the format of ``save_path``.
        """
        # matplotlib takes long to import, and most readers of a history draw nothing.
        from chromasonic.melody_generation.plots.figures import save_figure  # noqa: PLC0415
        from chromasonic.melody_generation.plots.learning_curves import plot_learning_curves  # noqa: PLC0415

        figure = plot_learning_curves(
            self.epoch,
            train_loss=self.train_loss,
            val_loss=self.val_loss,
            train_accuracy=self.train_accuracy,
            val_accuracy=self.val_accuracy,
            learning_rate=self.learning_rate,
            best_epoch=self.best_epoch,
            title=title,
        )
        if save_path is not None:
            save_figure(figure, save_path)
        return figure


def _number_or_none(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _numbers(values: Sequence[Any], name: str) -> list[float]:
    for value in values:
        if value is not None and not _is_number(value):
            raise ValueError(f"{name} holds {value!r:.40} where a number or null belongs")
    return [math.nan if value is None else float(value) for value in values]


def _is_number(value: Any) -> bool:
    try:
        return type(value) in {int, float} and math.isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False

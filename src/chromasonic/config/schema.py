"""Schema of a run's configuration: which values stand at its top, their types and their ranges.

Defaults are in ``configs/`` alone. The groups (model, optimizer, ...) are checked against the signatures of what they
build, see :mod:`chromasonic.config.validation`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NoReturn

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt

PathLike = str | int | float  # a folder may be called 2026


def _refuse(value: Any) -> NoReturn:
    del value
    raise ValueError("the run sets it: give seed=... or guard=... at the top")


# An argument of the data module that the run sets itself; a value in the configuration would be ignored.
SetByRun = Annotated[Any, AfterValidator(_refuse)]
# It becomes part of the names of files.
Choice = Annotated[str, Field(pattern=r"^\w[\w .+-]{0,99}$")]


class DatasetConfig(BaseModel):
    """The ranges of a dataset's own values; types and names are checked against the data module's signature."""

    model_config = ConfigDict(extra="allow")

    corpus: dict[str, Any]
    split_seed: NonNegativeInt
    held_out: float = Field(gt=0, lt=0.5)
    pitch: Literal["relative", "absolute"]
    transpositions: int = Field(ge=1, le=12, strict=True)
    seed: SetByRun = None
    guard: SetByRun = None


class GuardConfig(DatasetConfig):
    """The dataset whose held-out tunes are kept out of training; its tunes have no tokens, so pitch is no choice."""

    pitch: Literal["relative"]
    transpositions: Literal[1]


class RunConfig(BaseModel):
    """The top of a run's configuration; ``None`` marks values that not every model or dataset has."""

    # Strict, since a checked value is used unconverted: "10" would stay a string.
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)

    model: dict[str, Any]
    dataset: DatasetConfig
    guard: GuardConfig | None = None
    optimizer: dict[str, Any]
    scheduler: dict[str, Any]
    trainer: dict[str, Any]
    callbacks: dict[str, Any]
    logger: dict[str, Any]
    choices: dict[str, Choice] = {}  # the options chosen in the groups; added when a run starts

    epochs: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat
    patience: PositiveInt
    min_melody_length: PositiveInt
    max_melody_length: PositiveInt | None
    train_share: float = Field(gt=0, le=1)
    seed: NonNegativeInt = Field(lt=2**32)
    init_from: PathLike | None
    teacher: PathLike | None
    distillation_weight: float = Field(gt=0, le=1)
    output_dir: PathLike
    resume: PathLike
    repeat: PathLike
    trust_paths: bool = False  # what is typed counts; no run keeps it

    hidden_size: PositiveInt | None = None
    num_layers: PositiveInt | None = None
    dropout: float | None = Field(None, ge=0, lt=1)
    num_sequences: PositiveInt | None = None

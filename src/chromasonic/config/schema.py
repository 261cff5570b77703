"""Schema of a run's configuration: which values stand at its top, their types and their ranges.

Defaults are in ``configs/`` alone. The groups (model, optimizer, ...) are checked against the signatures of what they
build, see :mod:`chromasonic.config.validation`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NoReturn

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
)

# The largest values of arguments, by name, wherever they stand. More would fill the memory or take days.
MOST = {
    "batch_size": 100_000,
    "hidden_size": 16_384,
    "history_size": 1_000,  # of LBFGS, like the next two
    "max_eval": 10_000,
    "max_iter": 1_000,
    "ns_steps": 99,  # of Muon
    "num_heads": 16_384,
    "num_layers": 1_000,
    "process_position": 100,  # lines above a progress bar
}

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


class TrainerConfig(BaseModel):
    """The ranges of the trainer's values that Lightning does not check before it trains."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False, strict=True)

    accumulate_grad_batches: PositiveInt = 1
    check_val_every_n_epoch: PositiveInt | None = None
    gradient_clip_val: NonNegativeFloat | None = None
    limit_train_batches: PositiveFloat | None = None
    limit_val_batches: PositiveFloat | None = None
    limit_test_batches: PositiveFloat | None = None
    log_every_n_steps: NonNegativeInt | None = None
    num_sanity_val_steps: int | None = Field(None, ge=-1)
    overfit_batches: float = Field(0, ge=0, le=0)  # Lightning would replace how tunes are put into batches
    reload_dataloaders_every_n_epochs: NonNegativeInt = 0
    val_check_interval: PositiveFloat | None = None


class RunConfig(BaseModel):
    """The top of a run's configuration; ``None`` marks values that not every model or dataset has."""

    # Strict, since a checked value is used unconverted: "10" would stay a string.
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)

    model: dict[str, Any]
    dataset: DatasetConfig
    guard: GuardConfig | None = None
    optimizer: dict[str, Any]
    scheduler: dict[str, Any]
    trainer: TrainerConfig
    callbacks: dict[str, Any]
    logger: dict[str, Any]
    choices: dict[str, Choice] = {}  # the options chosen in the groups; added when a run starts

    epochs: PositiveInt
    batch_size: int = Field(gt=0, le=MOST["batch_size"])
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

    hidden_size: int | None = Field(None, gt=0, le=MOST["hidden_size"])
    num_layers: int | None = Field(None, gt=0, le=MOST["num_layers"])
    dropout: float | None = Field(None, ge=0, lt=1)
    num_sequences: PositiveInt | None = None

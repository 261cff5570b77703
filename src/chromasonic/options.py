"""What the scripts that compose no groups can be told; the defaults, with what they mean, are in ``configs/``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt


class EvaluateOptions(BaseModel):
    """Of ``scripts/evaluate.py``."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    run: str
    n_samples: PositiveInt
    seed: NonNegativeInt
    max_notes: PositiveInt
    surprise: PositiveInt | None


class CompareOptions(BaseModel):
    """Of ``scripts/compare.py``."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    runs: str | list[str]
    output_dir: str | None
    n_samples: PositiveInt
    seed: NonNegativeInt
    max_notes: PositiveInt

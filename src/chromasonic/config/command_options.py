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
    surprise: int | list[int] | None


class CompareOptions(BaseModel):
    """Of ``scripts/compare.py``."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    runs: str | list[str]
    output_dir: str | None
    n_samples: PositiveInt | None
    seed: NonNegativeInt | None
    max_notes: PositiveInt | None


class GenerateOptions(BaseModel):
    """Of ``scripts/generate.py``; ranges are for what they are handed to."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    run: str
    count: int
    output_dir: str | None
    key: str | None
    mode: str | None
    metre: str | None
    upbeat: str | None
    bars: int | None
    notes: int | None
    max_notes: int
    corpus: str | None
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    seed: int
    primer: str | None
    primer_notes: int | None
    tempo: float | None
    formats: str | list[str]


class ResultsOptions(BaseModel):
    """Of ``scripts/results.py``."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    plan: str | None
    output_dir: str
    parts: str | list[str] | None
    jobs: PositiveInt | None
    n_samples: PositiveInt
    max_notes: PositiveInt
    page: str | None
    readme: str | None

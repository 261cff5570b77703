"""The parts of the record of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.measures.bits_by_group import TokenGroup
from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.measures.melody_scores import ScoreSummary
from chromasonic.melody_generation.runs.json_records import MAX_COUNT, Amount, NanForNull


@dataclass(frozen=True)
class SampleSettings:
    """Settings of the melodies that an evaluation samples.

    Attributes:
        n_samples: Number of melodies.
        seed: Seed of the random numbers.
        temperature: As in :func:`~chromasonic.melody_generation.generation.generate.generate`.
        max_notes: A melody that the model has not ended by then ends at the next bar line.
        outline: Whether kind, length and last note are drawn from the training tunes, as ``generate`` does.

    Raises:
        InputError: If there is no melody, or the seed is negative.
    """

    n_samples: int = 200
    seed: int = 0
    temperature: float = 1.0
    max_notes: int = GenerationConfig.max_notes
    outline: bool = GenerationConfig.outline

    def __post_init__(self) -> None:
        if self.n_samples < 1:
            raise InputError(f"n_samples is a number of melodies, 1 or more, got {self.n_samples}")
        if self.seed < 0:
            raise InputError(f"the seed of the samples is a whole number of 0 or more, got {self.seed}")

    def options(self) -> list[str]:
        """Return the options of ``chromasonic evaluate`` and ``compare`` that ask for these settings."""
        options = [f"{name}={getattr(self, name)}" for name in ("n_samples", "seed", "max_notes")]
        return options if self.outline else [*options, "outline=false"]


@dataclass(frozen=True)
class SamplesRecord:
    """The sampled melodies: their settings, lengths and scores.

    Attributes:
        n_samples: As in :class:`SampleSettings`.
        seed: As there.
        temperature: As there.
        max_notes: As there.
        median_notes: Median length of the samples in notes and rests.
        median_notes_real: Median length of the test tunes.
        n_cut: Samples that were cut at ``max_notes``.
        summary: Scores of the samples; None without a calibration.
        outline: As there; versions before this setting drew none.
    """

    n_samples: int
    seed: int
    temperature: float
    max_notes: int
    median_notes: float
    median_notes_real: float
    n_cut: int
    summary: Annotated[ScoreSummary, NanForNull] | None
    outline: bool = False

    @property
    def settings(self) -> SampleSettings:
        """The settings of the samples."""
        return SampleSettings(self.n_samples, self.seed, self.temperature, self.max_notes, self.outline)


@dataclass(frozen=True)
class OverlapRecord:
    """Overlap of the distribution of each feature with that of the test tunes.

    Attributes:
        samples: Of the samples with the test tunes, by feature.
        real: Of one half of the test tunes with the other, by feature.
    """

    samples: Mapping[str, float]
    real: Mapping[str, float]


@dataclass(frozen=True)
class TypicalRecord:
    """Indices of the melodies whose overall score is nearest to the median.

    Attributes:
        samples: Indices among the samples.
        real: Indices among the test tunes.
    """

    samples: tuple[int, ...]
    real: tuple[int, ...]


@dataclass(frozen=True)
class SharedRecord:
    """Passages that a set of melodies shares with the training tunes, as means over the set.

    Attributes:
        novelty: Share of 8-grams of intervals that no training tune has.
        run_notes: Length of the longest shared run in notes.
        run_share: The same as a share of the melody.
    """

    novelty: Estimate
    run_notes: Estimate
    run_share: Estimate


@dataclass(frozen=True)
class MostCopiedRecord:
    """The sample with the longest run that a training tune has as well.

    Attributes:
        sample: Index of the sample.
        n_notes: Length of the run in notes.
        share: The same as a share of the sample.
        novelty: Novelty of the sample.
        title: Title of the training tune.
        source: Source of the training tune.
    """

    sample: int
    n_notes: Annotated[int, Field(alias="notes", ge=0, le=MAX_COUNT)]
    share: float
    novelty: float
    title: str
    source: str


@dataclass(frozen=True)
class CopyingRecord:
    """Copying from the training tunes.

    Attributes:
        samples: Of the samples.
        real: Of the test tunes, for comparison.
        most_copied: The sample with the longest shared run.
    """

    samples: SharedRecord
    real: SharedRecord
    most_copied: MostCopiedRecord


@dataclass(frozen=True)
class CostRecord:
    """Size and speed of a model.

    Attributes:
        parameters: Numbers that the network has learned or counted.
        notes_per_second: Speed of sampling.
    """

    parameters: Annotated[int, Field(ge=0, le=MAX_COUNT)]
    notes_per_second: Amount


@dataclass(frozen=True)
class DiagnosisPart:
    """The tokens of one part of a division, such as the first quarter of every tune.

    Attributes:
        name: Name of the part.
        bits_per_note: All bits over notes and rests; NaN without notes.
        bits: Bits of all tokens.
        n_notes: Notes and rests.
    """

    name: str
    bits_per_note: Amount
    bits: Amount
    n_notes: Annotated[int, Field(alias="notes", ge=0, le=MAX_COUNT)]

    @classmethod
    def of(cls, part: TokenGroup) -> DiagnosisPart:
        """Return the record of a part."""
        return cls(part.name, part.bits_per_note, part.bits, part.n_notes)


@dataclass(frozen=True)
class HardTune:
    """A test tune that needs many bits per note.

    Attributes:
        index: Index among the test tunes.
        title: Title of the tune.
        source: Source of the tune.
        bits_per_note: Bits of all tokens over notes and rests.
        n_notes: Notes and rests.
    """

    index: Annotated[int, Field(alias="place")]
    title: str
    source: str
    bits_per_note: Amount
    n_notes: Annotated[int, Field(alias="notes", ge=0, le=MAX_COUNT)]


@dataclass(frozen=True)
class Diagnosis:
    """The bits of a model, divided in several ways; the parts of each division add up to the whole.

    Attributes:
        quarter: By quarter of the tune.
        match: By length of the longest earlier match.
        copying: By whether that match has ``diagnosis.COPIES_FROM`` tokens or more.
        metre: By metre, the one with most notes first.
        mode: By mode, in the same order.
        key: By key, in the same order.
        hardest: The tunes with most bits per note.
        token: By what the tokens are: notes, signs of form, others. Here the bits of each part are over all notes.
    """

    quarter: tuple[DiagnosisPart, ...]
    match: tuple[DiagnosisPart, ...]
    copying: tuple[DiagnosisPart, ...]
    metre: tuple[DiagnosisPart, ...]
    mode: tuple[DiagnosisPart, ...]
    key: tuple[DiagnosisPart, ...]
    hardest: tuple[HardTune, ...]
    token: tuple[DiagnosisPart, ...] = ()


@dataclass(frozen=True)
class TuneRecord:
    """A test tune and the bits that the model needs for it.

    Attributes:
        title: Title of the tune.
        source: Source of the tune.
        hash: Hash of its tokens, by which tunes of different runs are paired.
        n_notes: Notes and rests.
        bits: Bits of all tokens; NaN if the model rules one of them out.
    """

    title: str
    source: str
    hash: str
    n_notes: Annotated[int, Field(alias="notes", ge=0, le=MAX_COUNT)]
    bits: Amount

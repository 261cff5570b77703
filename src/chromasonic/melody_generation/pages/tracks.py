"""Tracks of a page: melodies with title, sound, notation, scores and files.

All values are computed here; :mod:`~chromasonic.melody_generation.pages.page` only lays them out.
"""

from __future__ import annotations

import base64
import gzip
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from chromasonic.melody_generation.melody import REST, Melody, Metre
from chromasonic.melody_generation.notation.chord_names import sounding_chords
from chromasonic.melody_generation.notation.tempo import accents, beat_ticks, beat_value
from chromasonic.melody_generation.pages.inline_svg import InlineSvg
from chromasonic.melody_generation.printing.printable_text import printable

_SEMITONE_HEIGHT = 7  # pixels in the piano roll
_PIXELS_PER_QUARTER = 15  # at least; the roll is stretched to the width of the page
_MANY_BARS = 48
_SIGNS = {"eighth": "♪", "quarter": "♩"}
_NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")


@dataclass(frozen=True)
class ScoreBar:
    """A score beside the mean score of real tunes.

    Attributes:
        name: Name of the score.
        value: The score, from 0 to 1; NaN if it is not defined.
        real: The mean score of real tunes; NaN if it is not known.
    """

    name: str
    value: float
    real: float

    @property
    def is_defined(self) -> bool:
        """True if there is a score."""
        return math.isfinite(self.value)

    @property
    def has_real(self) -> bool:
        """True if the score of real tunes is known."""
        return math.isfinite(self.real)


@dataclass(frozen=True)
class SharedRun:
    """The longest passage that a melody shares with a training tune.

    Attributes:
        begin: Index of the first shared note among the sounding notes.
        n_notes: Number of shared notes.
        share: Fraction of the sounding notes that are shared.
        title: Title of the training tune.
        source: Source of the training tune.
        novelty: Fraction of the melody's n-grams that no training tune has; NaN if it is not defined.
        real_notes: Mean number of notes that held-out real tunes share; NaN if it is not known.
        real_novelty: Mean novelty of held-out real tunes; NaN if it is not known.
    """

    begin: int
    n_notes: int
    share: float
    title: str
    source: str
    novelty: float
    real_notes: float
    real_novelty: float

    @property
    def has_novelty(self) -> bool:
        """True if there is a novelty."""
        return math.isfinite(self.novelty)

    @property
    def has_real(self) -> bool:
        """True if the values of real tunes are known."""
        return math.isfinite(self.real_notes) and math.isfinite(self.real_novelty)


@dataclass(frozen=True)
class TrackFile:
    """A file to download.

    Attributes:
        label: The text of the button, such as ``MIDI``.
        name: The name of the file.
        type: The media type.
        contents: The bytes; None if the page makes the file itself.
    """

    label: str
    name: str
    type: str
    contents: bytes | None

    @property
    def kind(self) -> str:
        """The ending of its name."""
        return self.name.rpartition(".")[2]


class Beat(TypedDict):
    """The beat of a metre: its length in ticks, its sign if most fonts have one, and its name."""

    ticks: int
    sign: str
    name: str


class PlayerData(TypedDict):
    """The data of the player in a page, by the keys of its script; the same as in :class:`Track`."""

    title: str
    tempo: float
    beat: Beat
    ticks: int
    notes: list[tuple[int, int, int]]
    accents: list[float]
    chords: list[tuple[int, int, int]]
    bars: list[int]
    files: dict[str, Mapping[str, str]]


@dataclass(frozen=True)
class Track:
    """A melody on a page.

    Attributes:
        title: The title.
        facts: Facts in one line below the title.
        melody: The notes.
        tempo: Quarter notes per minute.
        engravings: The notation for a narrow and for a wide screen, or one for both; may be empty.
        scores: The scores.
        shared: The passage shared with a training tune; None if the training tunes are not known.
        files: Files to download.
        seam: Ticks of the notes at the beginning that a primer gave; 0 without a primer.
        is_coloured: Whether the notation is coloured, which needs a white background.
    """

    title: str
    facts: tuple[str, ...]
    melody: Melody
    tempo: float
    engravings: tuple[InlineSvg, ...] = ()
    scores: tuple[ScoreBar, ...] = ()
    shared: SharedRun | None = None
    files: tuple[TrackFile, ...] = ()
    seam: int = 0
    is_coloured: bool = False

    @property
    def notes(self) -> list[tuple[int, int, int]]:
        """Onset, duration (in ticks) and pitch of each sounding note."""
        melody = self.melody
        sounding = melody.pitches != REST
        parts = (melody.onsets[sounding], melody.durations[sounding], melody.pitches[sounding])
        return list(zip(*(part.tolist() for part in parts), strict=True))

    @property
    def chord_notes(self) -> list[tuple[int, int, int]]:
        """Onset, duration (in ticks) and pitch of each note that sounds for a chord symbol."""
        return [(onset, duration, pitch) for pitch, onset, duration in sounding_chords(self.melody)]

    @property
    def bars(self) -> list[int]:
        """The onsets of bars, in ticks from the first note."""
        return [int(ticks) for ticks in self.melody.bar_lines]

    @property
    def is_long(self) -> bool:
        """True if the notation is so long that it is folded."""
        return len(self.bars) > _MANY_BARS

    def player_data(self) -> PlayerData:
        """Return the data of the player, as JSON values."""
        return {
            "title": printable(self.title),
            "tempo": self.tempo,
            "beat": _beat(self.melody.metre),
            "ticks": self.melody.ticks,
            "notes": self.notes,
            "accents": accents(self.melody)[self.melody.pitches != REST].tolist(),
            "chords": self.chord_notes,
            "bars": self.bars,
            "files": {file.kind: _file_data(file) for file in self.files},
        }

    def roll(self) -> PianoRoll:
        """Return the layout of the piano roll."""
        return PianoRoll.of(self.melody, self.notes, self.shared, self.seam)


@dataclass(frozen=True)
class RollNote:
    """The box of a note; ``x`` and ``width`` in percent, ``y`` in pixels."""

    x: float
    width: float
    y: int
    is_shared: bool


@dataclass(frozen=True)
class PianoRoll:
    """The layout of a piano roll: in percent across, so that it fits any width, and in pixels down.

    Attributes:
        width: The least width in pixels.
        height: The height in pixels.
        row: The height of a semitone in pixels.
        notes: The boxes of the sounding notes.
        bars: The onsets of bars, in percent.
        tonics: The top in pixels and the name of each tonic.
        seam: Where the notes of a primer end, in percent; 0 without a primer.
    """

    width: int
    height: int
    row: int
    notes: tuple[RollNote, ...]
    bars: tuple[float, ...]
    tonics: tuple[tuple[int, str], ...]
    seam: float = 0.0

    @classmethod
    def of(
        cls, melody: Melody, notes: Sequence[tuple[int, int, int]], shared: SharedRun | None, seam: int = 0
    ) -> PianoRoll:
        """Lay out the notes of a melody."""
        pitches = [pitch for _, _, pitch in notes]
        low, high = min(pitches, default=60) - 2, max(pitches, default=72) + 2
        copied = range(shared.begin, shared.begin + shared.n_notes) if shared else range(0)

        def percent(ticks: float) -> float:
            return round(100 * ticks / max(1, melody.ticks), 3)

        boxes = tuple(
            RollNote(percent(onset), percent(duration), _SEMITONE_HEIGHT * (high - pitch), index in copied)
            for index, (onset, duration, pitch) in enumerate(notes)
        )
        tonics = tuple(
            (_SEMITONE_HEIGHT * (high - pitch), f"{_NAMES[melody.tonic]}{pitch // 12 - 1}")
            for pitch in range(low, high + 1)
            if pitch % 12 == melody.tonic
        )
        width = int(np.ceil(melody.ticks / 24 * _PIXELS_PER_QUARTER))
        bars = tuple(percent(ticks) for ticks in melody.bar_lines.tolist())
        return cls(width, _SEMITONE_HEIGHT * (high - low + 1), _SEMITONE_HEIGHT, boxes, bars, tonics, percent(seam))


def _beat(metre: Metre) -> Beat:
    value = beat_value(metre)
    name = "dotted " * value.dots + value.name
    sign = _SIGNS[value.name] + "." * value.dots if value.name in _SIGNS else name
    return {"ticks": beat_ticks(metre), "sign": sign, "name": name}


def _file_data(file: TrackFile) -> Mapping[str, str]:
    data = {"name": file.name, "type": file.type}
    if file.contents is not None:
        packed = gzip.compress(file.contents, mtime=0)  # the same page for the same melodies
        data["data"] = base64.b64encode(packed).decode("ascii")
    return data

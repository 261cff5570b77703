"""A melody as a page shows it: what it is called, how it sounds and looks, what it scores, and its files.

Everything here is plain values, worked out before; :mod:`~chromasonic.melody_generation.pages.page` lays them out.
"""

from __future__ import annotations

import base64
import gzip
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chromasonic.melody_generation.melody import REST, Melody, Metre
from chromasonic.melody_generation.notation.tempo import beat_ticks, beat_value
from chromasonic.melody_generation.pages.inline_svg import InlineSvg

_ROW = 7  # pixels of a semitone in the piano roll
_PIXELS_PER_QUARTER = 15  # at least; the roll is stretched where there is room
_MANY_BARS = 48
_SIGNS = {"eighth": "♪", "quarter": "♩"}
_NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")


@dataclass(frozen=True)
class ScoreBar:
    """A score beside that of real tunes.

    Attributes:
        name: What it is called.
        value: From 0 to 1; NaN where it is not defined.
        real: What real tunes score on average, likewise.
    """

    name: str
    value: float
    real: float

    @property
    def is_defined(self) -> bool:
        """Whether there is a score."""
        return math.isfinite(self.value)

    @property
    def has_real(self) -> bool:
        """Whether it is known what real tunes score."""
        return math.isfinite(self.real)


@dataclass(frozen=True)
class SharedRun:
    """What a melody has in common with a training tune.

    Attributes:
        begin: The first of its sounding notes that are shared.
        n_notes: How many in a row.
        share: The same as a part of the sounding notes.
        title: Of the training tune.
        source: Where that is from.
        novelty: The part of its turns that no training tune has; NaN where it is not defined.
        real_notes: How many notes in a row real held-out tunes share on average; NaN where it is not known.
        real_novelty: The novelty of real held-out tunes on average, likewise.
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
        """Whether there is a novelty."""
        return math.isfinite(self.novelty)

    @property
    def has_real(self) -> bool:
        """Whether it is known what real tunes share."""
        return math.isfinite(self.real_notes) and math.isfinite(self.real_novelty)


@dataclass(frozen=True)
class TrackFile:
    """A file to take home.

    Attributes:
        label: What the button says, such as ``MIDI``.
        name: Of the file.
        type: Its media type.
        contents: Its bytes; None where the page makes them itself.
    """

    label: str
    name: str
    type: str
    contents: bytes | None

    @property
    def kind(self) -> str:
        """The ending of its name."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True)
class Track:
    """A melody on a page.

    Attributes:
        title: Above it.
        facts: Beneath the title, in a row.
        melody: The notes.
        tempo: Quarter notes a minute.
        engravings: Its notation, for a narrow screen and for a wide one, or one for both; none where there is none.
        scores: Its scores.
        shared: What it copies, where the training tunes are known.
        files: To take home.
        is_coloured: Whether its notation has colours of its own, which are for white paper.
    """

    title: str
    facts: tuple[str, ...]
    melody: Melody
    tempo: float
    engravings: tuple[InlineSvg, ...] = ()
    scores: tuple[ScoreBar, ...] = ()
    shared: SharedRun | None = None
    files: tuple[TrackFile, ...] = ()
    is_coloured: bool = False

    @property
    def notes(self) -> list[tuple[int, int, int]]:
        """Onset, duration (in ticks) and pitch of each sounding note."""
        melody = self.melody
        sounding = melody.pitches != REST
        parts = (melody.onsets[sounding], melody.durations[sounding], melody.pitches[sounding])
        return list(zip(*(each.tolist() for each in parts), strict=True))

    @property
    def bars(self) -> list[int]:
        """Where bars begin, in ticks from the first note."""
        return [int(each) for each in self.melody.bar_lines]

    @property
    def is_long(self) -> bool:
        """Whether its notation would push everything else out of sight."""
        return len(self.bars) > _MANY_BARS

    def player_data(self) -> dict[str, Any]:
        """What the player needs, as JSON holds it."""
        return {
            "title": self.title,
            "tempo": self.tempo,
            "beat": _beat(self.melody.metre),
            "ticks": self.melody.ticks,
            "notes": self.notes,
            "bars": self.bars,
            "files": {each.kind: _file_data(each) for each in self.files},
        }

    def roll(self) -> PianoRoll:
        """Where everything stands in its piano roll."""
        return PianoRoll.of(self.melody, self.notes, self.shared)


@dataclass(frozen=True)
class RollNote:
    """A note's box; ``x`` and ``width`` are percentages, ``y`` pixels."""

    x: float
    width: float
    y: int
    is_shared: bool


@dataclass(frozen=True)
class PianoRoll:
    """A piano roll: percentages across, so that it fits any width, and pixels down.

    Attributes:
        width: Pixels that it needs at least.
        height: Pixels.
        row: Pixels of a semitone.
        notes: One for each sounding note.
        bars: Where bars begin, in percent.
        tonics: The rows of the tonic: top in pixels, and its name.
    """

    width: int
    height: int
    row: int
    notes: tuple[RollNote, ...]
    bars: tuple[float, ...]
    tonics: tuple[tuple[int, str], ...]

    @classmethod
    def of(cls, melody: Melody, notes: Sequence[tuple[int, int, int]], shared: SharedRun | None) -> PianoRoll:
        """Lay out a melody's notes."""
        pitches = [pitch for _, _, pitch in notes]
        low, high = min(pitches, default=60) - 2, max(pitches, default=72) + 2
        copied = range(shared.begin, shared.begin + shared.n_notes) if shared else range(0)

        def percent(ticks: float) -> float:
            return round(100 * ticks / max(1, melody.ticks), 3)

        boxes = tuple(
            RollNote(percent(onset), percent(duration), _ROW * (high - pitch), place in copied)
            for place, (onset, duration, pitch) in enumerate(notes)
        )
        tonics = tuple(
            (_ROW * (high - pitch), f"{_NAMES[melody.tonic]}{pitch // 12 - 1}")
            for pitch in range(low, high + 1)
            if pitch % 12 == melody.tonic
        )
        width = int(np.ceil(melody.ticks / 24 * _PIXELS_PER_QUARTER))
        bars = tuple(percent(each) for each in melody.bar_lines.tolist())
        return cls(width, _ROW * (high - low + 1), _ROW, boxes, bars, tonics)


def _beat(metre: Metre) -> dict[str, int | str]:
    """What a listener would tap: how long it is, as a sign where most fonts have one, and in words."""
    value = beat_value(metre)
    name = "dotted " * value.dots + value.name
    sign = _SIGNS[value.name] + "." * value.dots if value.name in _SIGNS else name
    return {"ticks": beat_ticks(metre), "sign": sign, "name": name}


def _file_data(file: TrackFile) -> Mapping[str, str]:
    found = {"name": file.name, "type": file.type}
    if file.contents is not None:
        packed = gzip.compress(file.contents, mtime=0)  # the same page for the same melodies
        found["data"] = base64.b64encode(packed).decode("ascii")
    return found

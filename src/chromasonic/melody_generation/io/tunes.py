"""The result of reading one tune: a melody with counts for the corpus report, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chromasonic.melody_generation.melody import Melody

# Kinds of symbols in a source that are no part of its melody.
OTHER_PARTS = "notes of other parts"
SECOND_VOICES = "notes of second voices within a part"
LOWER_NOTES = "lower notes of chords"
GRACE_NOTES = "grace notes"
CUE_NOTES = "cue notes"
PERCUSSION = "notes of percussion"
RHYTHM_SLASHES = "rhythm slashes"
IMPOSSIBLE_EVENTS = "impossible events"
UNREADABLE_SYMBOLS = "symbols that cannot be read"
CHORD_SYMBOLS = "chord symbols"
TEXT_LINES = "lines of words or other text"
JUMPS = "signs of jumps (D.C., D.S., Fine, coda)"
# The words for jumps, at the beginning of a text in lower or upper case.
JUMP_WORDS = r"\s*(?:D\.?\s?[CS]\b|da\s?capo\b|dal\s?segno\b|dacoda\b|fine\b|(?:to\s?|al\s?)?coda\b|segno\b)"
REPEATED_BARS = "signs that repeat bars"


@dataclass(frozen=True)
class Remark:
    """A decision of the reader that the corpus report names.

    Attributes:
        kind: The decision, in the same words for every tune.
        detail: The values of this tune.
    """

    kind: str
    detail: str


def transposition_remark(semitones: int) -> Remark:
    """Return the remark that a part is for an instrument that sounds this many semitones higher than written."""
    detail = f"it sounds {abs(semitones)} semitones {'higher' if semitones > 0 else 'lower'}"
    return Remark("the pitches are those written for a transposing instrument", detail)


@dataclass(frozen=True)
class WrittenTune:
    """A melody as read, with counts for the corpus report.

    Attributes:
        melody: The melody.
        n_overruns: Written notes (ties apart) that run past the end of the bar they begin in.
        n_ticks_rounded: Written notes whose duration is no whole number of ticks.
        n_onsets_moved: Played notes whose onset is moved by more than a tick to the grid.
        left_out: Number of symbols of the source that are no part of the melody, by kind: ``GRACE_NOTES`` and so on.
        remarks: Decisions of the reader.
    """

    melody: Melody
    n_overruns: int = 0
    n_ticks_rounded: int = 0
    n_onsets_moved: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True)
class DroppedTune:
    """A tune that gave no melody.

    Attributes:
        source: The file and the tune's number in it, such as ``reelsa-c.abc:12``.
        reason: Why the tune was left out.
        depends_on_machine: Whether another computer, or the same one tomorrow, may read it: the file was over a bound
            of time or memory, or could not be opened.
    """

    source: str
    reason: str
    depends_on_machine: bool = False

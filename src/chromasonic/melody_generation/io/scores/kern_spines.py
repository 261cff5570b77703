"""Spines of Humdrum kern while they are read: their notes, names, keys and metres."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

from chromasonic.melody_generation.io.melody_line import MetreChange
from chromasonic.melody_generation.io.melody_part import ScorePart, TimedChord
from chromasonic.melody_generation.io.scores.kern_tokens import (
    is_kern_key,
    parse_kern_key,
    parse_kern_metre,
    parse_kern_note,
    parse_kern_signature,
)
from chromasonic.melody_generation.io.scores.written_notes import WrittenNote, join_ties
from chromasonic.melody_generation.io.tunes import (
    CUE_NOTES,
    GRACE_NOTES,
    PERCUSSION,
    TEXT_LINES,
    UNREADABLE_SYMBOLS,
    Remark,
)
from chromasonic.melody_generation.measures.key_estimation import Key
from chromasonic.melody_generation.melody import TICKS_PER_QUARTER

# Instrument codes of Humdrum whose abbreviations are no words.
_VOICES = {"vox": "voice", "soprn": "soprano", "cant": "cantus", "calto": "alto", "mezz": "mezzo-soprano"}


@dataclass(eq=False)
class Spine:
    """A spine of exclusive interpretation ``kind``; times in ticks from the beginning."""

    kind: str
    name: str = ""
    notes: list[WrittenNote] = field(default_factory=list)
    n_lyrics: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    key: Key | None = None
    sharps: int | None = None
    metres: list[MetreChange] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    chords: list[TimedChord] = field(default_factory=list)

    @property
    def is_kern(self) -> bool:
        """True if it has notes of kern."""
        return self.kind == "**kern"

    @property
    def n_symbols(self) -> int:
        """The number of notes that were read, tied notes apart, without grace notes."""
        return len(self.notes) + self.left_out[CUE_NOTES] + self.left_out[PERCUSSION]

    def to_part(self) -> ScorePart:
        """Convert to a part of a score."""
        return ScorePart(
            notes=join_ties(self.notes),
            name=self.name,
            n_lyrics=self.n_lyrics,
            left_out=+self.left_out,
            remarks=tuple(dict.fromkeys(self.remarks)),
            key=self.key,
            sharps=None if self.key else self.sharps,
            chords=tuple(self.chords),
        )


@dataclass(eq=False)
class Strand:
    """A column of a file: a spine, or one of the strands into which it is split.

    Attributes:
        spine: The spine.
        time: The end of its last note, in ticks from the beginning.
        is_cue: Whether its notes are cue notes or an ossia.
        is_percussion: Whether it has the clef of percussion.
    """

    spine: Spine
    time: Fraction = Fraction(0)
    is_cue: bool = False
    is_percussion: bool = False

    def read_token(self, token: str) -> None:
        """Read the notes of a data token; the first of a chord sets the time of the next token."""
        begin, is_first, has_text = self.time, True, False
        for symbol in token.split():
            note = parse_kern_note(symbol)
            if note is None:
                if any(map(str.isdigit, symbol)):
                    self.spine.left_out[UNREADABLE_SYMBOLS] += 1
                else:
                    has_text = True
                continue
            end = begin + note.quarters * TICKS_PER_QUARTER
            if is_first:
                self.time, is_first = end, False
            if note.pitch is None:
                continue
            kind = (
                GRACE_NOTES if note.is_grace else CUE_NOTES if self.is_cue else PERCUSSION if self.is_percussion else ""
            )
            if kind:
                self.spine.left_out[kind] += 1
            else:
                self.spine.notes.append(WrittenNote(begin, end, note.pitch, note.tied_back, note.tied_on, note.fifths))
        self.spine.left_out[TEXT_LINES] += has_text

    def read_interpretation(self, token: str) -> None:
        """Read a name, key, metre and so on; any other interpretation has no effect."""
        spine = self.spine
        if token in ("*cue", "*ossia", "*Xcue", "*Xossia"):
            self.is_cue = not token.startswith("*X")
        elif token.startswith("*clef"):
            self.is_percussion = token.startswith("*clefX")
        elif token.startswith('*I"'):
            spine.name = " ".join(token[3:].split())
            self.is_cue = "ossia" in spine.name.lower()
        elif token.startswith(("*ITr", "*Tr")):
            spine.remarks.append(Remark("the part is for a transposing instrument, and read as written", token[:40]))
        elif match := re.fullmatch(r"\*I([a-z]+)", token):
            spine.name = spine.name or _VOICES.get(match[1], match[1])
        elif token.startswith("*k[") and token.endswith("]"):
            if not spine.notes:  # the signature at the beginning
                spine.sharps = parse_kern_signature(token)
        elif is_kern_key(token):
            if not spine.notes:
                spine.key = parse_kern_key(token)
        elif metre := parse_kern_metre(token):
            spine.metres.append(MetreChange(self.time, metre))

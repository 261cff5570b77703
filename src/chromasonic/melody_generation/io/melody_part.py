"""Select the part of a score that carries the melody.

The first of these rules that holds for some part decides; of several such parts, the last rule decides.

1. The user names the part, or gives its number.
2. Its name says so (``Melody``, ``Vocal``, ``Singstimme``), or it has lyrics; a part of which both is true comes first.
3. It has the highest mean pitch among the parts with at least half as many notes as the fullest part. So neither a bass
   nor a few bars of descant are selected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import Chord
from chromasonic.melody_generation.io.tunes import Remark
from chromasonic.melody_generation.measures.key_estimation import Key

# Names of the part of the melody in English, German, French, Italian, Spanish, Portuguese and the Nordic languages.
_MELODY_NAME = re.compile(
    r"melod|vocal|\bvox\b|voice|\bvoc?\.?\b|\blead\b|\bsing|\bs[aå]ng\b|\bsong\b|gesang|stimme|\bchant|\bcant|\bvoix\b|\bvoz\b"
    r"|\bvoce\b|\btune\b|\bsopran|\bsuperius\b|st[äæe]mm?[ae]?\b"
)
# Such a word in the name of another part: a choir of a synthesizer, a second voice, an accompaniment.
_OTHER_NAME = re.compile(
    r"back|\bbg|\bbv|harmon|chord|accomp|begleit|choir|chor\b|oohs?\b|aahs?\b|\bbass|counter|gegen|descant|guitar|guide|drum"
    r"|\bsax|clarinet|recorder"
    r"|\b(?:2nd|3rd|4th|second|third|fourth|zweite|deuxi|seconda)|\bvoice [2-9]"
)
MIN_SHARE_OF_FULLEST = 20  # a named part needs one note for so many of the fullest part


@dataclass(frozen=True)
class TimedNote:
    """A sounding note of MIDI number ``pitch`` from ``onset`` to ``end``, in ticks from the beginning.

    ``fifths`` is the position of its spelling on the line of fifths (C is 0); None if it is not known.
    """

    onset: Fraction
    end: Fraction
    pitch: int
    fifths: int | None = None


@dataclass(frozen=True)
class TimedChord:
    """A chord symbol at ``onset``, in ticks from the beginning; the onset of ``chord`` itself has no meaning."""

    onset: Fraction
    chord: Chord


@dataclass(frozen=True)
class ScorePart:
    """A part of a score, or a track of a MIDI file.

    Attributes:
        notes: Its pitched notes, in any order.
        name: Its name in the source, empty if there is none.
        n_lyrics: Number of syllables that are sung to its notes.
        n_onsets_moved: Played notes whose onset is moved by more than a tick to the grid.
        left_out: Number of its symbols that are no part of the melody, by kind: ``GRACE_NOTES`` and so on.
        remarks: Decisions of the reader about this part.
        key: Its written key; None for that of the score.
        sharps: Number of sharps of its key signature without a mode, negative for flats; None for that of the score.
        chords: Its chord symbols by rising onset.
    """

    notes: tuple[TimedNote, ...]
    name: str = ""
    n_lyrics: int = 0
    n_onsets_moved: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()
    key: Key | None = None
    sharps: int | None = None
    chords: tuple[TimedChord, ...] = ()


@dataclass(frozen=True)
class SelectedPart:
    """The part that carries the melody, with the rule that selected it.

    Attributes:
        part: The part.
        remark: The rule, or None if no other part has notes.
    """

    part: ScorePart
    remark: Remark | None


def select_part(parts: Sequence[ScorePart], wanted: str | int | None = None) -> SelectedPart:
    """Select the part that carries the melody.

    Args:
        parts: All parts of the score in written order.
        wanted: The name of a part, or a piece of it, in upper or lower case; or its number, from 1. None to choose it.

    Raises:
        InputError: If no part has a note, or there is no such part.

    Example:
        >>> note = TimedNote(Fraction(0), Fraction(24), 60)
        >>> strings, tune = ScorePart((note, note), name="Strings"), ScorePart((note,), name="MELODY")
        >>> select_part([strings, tune]).remark
        Remark(kind='the melody is the part with such a name', detail="part 2 of 2, 'MELODY'")
    """
    sounding = [part for part in parts if part.notes]
    if not sounding:
        raise InputError("it has no pitched notes")
    if wanted is not None and wanted != "":
        return _selected(parts, _wanted_part(parts, wanted), "the melody is the part that was asked for")
    fullest = max(len(part.notes) for part in sounding)
    full_enough = [part for part in sounding if MIN_SHARE_OF_FULLEST * len(part.notes) >= fullest]
    named = [part for part in full_enough if is_melody_name(part.name)]
    sung = [part for part in full_enough if part.n_lyrics]
    if named:
        both = [part for part in named if part.n_lyrics]
        return _selected(parts, _highest(both or named), "the melody is the part with such a name")
    if sung:
        return _selected(parts, _highest(sung), "the melody is the part with lyrics")
    return _selected(parts, _highest(sounding), "the melody is the highest of the parts with many notes")


def is_melody_name(name: str) -> bool:
    """Return whether the name of a part says that it is the melody."""
    lower = name.lower()
    return bool(_MELODY_NAME.search(lower)) and not _OTHER_NAME.search(lower)


def _highest(parts: Sequence[ScorePart]) -> ScorePart:
    """Return the highest part of those with half as many notes as the fullest; the first of equals."""
    fullest = max(len(part.notes) for part in parts)
    full = [part for part in parts if 2 * len(part.notes) >= fullest]
    return max(full, key=lambda part: sum(note.pitch for note in part.notes) / len(part.notes))


def _wanted_part(parts: Sequence[ScorePart], wanted: str | int) -> ScorePart:
    if isinstance(wanted, int) or wanted.isdecimal():
        numbered = parts[int(wanted) - 1 : int(wanted)] if int(wanted) > 0 else []
        matching = list(numbered)
    else:
        exact = [part for part in parts if part.name.lower() == wanted.lower()]
        matching = exact or [part for part in parts if wanted.lower() in part.name.lower()]
    matching = [part for part in matching if part.notes]
    if not matching:
        names = ", ".join(f"{number} {part.name!r}" for number, part in enumerate(parts[:20], 1) if part.notes)
        raise InputError(f"it has no part {wanted!r} with notes; its parts are {names}")
    return matching[0]


def _selected(parts: Sequence[ScorePart], selected: ScorePart, rule: str) -> SelectedPart:
    if sum(1 for part in parts if part.notes) == 1:
        return SelectedPart(selected, None)
    number = next(number for number, part in enumerate(parts, 1) if part is selected)
    name = f", {selected.name[:40]!r}" if selected.name else ""
    return SelectedPart(selected, Remark(rule, f"part {number} of {len(parts)}{name}"))

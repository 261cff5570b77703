"""The conditions of a melody as text: key, mode, metre, upbeat and corpus.

Impossible conditions are refused in a musician's words, with the nearest possible ones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from chromasonic.melody_generation.errors import InputError, did_you_mean
from chromasonic.melody_generation.form import KINDS, NATURALS
from chromasonic.melody_generation.melody import MODES, TICKS_PER_QUARTER, Melody, Metre
from chromasonic.melody_generation.vocabulary import METRES, STARTS

_ACCIDENTALS = {"#": 1, "b": -1, "": 0}
_OCTAVE = 12
_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
# Written ranges.
RANGES = {
    "fiddle": "G3:B5",
    "whistle": "D4:B5",
    "flute": "D4:D6",
    "recorder": "C4:D6",
    "mandolin": "G3:C6",
    "accordion": "G3:E6",
    "voice": "A3:E5",
}
# Other names of modes, and their abbreviations behind a key.
_ALSO_CALLED = {"aeolian": "minor", "ionian": "major", "m": "minor"}


def check_mode(mode: str) -> None:
    """Raise if a mode is unknown.

    Raises:
        InputError: Naming the nearest mode and all modes.
    """
    if mode not in MODES:
        lower = mode.lower()
        hint = did_you_mean(_ALSO_CALLED.get(lower, lower), MODES)
        raise InputError(f"no mode is called {mode!r}{hint}; there are {', '.join(MODES)}")


def check_corpus(corpus: str, corpora: Sequence[str]) -> None:
    """Raise if a collection is none of ``corpora``.

    Raises:
        InputError: Naming the nearest collection and all collections.
    """
    if corpus not in corpora:
        raise InputError(
            f"no corpus is called {corpus!r}{did_you_mean(corpus, corpora)}; there are {', '.join(corpora)}"
        )


def parse_key(key: str) -> int:
    """Return the pitch class of a tonic such as ``"G"``, ``"F#"`` or ``"Bb"``.

    Raises:
        InputError: If it is no tonic.
    """
    match = re.fullmatch(r"([A-Ga-g])([#b]?)[\s-]*([A-Za-z]*)", key.strip())
    if not match:
        raise InputError(f"a key is a letter A to G, perhaps with # or b, such as G, F# or Bb, got {key!r}")
    letter, accidental, rest = match.groups()
    if rest:
        name = _ALSO_CALLED.get(rest.lower(), rest.lower())
        mode = next((mode for mode in MODES if len(name) >= 3 and mode.startswith(name[:3])), None)
        meant = f": write key={letter.upper()}{accidental} mode={mode}" if mode else ", such as G, F# or Bb"
        raise InputError(f"a key is the tonic alone{meant}, got {key!r}")
    return (NATURALS[letter.upper()] + _ACCIDENTALS[accidental]) % 12


def parse_range(text: str) -> tuple[int, int]:
    """Return the lowest and the highest MIDI pitch of a range such as ``G3:B5``, or of an instrument.

    Ranges of instruments are those in which folk tunes are written for them, such as the first position of a fiddle.

    Raises:
        InputError: If it is neither, or spans less than an octave.

    Example:
        >>> parse_range("G3:B5") == parse_range("fiddle") == (55, 83)
        True
    """
    name = text.strip().lower()
    ends = [re.fullmatch(r"([A-Ga-g])([#b]?)(-?\d)", part.strip()) for part in RANGES.get(name, text).split(":")]
    if len(ends) != 2 or None in ends:
        hint = did_you_mean(name, RANGES)
        raise InputError(
            f"a range is written like G3:B5 (C4 is middle C), or is one of {', '.join(RANGES)}, got {text!r}{hint}"
        )
    lowest, highest = (
        12 * (int(end[3]) + 1) + NATURALS[end[1].upper()] + _ACCIDENTALS[end[2]] for end in ends if end is not None
    )
    if highest - lowest < _OCTAVE:
        raise InputError(f"a range spans an octave at least, from the lowest to the highest note, got {text!r}")
    return lowest, highest


def pitch_name(pitch: int) -> str:
    """Return the name of a MIDI pitch, as a range is written.

    Example:
        >>> pitch_name(60), pitch_name(54)
        ('C4', 'F#3')
    """
    octave, pitch_class = divmod(pitch, _OCTAVE)
    return f"{_NAMES[pitch_class]}{octave - 1}"


def check_kind(kind: str) -> None:
    """Raise if a kind of tune is unknown.

    Raises:
        InputError: Naming the nearest kind and all kinds.
    """
    if kind not in KINDS:
        raise InputError(f"no kind of tune is called {kind!r}{did_you_mean(kind, KINDS)}; there are {', '.join(KINDS)}")


def parse_metre(text: str) -> Metre:
    """Return the metre of ``"6/8"``, ``"C"``, ``"C|"`` or ``"free"``.

    Raises:
        InputError: If it is no metre, or none of the vocabulary.
    """
    try:
        metre = Metre.parse(text)
    except ValueError as problem:
        raise InputError(f"a metre is written like 6/8, C, C| or free, got {text!r}") from problem
    if metre not in METRES:
        raise InputError(refusal_of_metre(metre))
    return metre


def refusal_of_metre(metre: Metre) -> str:
    """Return a sentence that says that the vocabulary lacks a metre, and the nearest metres that it has."""

    def distance(other: Metre) -> tuple[bool, int]:
        return (other.unit != metre.unit, abs(other.bar_ticks - metre.bar_ticks))

    near = [str(other) for other in sorted((other for other in METRES if other.beats), key=distance)[:3]]
    return f"melodies cannot be written in metre {metre}; near it are {near[0]}, {near[1]} and {near[2]}"


def parse_upbeat(upbeat: str, metre: Metre) -> int:
    """Return the position in the bar, in ticks, at which a melody with this upbeat begins.

    Raises:
        InputError: If it is no note value, not shorter than a bar, or none of the vocabulary.
    """
    try:
        value = Fraction(upbeat)
    except (ValueError, ZeroDivisionError) as problem:
        raise InputError(f"an upbeat is a note value such as 1/8 or 3/16, or 0, got {upbeat!r}") from problem
    if value == 0:
        return 0
    if not metre.beats:
        raise InputError("free metre has no bar line that an upbeat could lead to: leave upbeat out, or give a metre")
    ticks = value * 4 * TICKS_PER_QUARTER
    if not 0 < ticks < metre.bar_ticks:
        raise InputError(f"an upbeat is shorter than a bar of {metre}, and not below 0, got {upbeat}")
    start = metre.bar_ticks - ticks
    if start not in STARTS:
        raise InputError(f"an upbeat of {upbeat} is not in the vocabulary: choose a usual one, such as 1/8")
    return int(start)


def unfamiliar_conditions(tunes: Sequence[Melody], melody: Melody) -> str:
    """Return a sentence on the metre and mode of a melody if no training tune has them; empty if some have.

    Example:
        >>> unfamiliar_conditions([Melody([60], [24])], Melody([60], [24], Metre(11, 8), mode="locrian"))
        'none of the 1 training tunes is in 11/8, and none is locrian: the model makes it up from the others'
    """
    metre = str(melody.metre) if melody.metre.beats else "free metre"
    missing = [f"is in {metre}"] if not any(melody.metre in _metres(tune) for tune in tunes) else []
    missing += [f"is {melody.mode}"] if not any(tune.mode == melody.mode for tune in tunes) else []
    if not tunes or not missing:
        return ""
    return (
        f"none of the {len(tunes)} training tunes {', and none '.join(missing)}: the model makes it up from the others"
    )


def _metres(tune: Melody) -> set[Metre]:
    return {metre for _, _, metre, _ in tune.segments}

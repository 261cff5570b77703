"""What melodies begin with, as people ask for it: key, mode, metre and upbeat, or the first notes of a tune.

Whatever cannot be is refused in a musician's words, with what comes nearest to it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.melody import MODES, REST, TICKS_PER_QUARTER, Melody, Metre
from chromasonic.melody_generation.vocabulary import CORPORA, HIGHEST, LOWEST, METRES, MIDDLE_C, STARTS, NoteVocabulary

_NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"#": 1, "b": -1, "": 0}
# What else musicians call a mode, and how they begin to write it behind a key.
_ALSO_CALLED = {"aeolian": "minor", "ionian": "major", "m": "minor"}
_COUNTED = ("", "an octave", "two octaves", "three octaves", "four octaves", "five octaves")


@dataclass(frozen=True)
class Conditions:
    """What a melody is to begin with; None where nothing is asked for.

    Attributes:
        key: The tonic, such as G, F# or Bb.
        mode: One of ``MODES``.
        metre: Such as 6/8; one of the vocabulary's.
        upbeat: The note value before the first bar line, such as 1/8; 0 for none.
        corpus: The collection whose manner is wanted.

    Raises:
        InputError: If there is no such mode or corpus; of the others, by what takes them up.
    """

    key: str | None = None
    mode: str | None = None
    metre: str | None = None
    upbeat: str | None = None
    corpus: str = CORPORA[0]

    def __post_init__(self) -> None:
        if self.mode is not None and self.mode not in MODES:
            raise InputError(f"no mode is called {self.mode!r}{_mode_meant(self.mode)}; there are {', '.join(MODES)}")
        if self.corpus not in CORPORA:
            near = difflib.get_close_matches(self.corpus, CORPORA, n=1)
            meant = f", did you mean {near[0]}?" if near else ""
            raise InputError(f"no corpus is called {self.corpus!r}{meant}; there are {', '.join(CORPORA)}")

    def beginning(self) -> Melody:
        """A melody without notes yet: C major, 4/4 and no upbeat as far as nothing else is asked for.

        Raises:
            InputError: If a condition is impossible.
        """
        tonic = 0 if self.key is None else _tonic(self.key)
        metre = Metre(4, 4) if self.metre is None else _metre(self.metre)
        start = 0 if self.upbeat is None else _start(self.upbeat, metre)
        return Melody([], [], metre, start, tonic=tonic, mode=self.mode or MODES[0], corpus=self.corpus)

    def beginning_with(self, primer: Melody) -> Melody:
        """The primer, in ``key``; what else is asked for must be as the primer has it.

        Raises:
            InputError: If it is not, or the primer cannot be gone on from.
        """
        for name, asked, is_other in (
            ("mode", self.mode, self.mode != primer.mode),
            ("metre", self.metre, self.metre is not None and _metre(self.metre) != primer.metre),
            ("upbeat", self.upbeat, self.upbeat is not None and _start(self.upbeat, primer.metre) != primer.start),
        ):
            if asked is not None and is_other:
                raise InputError(f"the primer brings its own {name}, which is not {asked}: leave {name} out")
        beginning = replace(primer, corpus=self.corpus)
        _, n_rounded = fitted(beginning, "the primer")  # what it holds stays among MIDI's pitches in any key
        if n_rounded:
            raise InputError(
                f"the primer cannot be gone on from: the lengths of {n_rounded} of its notes are none that "
                "melodies are made of; NoteVocabulary().fit rounds them"
            )
        return beginning if self.key is None else beginning.transposed(_tonic(self.key) - primer.tonic)


def fitted(tune: Melody, name: str) -> tuple[Melody, int]:
    """A tune with lengths that melodies are made of, and how many of its notes were rounded to them.

    Args:
        tune: The tune.
        name: What it is called in messages.

    Raises:
        InputError: If it cannot be gone on from: a metre is none that melodies are made in, or notes are too high or
            too low.
    """
    other = next((metre for _, _, metre, _ in tune.segments if metre not in METRES), None)
    if other is not None:
        raise InputError(f"{name} cannot be gone on from: {_no_such_metre(other)}")
    found = NoteVocabulary().fit(tune)
    if found.melody is None:
        raise InputError(f"{name} cannot be gone on from: {found.drop_reason}")
    if found.n_pitches_moved:
        raise InputError(f"{name} cannot be gone on from: {_out_of_range(tune, found.n_pitches_moved)}")
    return found.melody, found.n_durations_rounded


def _out_of_range(tune: Melody, n_notes: int) -> str:
    """How many notes are too high or too low, and how far the tune has to be moved."""
    relative = tune.pitches[tune.pitches != REST] - (MIDDLE_C + tune.tonic)
    low, high = int(relative.min()), int(relative.max())
    sides = " and ".join(side for side, is_so in (("high", high > HIGHEST), ("low", low < LOWEST)) if is_so)
    notes = "1 of its notes is" if n_notes == 1 else f"{n_notes} of its notes are"
    said = (
        f"{notes} too {sides} for the range from {-LOWEST} semitones below the tonic above middle C to {HIGHEST} above"
    )
    fits = [octaves for octaves in range(-5, 6) if low + 12 * octaves >= LOWEST and high + 12 * octaves <= HIGHEST]
    if not fits:
        return f"{said}; it spans more than that, so leave out what is too {sides}"
    octaves = min(fits, key=abs)
    return f"{said}; move the tune {_COUNTED[abs(octaves)]} {'up' if octaves > 0 else 'down'}"


def _mode_meant(mode: str) -> str:
    lower = mode.lower()
    near = difflib.get_close_matches(_ALSO_CALLED.get(lower, lower), MODES, n=1)
    return f", did you mean {near[0]}?" if near else ""


def _tonic(key: str) -> int:
    """The pitch class of ``"G"``, ``"F#"`` or ``"Bb"``."""
    match = re.fullmatch(r"([A-Ga-g])([#b]?)[\s-]*([A-Za-z]*)", key.strip())
    if not match:
        raise InputError(f"a key is a letter A to G, perhaps with # or b, such as G, F# or Bb, got {key!r}")
    letter, accidental, rest = match.groups()
    if rest:
        named = _ALSO_CALLED.get(rest.lower(), rest.lower())
        mode = next((each for each in MODES if len(named) >= 3 and each.startswith(named[:3])), None)
        meant = f": write key={letter.upper()}{accidental} mode={mode}" if mode else ", such as G, F# or Bb"
        raise InputError(f"a key is the tonic alone{meant}, got {key!r}")
    return (_NATURALS[letter.upper()] + _ACCIDENTALS[accidental]) % 12


def _metre(text: str) -> Metre:
    try:
        metre = Metre.parse(text)
    except ValueError as problem:
        raise InputError(f"a metre is written like 6/8, C, C| or free, got {text!r}") from problem
    if metre not in METRES:
        raise InputError(_no_such_metre(metre))
    return metre


def _no_such_metre(metre: Metre) -> str:
    """That melodies are made in none such, and in which near it they are."""

    def distance(other: Metre) -> tuple[bool, int]:
        return (other.unit != metre.unit, abs(other.bar_ticks - metre.bar_ticks))

    near = [str(each) for each in sorted((each for each in METRES if each.beats), key=distance)[:3]]
    return f"metre {metre} is none that melodies can be written in; near it are {near[0]}, {near[1]} and {near[2]}"


def _start(upbeat: str, metre: Metre) -> int:
    """The position in the bar, in ticks, at which a melody with such an upbeat begins."""
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
        raise InputError(
            f"an upbeat of {upbeat} ends on no place that is counted: take a usual note value, such as 1/8"
        )
    return int(start)


def unheard(tunes: Sequence[Melody], melody: Melody) -> str:
    """A sentence on the metre or mode of a melody that no training tune is in; empty where there is none such.

    Example:
        >>> unheard([Melody([60], [24])], Melody([60], [24], Metre(11, 8), mode="locrian"))
        'none of the 1 training tunes is in 11/8, and none is locrian: the model makes it up from the others'
    """
    metre = str(melody.metre) if melody.metre.beats else "free metre"
    missing = [f"is in {metre}"] if not any(melody.metre in _metres(tune) for tune in tunes) else []
    missing += [f"is {melody.mode}"] if not any(tune.mode == melody.mode for tune in tunes) else []
    if not tunes or not missing:
        return ""
    said = f"none of the {len(tunes)} training tunes {', and none '.join(missing)}"
    return f"{said}: the model makes it up from the others"


def _metres(tune: Melody) -> set[Metre]:
    return {metre for _, _, metre, _ in tune.segments}

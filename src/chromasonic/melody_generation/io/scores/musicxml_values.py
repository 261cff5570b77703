"""Values of MusicXML elements: numbers, pitches, durations, metres and keys; None for what is not understood."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from xml.etree.ElementTree import Element

from chromasonic.melody_generation.form import NATURALS
from chromasonic.melody_generation.io.scores.written_notes import check_beats, key_of_signature
from chromasonic.melody_generation.measures.key_estimation import Key
from chromasonic.melody_generation.melody import Metre
from chromasonic.melody_generation.notation.spelling import fifths_of

_QUARTERS = {
    "maxima": Fraction(32),
    "long": Fraction(16),
    "breve": Fraction(8),
    "whole": Fraction(4),
    "half": Fraction(2),
    "quarter": Fraction(1),
    "eighth": Fraction(1, 2),
    "16th": Fraction(1, 4),
    "32nd": Fraction(1, 8),
    "64th": Fraction(1, 16),
    "128th": Fraction(1, 32),
    "256th": Fraction(1, 64),
}
_MAX_SHARPS = 14
_NUMBER = re.compile(r"\s*([+-]?\d{1,9}(?:\.\d{0,9})?)\s*")


def number_in(element: Element, path: str) -> Fraction | None:
    """Return the number in a child element."""
    match = _NUMBER.fullmatch(element.findtext(path) or "")
    return Fraction(match[1]) if match else None


def pitch_of(note: Element) -> Fraction | None:
    """Return the MIDI number of a note, with a fraction for a microtone."""
    step = NATURALS.get((note.findtext("pitch/step") or "").strip())
    octave = number_in(note, "pitch/octave")
    alter = Fraction(0) if note.find("pitch/alter") is None else number_in(note, "pitch/alter")
    if step is None or octave is None or octave.denominator != 1 or alter is None:
        return None
    pitch = 12 * (octave + 1) + step + alter
    return pitch if 0 <= math.floor(pitch + Fraction(1, 2)) <= 127 else None


def fifths_in(note: Element, pitch: int) -> int:
    """Return the position on the line of fifths of a note that is read as the MIDI number ``pitch``."""
    return fifths_of((note.findtext("pitch/step") or "").strip(), pitch)


def written_quarters(note: Element) -> Fraction | None:
    """Return the duration that a note's type, dots and tuplet show, in quarter notes."""
    quarters = _QUARTERS.get((note.findtext("type") or "").strip())
    if quarters is None:
        return None
    n_dots = min(len(note.findall("dot")), 4)
    quarters = quarters * (2 - Fraction(1, 2**n_dots))
    actual = number_in(note, "time-modification/actual-notes")
    normal = number_in(note, "time-modification/normal-notes")
    return quarters * normal / actual if actual and normal and actual > 0 and normal > 0 else quarters


def metre_of(time: Element) -> Metre | None:
    """Return the metre of a ``time`` element; sums such as 3+2/8 and 2/4+3/8 are added.

    Raises:
        InputError: If it has absurdly many beats.
    """
    if time.find("senza-misura") is not None:
        return Metre(0, 4)
    whole_notes, units = Fraction(0), []
    for beats, unit in zip(time.findall("beats"), time.findall("beat-type"), strict=False):
        check_beats(beats.text or "")
        numbers, bottom = re.findall(r"\d+", beats.text or ""), (unit.text or "").strip()
        if not numbers or not re.fullmatch(r"\d{1,4}", bottom) or int(bottom) == 0:
            return None
        units.append(int(bottom))
        whole_notes += Fraction(sum(map(int, numbers)), int(bottom))
    unit_of_all = math.lcm(*units)
    try:
        return Metre(int(whole_notes * unit_of_all), unit_of_all) if whole_notes else None
    except ValueError:
        return None


def key_of(signature: Element) -> tuple[Key | None, int | None]:
    """Return the key of a ``key`` element, or, without a known mode, the number of its sharps, negative for flats."""
    sharps = number_in(signature, "fifths")
    if sharps is None or sharps.denominator != 1 or abs(sharps) > _MAX_SHARPS:
        return None, None
    key = key_of_signature(int(sharps), (signature.findtext("mode") or "").strip().lower())
    return key, None if key else int(sharps)

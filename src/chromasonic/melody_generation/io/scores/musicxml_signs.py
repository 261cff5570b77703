"""Signs of form, chord symbols and headings of MusicXML; a sign that is not understood is none."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from chromasonic.melody_generation.form import MAX_PASSES, Chord, FormMark, FormSign, parse_chord
from chromasonic.melody_generation.io.tunes import JUMP_WORDS

# Suffix of a chord by MusicXML's kind. Ninths and higher chords become the seventh chord below.
CHORD_SUFFIXES = {
    "major": "",
    "minor": "m",
    "augmented": "aug",
    "diminished": "dim",
    "dominant": "7",
    "major-seventh": "maj7",
    "minor-seventh": "m7",
    "diminished-seventh": "dim7",
    "augmented-seventh": "aug7",
    "half-diminished": "m7b5",
    "major-minor": "m",
    "major-sixth": "6",
    "minor-sixth": "m6",
    "suspended-second": "sus2",
    "suspended-fourth": "sus4",
    "power": "5",
    **{f"dominant-{interval}": "7" for interval in ("ninth", "11th", "13th")},
    **{f"major-{interval}": "maj7" for interval in ("ninth", "11th", "13th")},
    **{f"minor-{interval}": "m7" for interval in ("ninth", "11th", "13th")},
}
# Suffix with one degree, in semitones from that of the major scale, altered or added.
_WITH_DEGREE = {
    ("sus4", "7", "-1"): "7sus4",
    ("m7", "5", "-1"): "m7b5",
    ("7", "5", "1"): "aug7",
    ("", "7", "-1"): "7",
    ("m", "7", "-1"): "m7",
    ("", "6", "0"): "6",
    ("m", "6", "0"): "m6",
}
_SIGNS = {"": "", "0": "", "1": "#", "-1": "b"}
_DOUBLE_BARS = {"light-light", "light-heavy", "heavy-light", "heavy-heavy"}
_PART_NAME = re.compile(r"[A-Za-z]")
_PASSES = re.compile(r"\s*\d{1,2}(?:\s*-\s*\d{1,2})?\s*\.?\s*")
_JUMP = re.compile(JUMP_WORDS, re.IGNORECASE)
_ATTRIBUTES_OF_JUMPS = {"dacapo", "dalsegno", "fine", "tocoda", "segno", "coda"}
_FIELDS_OF_KIND = {"kind", "genre", "rhythm"}
_HEADINGS = {"title", "subtitle"}


def chord_in(harmony: Element) -> Chord | None:
    """Return the chord of a ``harmony`` element, with onset 0; None if it is no chord, such as ``N.C.``."""
    root, bass, kind = _name_in(harmony, "root"), _name_in(harmony, "bass"), harmony.find("kind")
    if not root or kind is None:
        return None
    written = kind.get("text", "")
    name = (kind.text or "").strip()
    suffix = CHORD_SUFFIXES.get(name, written if name == "other" else None)
    if suffix is None:
        return None
    for degree in harmony.findall("degree"):
        value, alter = (degree.findtext(f"degree-{part}", "").strip() for part in ("value", "alter"))
        suffix = _WITH_DEGREE.get((suffix, value, alter or "0"), suffix)
    return parse_chord(f"{root}{suffix}" + (f"/{bass}" if bass else ""))


def _name_in(harmony: Element, part: str) -> str:
    """Return the name of the root or the bass; empty if there is none."""
    step = harmony.findtext(f"{part}/{part}-step", "").strip()
    sign = _SIGNS.get(harmony.findtext(f"{part}/{part}-alter", "").strip())
    return step + sign if sign is not None and re.fullmatch("[A-G]", step) else ""


def marks_at(bar_line: Element) -> list[FormMark]:
    """Return the signs of form of a bar line, before the note with index 0.

    The end of an ending is a section's, since the music after it belongs to no ending.
    """
    marks = []
    ending = bar_line.find("ending")
    ending_type = "" if ending is None else ending.get("type", "")
    repeat = bar_line.find("repeat")
    direction = "" if repeat is None else repeat.get("direction", "")
    if direction == "backward":
        marks.append(FormMark(0, FormSign.REPEAT_END))
    elif direction == "forward":
        marks.append(FormMark(0, FormSign.REPEAT_BEGIN))
    elif ending_type in ("stop", "discontinue") or bar_line.findtext("bar-style", "").strip() in _DOUBLE_BARS:
        marks.append(FormMark(0, FormSign.SECTION))
    if ending is not None and ending_type == "start" and (passes := parse_passes(ending.get("number", ""))):
        marks.append(FormMark(0, FormSign.ENDING, passes))
    return marks


def parse_passes(numbers: str) -> tuple[int, ...]:
    """Parse the passes of an ending; empty if there are none.

    Example:
        >>> parse_passes("1, 3-5"), parse_passes("")
        ((1, 3, 4, 5), ())
    """
    passes: list[int] = []
    for span in numbers.split(","):
        if _PASSES.fullmatch(span):
            first, *last = map(int, re.findall(r"\d+", span))
            passes += range(first, (last or [first])[0] + 1)
    return tuple(number for number in dict.fromkeys(passes) if 1 <= number <= MAX_PASSES)


def part_name_in(direction: Element) -> str:
    """Return the rehearsal mark of a ``direction`` if it is a single letter, and so the name of a part; else empty."""
    names = (words.strip() for mark in direction.iterfind("direction-type/rehearsal") for words in mark.itertext())
    return next((name for name in names if _PART_NAME.fullmatch(name)), "")


def is_jump(direction: Element) -> bool:
    """Return whether a ``direction`` or a ``sound`` shows a jump or its target: D.C., D.S., Fine, segno or coda."""
    if any(not _ATTRIBUTES_OF_JUMPS.isdisjoint(sound.keys()) for sound in (direction, *direction.findall("sound"))):
        return True
    signs = [sign for types in direction.findall("direction-type") for sign in types]
    return any(
        sign.tag in ("segno", "coda") or (sign.tag == "words" and _JUMP.match("".join(sign.itertext())))
        for sign in signs
    )


def subtitles_in(root: Element) -> tuple[str, ...]:
    """Return the lines of a score that may name its kind: fields for it, credits of the title, and other titles."""
    fields = root.iterfind("identification/miscellaneous/miscellaneous-field")
    credits_ = (credit for credit in root.findall("credit") if _is_heading(credit))
    lines = [
        *(field.text for field in fields if field.get("name", "").strip().lower() in _FIELDS_OF_KIND),
        *(words.text for credit in credits_ for words in credit.findall("credit-words")),
        root.findtext("work/work-title"),
        root.findtext("movement-title"),
    ]
    return tuple(filter(None, lines))


def _is_heading(credit: Element) -> bool:
    types = {(credit_type.text or "").strip() for credit_type in credit.findall("credit-type")}
    return bool(types & _HEADINGS)

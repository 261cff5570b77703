"""Read ABC text to melodies, through music21's ABC tokenizer.

ABC is the notation in which most collections of folk tunes are shared: a file of tunes, each with an ``X:`` number,
header fields up to the key, and then the music. The reader takes:

* **Notes**: pitches with key signature and accidentals, which hold to the end of their bar in every octave and along a
  tie; durations with tuplets and broken rhythm; rests, visible or not, also of several bars. Of a chord, the top note.
  Fields may change metre, key and unit length anywhere, on a line of their own or inline.
* **Bars**: every bar line; :mod:`~chromasonic.melody_generation.io.barring` decides which of them are departures.
* **Metre and key**: the last before the first note, as written, although some collections give a minor tune under its
  relative major.
* **Order**: as written (``repeats="written"``: each note once, all endings in sequence), or as played (``"played"``:
  repeats, endings and parts unrolled; the Nottingham collection gives the order of parts in ``Y:``).

It omits grace notes, chord symbols, words, decorations, slurs, the lower notes of chords, all voices but the first, and
the second voice of a bar after ``&``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import get_args

from music21.abcFormat import ABCHandlerException, ABCTokenException

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.abc_parser import FIELD_LINE, AbcTuneParser
from chromasonic.melody_generation.io.barring import BarCounter
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune
from chromasonic.melody_generation.melody import Metre
from chromasonic.melody_generation.notation.repeats import (
    MAX_EVENTS,
    BarLine,
    NoteEvent,
    PartMark,
    Repeats,
    unroll,
)

_MAX_CHARACTERS = 10 * MAX_EVENTS
_NUMBER_LINE = re.compile(r"^[ \t]*X[ \t]*:", re.MULTILINE)


def read_abc(
    text: str, *, file_name: str, corpus: str = "unknown", repeats: Repeats = "written"
) -> Iterator[WrittenTune | DroppedTune]:
    r"""Read all tunes of an ABC file; a malformed tune is yielded as dropped, with the reason.

    Args:
        text: The content of the file.
        file_name: The name of the file, for the tunes' ``source``: ``reelsa-c.abc:12``.
        corpus: The corpus label of the melodies.
        repeats: ``"written"`` for each note once, ``"played"`` for repeats, endings and parts unrolled.

    Raises:
        InputError: If ``repeats`` is neither.

    Example:
        >>> [tune] = read_abc("X:1\nT:Scale\nM:3/4\nK:D\nDEF|GAB|", file_name="scale.abc")
        >>> tune.melody.source, tune.melody.title, tune.melody.pitches.tolist()
        ('scale.abc:1', 'Scale', [62, 64, 66, 67, 69, 71])
    """
    if repeats not in get_args(Repeats):
        raise InputError(f"repeats is written or played, not {repeats!r}")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    begins = [match.start() for match in _NUMBER_LINE.finditer(text)]
    if not begins and re.search(r"^[ \t]*K[ \t]*:", text, re.MULTILINE):
        begins = [0]  # one tune without a number
    for begin, end in pairwise([*begins, len(text)]):
        yield _read_tune(text[begin:end], file_name, corpus, repeats)


def decode_abc(content: bytes) -> str:
    """Decode an ABC file from UTF-8, or from Latin-1 if it is not valid UTF-8."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _read_tune(text: str, file_name: str, corpus: str, repeats: Repeats) -> WrittenTune | DroppedTune:
    parser = AbcTuneParser()
    source = f"{file_name}:1"
    try:
        first_line = FIELD_LINE.match(text)
        if first_line and first_line[1] == "X":
            number = first_line[2].partition("%")[0].strip()
            source = f"{file_name}:{int(number) if number.isdecimal() else number}"
        if len(text) > _MAX_CHARACTERS:
            raise ValueError(f"it is longer than {_MAX_CHARACTERS} characters")
        for line in text.split("\n"):
            parser.read_line(line)
        if parser.in_header:
            raise ValueError("it has no K: field, after which the music begins")
        events = parser.events if repeats == "written" else unroll(parser.events, parser.part_order)
        counter = BarCounter(parser.metre)
        for event in events:
            if isinstance(event, NoteEvent):
                counter.note(event.pitch, event.ticks, tied=event.tied)
            elif isinstance(event, Metre):
                counter.metre(event)
            elif isinstance(event, BarLine | PartMark):
                counter.bar_line()
        return counter.tune(
            tonic=parser.key.tonic, mode=parser.key.mode, title=parser.title, source=source, corpus=corpus
        )
    except (ValueError, IndexError, ABCHandlerException, ABCTokenException) as problem:
        # The tokenizer raises an IndexError on some truncated symbols.
        return DroppedTune(source, str(problem))

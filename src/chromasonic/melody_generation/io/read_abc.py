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

It omits grace notes, chord symbols, words, decorations, slurs, the lower notes of chords, all voices but the first one
that has notes, and second voices after ``&``. An empty line ends a tune, unless music follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import get_args

from music21.abcFormat import ABCHandlerException, ABCTokenException

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import kind_of
from chromasonic.melody_generation.io.abc.abc_counts import count_notes_of_tune
from chromasonic.melody_generation.io.abc.abc_parser import FIELD_LINE, AbcTuneParser
from chromasonic.melody_generation.io.barring import BarCounter
from chromasonic.melody_generation.io.played.played_melody import pass_events, played, with_repeat_signs
from chromasonic.melody_generation.io.tunes import (
    GRACE_NOTES,
    LOWER_NOTES,
    OTHER_PARTS,
    SECOND_VOICES,
    TEXT_LINES,
    DroppedTune,
    Remark,
    WrittenTune,
)
from chromasonic.melody_generation.melody import REST
from chromasonic.melody_generation.notation.repeats import MAX_EVENTS, NoteEvent, Repeats

_MAX_CHARACTERS = 10 * MAX_EVENTS
_MAX_VOICES = 32
# A field of the file header that holds for every tune.
_DEFAULT_LINE = re.compile(r"^[ \t]*[LM][ \t]*:")
# Chord symbols, decorations and inline fields.
_NO_SYMBOLS = re.compile(r'"[^"]*"|![^!]*!|\+[^+]*\+|\[[A-Za-z]:[^\]]*\]')
# A letter that is no note and no decoration of one, or a sign that no music has.
_IN_A_WORD = re.compile(r"[H-WYh-wy](?![\^_=A-Ga-gzx\[({0-9|.~ ]|$)|[H-WYh-w] |[^\W\dA-Za-z_]|</|[@?#;]")
# The kinds of notes that the parser leaves out.
_KINDS_OF_NOTES = (GRACE_NOTES, LOWER_NOTES, OTHER_PARTS, SECOND_VOICES)
_QUOTED_PRINTABLE = re.compile(rb"=(?:3D|20|\r?\n)")  # the last one continues a line
_QUOTED_SIGNS = {b"=3D": b"=", b"=20": b" "}
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
    header = text[: begins[0]] if begins else ""
    defaults = [line for line in header.split("\n") if _DEFAULT_LINE.match(line)]
    if not begins and re.search(r"^[ \t]*K[ \t]*:", text, re.MULTILINE):
        begins = [0, *_title_lines_after_a_gap(text)]  # tunes without a number
    for begin, end in pairwise([*begins, len(text)]):
        yield _read_tune(text[begin:end], file_name, corpus, repeats, defaults)


def _title_lines_after_a_gap(text: str) -> list[int]:
    """Return where a tune without a number begins: at a title after an empty line, below the first key."""
    first_key = re.search(r"^[ \t]*K[ \t]*:", text, re.MULTILINE)
    gaps = re.finditer(r"^[ \t]*\n(?=[ \t]*T[ \t]*:)", text, re.MULTILINE)
    return [gap.end() for gap in gaps if first_key and gap.start() > first_key.start()]


def decode_abc(content: bytes) -> str:
    """Decode an ABC file from UTF-8, or from Windows-1252, or Latin-1, if it is not valid UTF-8.

    Of the quoted-printable encoding of mails, which some files were saved with, the signs that no ABC has are decoded.
    """
    if b"=3D" in content:
        content = _QUOTED_PRINTABLE.sub(lambda match: _QUOTED_SIGNS.get(match[0], b""), content)
    for encoding in ("utf-8", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")


def _read_tune(
    text: str, file_name: str, corpus: str, repeats: Repeats, defaults: Sequence[str]
) -> WrittenTune | DroppedTune:
    source = f"{file_name}:1"
    try:
        first_line = FIELD_LINE.match(text)
        if first_line and first_line[1] == "X":
            number = first_line[2].partition("%")[0].strip()
            source = f"{file_name}:{int(number) if number.isdecimal() else number}"
        if len(text) > _MAX_CHARACTERS:
            raise ValueError(f"it is longer than {_MAX_CHARACTERS} characters")
        lines, n_after = _lines_of_tune(text)
        parser = _parse(lines, defaults)
        counter = BarCounter(parser.metre)
        pass_events(counter, parser.events)
        tune = counter.tune(
            tonic=parser.key.tonic,
            mode=parser.key.mode,
            title=parser.title,
            source=source,
            corpus=corpus,
            part_order=parser.part_order,
            kind=kind_of(parser.rhythm, parser.title),
        )
        order = played if repeats == "played" else with_repeat_signs
        tune = replace(tune, melody=order(tune.melody))
        parser.left_out[TEXT_LINES] += n_after
        return replace(tune, left_out=dict(+parser.left_out), remarks=_remarks(lines, parser))
    except (ValueError, IndexError, ABCHandlerException, ABCTokenException) as problem:
        # The tokenizer raises an IndexError on some truncated symbols.
        return DroppedTune(source, str(problem))


def _parse(lines: Sequence[str], defaults: Sequence[str]) -> AbcTuneParser:
    """Parse the first voice that has notes.

    Raises:
        ValueError: If the tune has no key, a malformed symbol, or rests alone.
    """
    voice_number = 0
    while True:
        parser = AbcTuneParser(voice_number=voice_number)
        for line in (*defaults, *lines):
            parser.read_line(line)
        if parser.in_header:
            raise ValueError("it has no K: field, after which the music begins")
        notes = [event for event in parser.events if isinstance(event, NoteEvent)]
        if any(note.pitch != REST for note in notes):
            return parser
        voice_number += 1
        if voice_number >= min(len(parser.voices), _MAX_VOICES):
            if notes:
                raise ValueError("it holds no pitched notes")
            return parser


def _remarks(lines: Sequence[str], parser: AbcTuneParser) -> tuple[Remark, ...]:
    """Return a remark if a second, simpler count of the notes differs from what the parser has read and left out."""
    n_counted = count_notes_of_tune(lines)
    n_seen = parser.n_pitched + sum(parser.left_out[kind] for kind in _KINDS_OF_NOTES)
    if n_counted == n_seen:
        return ()
    return (Remark("the text has another number of notes than were read", f"{n_counted} instead of {n_seen}"),)


def _lines_of_tune(text: str) -> tuple[list[str], int]:
    """Return the lines of a tune up to the empty line that ends it, and the number of lines of text after it.

    Some files have an empty line within a tune. What follows belongs to it as long as it is music.
    """
    lines: list[str] = []
    n_after = 0
    is_music_due, has_key = False, False
    for line in text.split("\n"):
        if not line.strip():
            is_music_due = has_key
            continue
        if n_after or (is_music_due and not _is_music(line)):
            n_after += 1
            continue
        has_key = has_key or bool(re.match(r"[ \t]*K[ \t]*:", line))
        lines.append(line)
    return lines, n_after


def _is_music(line: str) -> bool:
    """Return whether a line after an empty one is a field of the body, or music without a word."""
    if re.match(r"[ \t]*(?:[KLMPQVwWsr][ \t]*:(?![|:])|%)", line):
        return True
    symbols = _NO_SYMBOLS.sub("", line.partition("%")[0])
    return bool(re.search(r"[A-Ga-gzxZX|]", symbols)) and not _IN_A_WORD.search(symbols)

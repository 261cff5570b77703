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

It omits grace notes, words, decorations, slurs, the lower notes of chords, all voices but that of the melody
(:mod:`~chromasonic.melody_generation.io.abc.abc_voices`), and second voices after ``&``. A symbol that cannot be
read is left out and counted. An empty line ends a tune, unless music follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import get_args

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import kind_of
from chromasonic.melody_generation.io.abc.abc_counts import count_notes_of_tune
from chromasonic.melody_generation.io.abc.abc_parser import FIELD_LINE, AbcTuneParser
from chromasonic.melody_generation.io.abc.abc_tunes import lines_of_tune, tune_begins
from chromasonic.melody_generation.io.abc.abc_voices import select_voice
from chromasonic.melody_generation.io.barring import BarCounter
from chromasonic.melody_generation.io.played.played_melody import pass_events, played, with_repeat_signs
from chromasonic.melody_generation.io.scores.written_notes import check_unreadable
from chromasonic.melody_generation.io.tunes import (
    GRACE_NOTES,
    LOWER_NOTES,
    OTHER_PARTS,
    SECOND_VOICES,
    TEXT_LINES,
    DroppedTune,
    Remark,
    WrittenTune,
    transposition_remark,
)
from chromasonic.melody_generation.measures.key_estimation import estimated_key
from chromasonic.melody_generation.melody import REST
from chromasonic.melody_generation.notation.repeats import MAX_EVENTS, NoteEvent, Repeats

_MAX_CHARACTERS = 10 * MAX_EVENTS
_MAX_DIGITS = 999
_LONG_NUMBER = re.compile(rf"\d{{{_MAX_DIGITS + 1}}}")
# A field of the file header that holds for every tune.
_DEFAULT_LINE = re.compile(r"[ \t]*(?:[LM][ \t]*:|(?:I[ \t]*:|%%)[ \t]*(?:linebreak|decoration)\b)")
# The kinds of notes that the parser leaves out.
_KINDS_OF_NOTES = (GRACE_NOTES, LOWER_NOTES, OTHER_PARTS, SECOND_VOICES)
_QUOTED_PRINTABLE = re.compile(rb"=(?:3D|20|\r?\n)")  # the last one continues a line
_QUOTED_SIGNS = {b"=3D": b"=", b"=20": b" "}


def read_abc(
    text: str,
    *,
    file_name: str,
    corpus: str = "unknown",
    repeats: Repeats = "written",
    part: str | int | None = None,
    estimates_keys: bool = False,
) -> Iterator[WrittenTune | DroppedTune]:
    r"""Read all tunes of an ABC file; a malformed tune is yielded as dropped, with the reason.

    Args:
        text: The content of the file.
        file_name: The name of the file, for the tunes' ``source``: ``reelsa-c.abc:12``.
        corpus: The corpus label of the melodies.
        repeats: ``"written"`` for each note once, ``"played"`` for repeats, endings and parts unrolled.
        part: The name, the id or the number, from 1, of the voice that carries the melody; None to choose it.
        estimates_keys: Whether a tune that names no tonic gets a key that is estimated from its notes.

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
    begins = tune_begins(text)
    header = text[: begins[0]] if begins else ""
    options = _ReadingOptions(
        corpus, repeats, part, estimates_keys, tuple(line for line in header.split("\n") if _DEFAULT_LINE.match(line))
    )
    for number, (begin, end) in enumerate(pairwise([*begins, len(text)]), 1):
        yield _read_tune(text[begin:end], f"{file_name}:{number}", options)


@dataclass(frozen=True)
class _ReadingOptions:
    """The options of ``read_abc``, and the fields that hold for every tune of the file."""

    corpus: str
    repeats: Repeats
    part: str | int | None
    estimates_keys: bool
    defaults: tuple[str, ...]


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


def _read_tune(text: str, source: str, options: _ReadingOptions) -> WrittenTune | DroppedTune:
    try:
        if _LONG_NUMBER.search(text):
            raise ValueError(f"it has a number of more than {_MAX_DIGITS} digits")
        first_line = FIELD_LINE.match(text)
        if first_line and first_line[1] == "X":
            number = first_line[2].partition("%")[0].strip()
            source = f"{source.rpartition(':')[0]}:{int(number) if number.isdecimal() else number}"
        if len(text) > _MAX_CHARACTERS:
            raise ValueError(f"it is longer than {_MAX_CHARACTERS} characters")
        tune_lines = lines_of_tune(text)
        lines = (*options.defaults, *tune_lines.lines)
        parser, remark = _parse(lines, options.part)
        counter = BarCounter(parser.metre)
        pass_events(counter, parser.events)
        tune = counter.tune(
            tonic=parser.key.tonic,
            mode=parser.key.mode,
            title=parser.title,
            source=source,
            corpus=options.corpus,
            part_order=parser.part_order,
            kind=kind_of(parser.rhythm, parser.title),
        )
        order = played if options.repeats == "played" else with_repeat_signs
        melody = order(tune.melody)
        if options.estimates_keys and not parser.key.has_tonic:
            key = estimated_key(melody.pitches, melody.durations)
            melody = replace(melody, tonic=key.tonic, mode=key.mode)
        parser.left_out[TEXT_LINES] += tune_lines.n_text_lines
        remarks = [remark] if remark else []
        return replace(
            tune, melody=melody, left_out=dict(+parser.left_out), remarks=(*remarks, *_remarks(lines, parser))
        )
    except ValueError as problem:
        return DroppedTune(source, str(problem))


def _parse(lines: Sequence[str], part: str | int | None) -> tuple[AbcTuneParser, Remark | None]:
    """Parse the voice that carries the melody, and return the rule that selected it.

    Raises:
        ValueError: If the tune has no key, a field that is not understood, too many unreadable notes, or rests alone.
    """
    parser = _parsed(lines, None)
    selected = select_voice(parser.voices, part)
    if selected and selected.voice != parser.read_voice:
        parser = _parsed(lines, selected.voice)
    notes = [event for event in parser.events if isinstance(event, NoteEvent)]
    if parser.n_unread_notes > 1:  # one may be a typing error
        check_unreadable(parser.n_unread_notes, parser.n_unread_notes + parser.n_pitched)
    if notes and all(note.pitch == REST for note in notes):
        raise ValueError("it holds no pitched notes")
    return parser, selected.remark if selected else None


def _parsed(lines: Sequence[str], voice: str | None) -> AbcTuneParser:
    parser = AbcTuneParser(voice=voice)
    for line in lines:
        parser.read_line(line)
    if parser.in_header:
        raise ValueError("it has no K: field, after which the music begins")
    if first := parser.voices.get(parser.read_voice):
        first.n_notes = parser.n_pitched
    return parser


def _remarks(lines: Sequence[str], parser: AbcTuneParser) -> Iterator[Remark]:
    """Yield what is not understood, and whether a second, simpler count of the notes differs from the parser's."""
    for kind, detail in parser.not_understood.items():
        yield Remark(kind, detail)
    if parser.transposition:
        yield transposition_remark(parser.transposition)
    n_counted = count_notes_of_tune(lines)
    n_seen = parser.n_pitched + parser.n_unread_notes + sum(parser.left_out[kind] for kind in _KINDS_OF_NOTES)
    if n_counted != n_seen:
        detail = f"{n_counted} instead of {n_seen}"
        yield Remark("the text has another number of notes than were read", detail)

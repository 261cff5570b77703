"""Parse Humdrum kern: the notes of every spine, bar lines, metres, keys and titles.

A spine may split into strands and join again. Every strand counts its own time, and at a bar line all strands meet. A
bar in which they disagree has the length of
:func:`~chromasonic.melody_generation.io.scores.written_notes.measure_length`. Music without a metre is free.

Source: Huron, The Humdrum Toolkit: Reference Manual (1994).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import groupby

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import MAX_PASSES, FormMark, FormSign, kind_of
from chromasonic.melody_generation.io.melody_line import MetreChange, ParsedScore, TimedMark
from chromasonic.melody_generation.io.melody_part import TimedChord
from chromasonic.melody_generation.io.scores.kern_pieces import KernPiece
from chromasonic.melody_generation.io.scores.kern_spines import Spine, Strand
from chromasonic.melody_generation.io.scores.kern_tokens import (
    parse_kern_bar_line,
    parse_kern_chord,
    parse_kern_expansion,
    parse_kern_label,
)
from chromasonic.melody_generation.io.scores.written_notes import check_unreadable, measure_length
from chromasonic.melody_generation.io.tunes import CHORD_SYMBOLS, JUMPS, TEXT_LINES, UNREADABLE_SYMBOLS
from chromasonic.melody_generation.melody import Metre

_LYRICS = {"**text", "**silbe", "**lyrics", "**lyric", "**syl"}
_CHORDS = "**mxhm"
_MAX_COLUMNS = 1000
_NULL, _JOIN, _SPLIT, _ADD, _EXCHANGE, _END = ".", "*v", "*^", "*+", "*x", "*-"
_OF_COLUMNS = re.compile(r"\*[v^+x-]|\*\*.*")
_NOTE_SYMBOL = re.compile(r"[.%\d][a-gA-G]")  # the second, simpler way of counting
_NO_NOTE = re.compile(r"[rqQ]")


def parse_kern_piece(piece: KernPiece) -> ParsedScore:
    """Parse a piece.

    Raises:
        InputError: If it has no ``**kern`` spine, a line has too many or too few fields to tell which spines split, or
            too many notes cannot be read.
    """
    reader = _PieceReader(piece.interpretations)
    reader.left_out.update({TEXT_LINES: piece.n_text_lines, JUMPS: piece.n_jumps})
    for number, line in piece.lines:
        reader.read(re.split(r"\t+", line), number)
    return reader.score(piece.title, piece.genre)


class _PieceReader:
    """Reads a piece line by line."""

    def __init__(self, interpretations: list[str]) -> None:
        self.left_out: Counter[str] = Counter()
        self._columns = [Strand(Spine(kind)) for kind in interpretations]
        self._spines = [column.spine for column in self._columns]
        self._bar_lines = [Fraction(0)]
        self._bar_begin = Fraction(0)
        self._n_note_symbols = 0
        self._marks: list[TimedMark] = []
        self._part_order = ""

    def read(self, fields: list[str], number: int) -> None:
        """Read line ``number`` of the file."""
        if fields[0].startswith("="):
            self._read_bar_line(fields[0])
        elif len(fields) != len(self._columns):
            self._read_uneven_line(fields, number)
        elif fields[0].startswith("*"):
            self._read_interpretations(fields)
        else:
            self._read_data([pair for pair in zip(self._columns, fields, strict=True) if pair[1] != _NULL])

    def _read_data(self, tokens: list[tuple[Strand, str]]) -> None:
        onset = next((column.time for column, _ in tokens if column.spine.is_kern), None)
        for column, token in tokens:
            if column.spine.is_kern:
                self._n_note_symbols += _n_note_symbols(token)
                column.read_token(token)
            elif column.spine.kind in _LYRICS and any(character.isalpha() for character in token):
                if sung := self._spine_left_of(column.spine):
                    sung.n_lyrics += 1
            elif column.spine.kind == _CHORDS:
                self._read_chord(column.spine, token, onset)

    def _read_chord(self, spine: Spine, token: str, onset: Fraction | None) -> None:
        """Read a chord symbol; the time of one without a note on its line is not known."""
        chord, notes = parse_kern_chord(token), self._spine_left_of(spine) or self._spines[-1]
        if chord is None or onset is None:
            self.left_out[CHORD_SYMBOLS] += 1
        else:
            notes.chords.append(TimedChord(onset, chord))

    def _read_uneven_line(self, fields: list[str], number: int) -> None:
        """Count a line with too many or too few fields: its notes belong to no spine for certain."""
        if self._columns and any(map(_OF_COLUMNS.fullmatch, fields)):
            raise InputError(f"its line {number} has {len(fields)} fields instead of {len(self._columns)}")
        n_notes = sum(map(_n_note_symbols, fields))
        self._n_note_symbols += n_notes
        self.left_out[UNREADABLE_SYMBOLS] += n_notes
        self.left_out[TEXT_LINES] += not n_notes and not fields[0].startswith("*")

    def _read_bar_line(self, token: str) -> None:
        strands = [column for column in self._columns if column.spine.is_kern]
        metre = next((strand.spine.metres[-1].metre for strand in strands if strand.spine.metres), Metre(0, 4))
        lengths = [strand.time - self._bar_begin for strand in strands if strand.time > self._bar_begin]
        if lengths:
            self._bar_begin += measure_length(lengths, Fraction(metre.bar_ticks) if metre.beats else None)
            for strand in strands:
                strand.time = max(strand.time, self._bar_begin)
            if "-" not in token:  # a visible one
                self._bar_lines.append(self._bar_begin)
        self._marks += [TimedMark(self._bar_begin, mark) for mark in parse_kern_bar_line(token)]

    def _spine_left_of(self, spine: Spine) -> Spine | None:
        """Return the next kern spine at the left of a spine of lyrics or chords."""
        return next((other for other in self._spines[self._spines.index(spine) :: -1] if other.is_kern), None)

    def _read_label(self, token: str) -> None:
        """Read the label of a section; ``A1`` and ``A2`` after ``A`` are its endings."""
        self._part_order = self._part_order or parse_kern_expansion(token)
        if label := parse_kern_label(token):
            letter, number = label
            if not number:
                self._marks.append(TimedMark(self._now(), FormMark(0, FormSign.PART, name=letter)))
            elif 1 <= number <= MAX_PASSES and any(timed.mark.name == letter for timed in self._marks):
                self._marks.append(TimedMark(self._now(), FormMark(0, FormSign.ENDING, (number,))))

    def _read_interpretations(self, tokens: list[str]) -> None:
        columns: list[Strand] = []
        self._read_label(next((token for token in tokens if token.startswith("*>")), ""))
        pairs = list(zip(self._columns, tokens, strict=True))
        for (_, is_join), group in groupby(pairs, key=lambda pair: (id(pair[0].spine), pair[1] == _JOIN)):
            strands = list(group)
            if is_join:
                strands[0][0].time = max(strand.time for strand, _ in strands)
                columns.append(strands[0][0])
            else:
                columns.extend(column for strand, token in strands for column in self._columns_after(strand, token))
        exchanged = [index for index, token in enumerate(tokens) if token == _EXCHANGE]
        if len(exchanged) == 2 and len(columns) == len(tokens):
            left, right = exchanged
            columns[left], columns[right] = columns[right], columns[left]
        if len(columns) > _MAX_COLUMNS:
            raise InputError(f"it has more than {_MAX_COLUMNS} columns")
        self._columns = columns

    def _columns_after(self, strand: Strand, token: str) -> list[Strand]:
        """Return the columns that follow a column with this interpretation."""
        if token == _END:
            return []
        if token == _SPLIT:
            return [strand, replace(strand)]
        if token == _ADD:
            return [strand, self._new_column(strand, "")]
        if token.startswith("**") and token != strand.spine.kind:
            if strand.spine.kind:
                return [self._new_column(strand, token)]
            strand.spine.kind = token
        elif strand.spine.is_kern:
            strand.read_interpretation(token)
        return [strand]

    def _new_column(self, before: Strand, kind: str) -> Strand:
        spine = Spine(kind)
        self._spines.insert(self._spines.index(before.spine) + 1, spine)
        return Strand(spine, self._now())

    def _now(self) -> Fraction:
        """Return the latest time of all strands."""
        return max((strand.time for strand in self._columns if strand.spine.is_kern), default=Fraction(0))

    def score(self, title: str, genre: str) -> ParsedScore:
        """Return the content of all lines."""
        spines = [spine for spine in self._spines if spine.is_kern]
        if not spines:
            raise InputError("it has no **kern spine")
        n_missed = self._n_note_symbols - sum(spine.n_symbols for spine in spines)
        check_unreadable(n_missed, self._n_note_symbols)
        for spine in spines:
            if not spine.notes:
                self.left_out.update(spine.left_out)
        metres = next((spine.metres for spine in spines if spine.metres), [])
        first = min((note.onset for spine in spines for note in spine.notes), default=Fraction(0))
        if not metres or metres[0].onset > first:
            metres = [MetreChange(Fraction(0), Metre(0, 4)), *metres]
        has_repeat_signs = any(timed.mark.sign is FormSign.REPEAT_END for timed in self._marks)
        return ParsedScore(
            parts=tuple(spine.to_part() for spine in reversed(spines)),  # the lowest part stands at the left
            metres=tuple(metres),
            bar_lines=tuple(self._bar_lines),
            title=title,
            kind=kind_of(genre),
            marks=tuple(self._marks),
            part_order="" if has_repeat_signs else self._part_order,
            left_out=+self.left_out,
        )


def _n_note_symbols(token: str) -> int:
    """Count the notes of a token, without grace notes, by their letters."""
    symbols = token.split()
    return sum(bool(_NOTE_SYMBOL.search(symbol)) and not _NO_NOTE.search(symbol) for symbol in symbols)

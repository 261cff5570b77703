"""Conversion between melodies and token ids: one note is one token.

A token sequence is a prefix of ``PREFIX_LENGTH`` control tokens, then the music, then ``<end>``:

    <corpus:2> <kind:jig> <bars:16> <metre:6/8> <mode:major> <start:60>   note note <:|> note <bar> note ... <end>

Note tokens are the product of a pitch class and a duration class. Pitch classes are semitones relative to the tonic in
the octave above middle C, or a rest, so that a jig in D and the same jig in G have the same tokens. ``<bar>`` is
written only where a bar line departs from the count, and a metre token where the metre changes; both reset the position
in the bar to 0. Signs of form (double bars, repeats and endings) stand before the note that follows them.

The kind and the number of bars are requests: they may be unknown, and are whenever a melody is scored. The corpus is
one of ``N_CORPORA`` numbered slots. A vocabulary names the slots, and a checkpoint holds the names of its own.

The tokens are fixed, so that a checkpoint trained on one corpus can read any other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from chromasonic.melody_generation.form import KINDS, FormMark, FormSign, marks_by_note
from chromasonic.melody_generation.melody import MODES, REST, Departure, IntArray, Melody, Metre
from chromasonic.melody_generation.sign_grammar import simple_signs

PREFIX_LENGTH = 6
KIND_INDEX, BARS_INDEX = 1, 2  # positions in the prefix
MIDDLE_C = 60

# Semitones from the tonic above middle C: the range of 13 800 folk tunes.
LOWEST, HIGHEST = -15, 26
# Ticks: plain, dotted and triplet values from the triplet thirty-second to four whole notes, and common tied values.
DURATIONS = (
    *(2, 3, 4, 6, 8, 9, 12, 16, 18, 21, 24, 30, 32, 36, 42, 48, 54, 60, 66, 72, 84, 90, 96, 108, 120),
    *(132, 144, 168, 192, 240, 288, 384),
)
N_CORPORA = 32
UNKNOWN_CORPUS = "unknown"
CORPORA = (*(UNKNOWN_CORPUS, "synthetic", "nottingham", "oneills", "airds", "ryans", "essen", "ceolrince", "folkwiki"),)
UNKNOWN_KIND = KINDS[0]
MAX_BARS = 64
# Double bars, repeats and endings, with the passes for which an ending is played.
ENDINGS = ((1,), (2,), (3,), (4,), (1, 2), (1, 3), (2, 4), (1, 2, 3))
SIGNS = (
    *((FormSign.SECTION, ()), (FormSign.REPEAT_BEGIN, ()), (FormSign.REPEAT_END, ())),
    *((FormSign.ENDING, passes) for passes in ENDINGS),
)
_METRES = (
    "free 1/4 2/4 3/4 4/4 5/4 6/4 7/4 8/4 9/4 12/4 2/2 3/2 4/2 5/2 6/2 1/1 2/1 3/1 4/1 "
    "2/8 3/8 4/8 5/8 6/8 7/8 8/8 9/8 10/8 11/8 12/8 15/8 3/16 6/16 9/16 12/16"
)
METRES = tuple(Metre.parse(text) for text in _METRES.split())
_LONGEST_BAR = max(metre.bar_ticks for metre in METRES if metre.beats)
STARTS = tuple(ticks for ticks in range(_LONGEST_BAR) if ticks % 3 == 0 or ticks % 4 == 0)


@dataclass(frozen=True)
class FitResult:
    """A melody fitted to the vocabulary, and the number of changes.

    Attributes:
        melody: The melody, or None if it cannot be encoded.
        n_durations_rounded: Number of durations (and start positions) rounded to the nearest class.
        n_pitches_moved: Number of pitches moved by octaves into the range.
        drop_reason: Why ``melody`` is None; empty otherwise.
    """

    melody: Melody | None
    n_durations_rounded: int = 0
    n_pitches_moved: int = 0
    drop_reason: str = ""


class NoteVocabulary:
    """The fixed set of V tokens, and the names of the corpora.

    Args:
        corpora: Names of the first slots, up to ``N_CORPORA``; the first is for melodies of any other corpus.

    Raises:
        ValueError: If there are too many names, none, or the same twice.

    Attributes:
        corpora: Names of the first slots.
        pitch_classes: Semitones above the tonic of each pitch class; the class after them, ``rest_class``, is a rest.
        duration_classes: Ticks of each duration class.
        token_pitch: Pitch class of each token, -1 if it is no note, shape (V,).
        token_duration: Duration class of each token, -1 if it is no note, shape (V,).
        token_ticks: Duration of each token in ticks, 0 if it is no note, shape (V,).
        token_start: Position in the bar of each ``<start>`` token in ticks, -1 for others, shape (V,).
        token_bar_ticks: Length of a bar of each metre token in ticks, -1 for others, shape (V,).
        token_bars: The number of bars that each ``<bars>`` token asks for, 0 for others and if unknown, shape (V,).

    Example:
        >>> vocabulary = NoteVocabulary()
        >>> tokens = vocabulary.encode(Melody([62, 66, 69], [24, 24, 48], tonic=2))
        >>> [vocabulary.name(token) for token in tokens][5:]
        ['<start:0>', '+0/24', '+4/24', '+7/48', '<end>']
    """

    pad, end, bar = range(3)

    def __init__(self, corpora: Sequence[str] = CORPORA) -> None:
        if not 1 <= len(corpora) <= N_CORPORA or len(set(corpora)) < len(corpora):
            raise ValueError(f"a vocabulary has 1 to {N_CORPORA} different names of corpora, got {', '.join(corpora)}")
        self.corpora = tuple(corpora)
        self.pitch_classes = tuple(range(LOWEST, HIGHEST + 1))
        self.rest_class = len(self.pitch_classes)
        self.duration_classes = DURATIONS
        self._names = ["<pad>", "<end>", "<bar>"]
        self.signs = self._add(f"<{sign.value}{','.join(map(str, passes))}>" for sign, passes in SIGNS)
        self._corpora = self._add(f"<corpus:{slot}>" for slot in range(N_CORPORA))
        self._kinds = self._add(f"<kind:{kind}>" for kind in KINDS)
        self._bars = self._add(f"<bars:{number or 'unknown'}>" for number in range(MAX_BARS + 1))
        self._metres = self._add(f"<metre:{metre}>" for metre in METRES)
        self._modes = self._add(f"<mode:{mode}>" for mode in MODES)
        self._starts = self._add(f"<start:{ticks}>" for ticks in STARTS)
        pitches = [f"{semitones:+d}" for semitones in self.pitch_classes] + ["rest"]
        self.first_note = len(self._names)
        self._add(f"{pitch}/{ticks}" for pitch in pitches for ticks in DURATIONS)

        self.token_pitch = np.full(len(self), -1)
        self.token_duration = np.full(len(self), -1)
        classes = np.arange(len(self) - self.first_note)
        self.token_pitch[self.first_note :] = classes // len(DURATIONS)
        self.token_duration[self.first_note :] = classes % len(DURATIONS)
        self.token_ticks = np.where(self.token_duration < 0, 0, np.array(DURATIONS)[self.token_duration])
        self.token_start = np.full(len(self), -1)
        self.token_start[self._starts.start : self._starts.stop] = STARTS
        self.token_bar_ticks = np.full(len(self), -1)
        self.token_bar_ticks[self._metres.start : self._metres.stop] = [m.bar_ticks for m in METRES]
        self.token_bars = np.zeros(len(self), dtype=np.int64)
        self.token_bars[self._bars.start : self._bars.stop] = range(MAX_BARS + 1)
        self.unknown_kind, self.unknown_bars = self._kinds[0], self._bars[0]

    def _add(self, names: Iterable[str]) -> range:
        begin = len(self._names)
        self._names.extend(names)
        return range(begin, len(self._names))

    def __len__(self) -> int:
        return len(self._names)

    @property
    def longest_bar(self) -> int:
        """The length of the longest bar in ticks, which exceeds every position in a bar."""
        return _LONGEST_BAR

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the names of all tokens in order, which changes if any id changes its meaning."""
        return hashlib.sha256("\n".join(self._names).encode()).hexdigest()[:16]

    def name(self, token: int) -> str:
        """Return the name of a token: ``<bar>``, or semitones above the tonic and ticks, such as ``+7/24``."""
        return self._names[token]

    def metre_token(self, metre: Metre) -> int:
        """Return the id of ``<metre:...>``.

        Raises:
            ValueError: If the vocabulary has no such metre; the message lists those it has.
        """
        if metre not in METRES:
            raise ValueError(f"no token for metre {metre}; there are {', '.join(map(str, METRES))}")
        return self._metres[METRES.index(metre)]

    def with_corpora(self, names: Iterable[str]) -> NoteVocabulary:
        """Return a vocabulary that also names these corpora, as far as slots are free.

        Example:
            >>> NoteVocabulary(["unknown", "nottingham"]).with_corpora(["mine", "nottingham"]).corpora
            ('unknown', 'nottingham', 'mine')
        """
        return NoteVocabulary(tuple(dict.fromkeys([*self.corpora, *names]))[:N_CORPORA])

    def sign_token(self, sign: FormSign, passes: tuple[int, ...] = ()) -> int:
        """Return the id of a sign of form.

        Raises:
            ValueError: If the vocabulary has no such sign.
        """
        if (sign, passes) not in SIGNS:
            raise ValueError(f"no token for the sign {sign.value}{','.join(map(str, passes))}")
        return self.signs[SIGNS.index((sign, passes))]

    def sign_of(self, token: int) -> tuple[FormSign, tuple[int, ...]] | None:
        """Return the sign of form of a token, with the passes of an ending; None for another token."""
        return SIGNS[token - self.signs.start] if token in self.signs else None

    def prefix(self, melody: Melody, bars: int | None = None) -> IntArray:
        """Return the control tokens before the first note, shape (PREFIX_LENGTH,).

        Args:
            melody: Its corpus, kind, metre, mode and start are taken. A corpus without a name is unknown.
            bars: The number of bars that is asked for; None, or above ``MAX_BARS``, for unknown.

        Raises:
            ValueError: If the metre or the start has no token.
        """
        if melody.start not in STARTS:
            raise ValueError(f"no token for start position {melody.start!r}; there are {', '.join(map(str, STARTS))}")
        slot = self.corpora.index(melody.corpus) if melody.corpus in self.corpora else 0
        ids = (
            self._corpora[slot],
            self._kinds[KINDS.index(melody.kind)],
            self._bars[bars if bars is not None and 1 <= bars <= MAX_BARS else 0],
            self.metre_token(melody.metre),
            self._modes[MODES.index(melody.mode)],
            self._starts[STARTS.index(melody.start)],
        )
        return np.array(ids, dtype=np.int64)

    def is_note(self, tokens: ArrayLike) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Return which tokens are notes or rests, in the shape of ``tokens``."""
        return np.asarray(tokens) >= self.first_note

    def is_sign(self, tokens: ArrayLike) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Return which tokens are signs of form, in the shape of ``tokens``."""
        ids = np.asarray(tokens)
        return np.asarray((ids >= self.signs.start) & (ids < self.signs.stop))

    def fit(self, melody: Melody) -> FitResult:
        """Round durations, and move pitches by octaves, to values that have a token.

        A melody with a metre without a token is dropped. Bar lines are counted again: those after a rounded note may
        move with it, up to the next departure, and departures that agree with the new count are omitted.

        Example:
            >>> result = NoteVocabulary().fit(Melody([60, 62], [25, 24]))
            >>> result.melody.durations.tolist(), result.n_durations_rounded
            ([24, 24], 1)
        """
        missing = [metre for _, _, metre, _ in melody.segments if metre not in METRES]
        if missing:
            return FitResult(None, drop_reason=f"the metre {missing[0]} has no token")
        durations = _nearest(melody.durations, DURATIONS)
        pitches = self._into_range(melody.pitches, melody.tonic)
        start = _known_start(melody.start)
        n_rounded = int((durations != melody.durations).sum()) + (start != melody.start)
        n_moved = int((pitches != melody.pitches).sum())
        if not n_rounded and not n_moved:
            return FitResult(melody)
        metre_at = {begin: metre for begin, _, metre, _ in melody.segments[1:]}
        departures = _departures(metre_at, durations, melody.metre, start)
        fitted = replace(
            melody,
            pitches=pitches,
            durations=durations,
            start=start,
            departures=tuple(departures),
            chords=melody.chords_at(durations),
        )
        return FitResult(fitted, n_rounded, n_moved)

    def _into_range(self, pitches: IntArray, tonic: int) -> IntArray:
        relative = pitches - (MIDDLE_C + tonic)
        below = np.maximum(0, -(-(LOWEST - relative) // 12))
        above = np.maximum(0, -(-(relative - HIGHEST) // 12))
        return np.where(pitches == REST, REST, pitches + 12 * (below - above))

    def encode(self, melody: Melody, bars: int | None = None) -> IntArray:
        """Encode a melody: prefix, notes with signs of form, bar and metre tokens before them, and ``<end>``.

        Signs of form are simplified: see :meth:`encoded_part`. Chord symbols, spelling, title and source have no
        tokens.

        Args:
            melody: The melody.
            bars: The number of bars in the prefix; unknown by default.

        Returns:
            Token ids, shape (PREFIX_LENGTH + N + number of signs and departures + 1,).

        Raises:
            ValueError: If a metre, pitch, duration or start has no token; ``fit`` the melody first.
        """
        before: dict[int, list[int]] = {
            note: [self.sign_token(mark.sign, mark.passes) for mark in marks]
            for note, marks in marks_by_note(_known_signs(melody)).items()
        }
        for departure in melody.departures:
            token = self.bar if departure.metre is None else self.metre_token(departure.metre)
            before.setdefault(departure.note, []).append(token)
        notes, begin = self._note_tokens(melody), 0
        parts: list[ArrayLike] = [self.prefix(melody, bars)]
        for note in sorted(before):
            parts += [notes[begin:note], before[note]]
            begin = note
        return np.concatenate([*parts, notes[begin:], [self.end]]).astype(np.int64)

    def encoded_part(self, melody: Melody) -> Melody:
        """Return what ``encode`` encodes of a melody and ``decode`` returns, in its own key.

        Left out are title, source, spelling, chord symbols, the names of parts, and endings for other passes than
        ``ENDINGS``. The signs of form are those of :func:`~chromasonic.melody_generation.sign_grammar.simple_signs`.
        """
        corpus = melody.corpus if melody.corpus in self.corpora else self.corpora[0]
        kept = replace(melody.without_form(), title="", source="", corpus=corpus)
        return replace(kept, kind=melody.kind, form=_known_signs(melody))

    def encode_for_scoring(self, melody: Melody) -> IntArray:
        """Encode a melody without saying of which kind and how long it is, so that nothing of it is given away."""
        return self.encode(replace(melody, kind=UNKNOWN_KIND))

    def _note_tokens(self, melody: Melody) -> IntArray:
        relative = melody.pitches - (MIDDLE_C + melody.tonic)
        pitch = np.where(melody.pitches == REST, self.rest_class, relative - LOWEST)
        duration = np.searchsorted(DURATIONS, melody.durations).clip(max=len(DURATIONS) - 1)
        held = (pitch >= 0) & (pitch <= self.rest_class) & (np.array(DURATIONS)[duration] == melody.durations)
        held &= (melody.pitches == REST) | (relative <= HIGHEST)
        if not held.all():
            index = int(np.argmin(held))
            raise ValueError(
                f"no token for note {index} (MIDI pitch {melody.pitches[index]}, "
                f"{melody.durations[index]} ticks, tonic {melody.tonic}); "
                "NoteVocabulary.fit rounds it to one that has a token"
            )
        return np.asarray(self.first_note + pitch * len(DURATIONS) + duration, dtype=np.int64)

    def decode(self, tokens: ArrayLike, tonic: int = 0) -> Melody:
        """Decode a token sequence up to ``<end>`` or its last token.

        Bar and metre tokens that agree with the count, or follow the last note, are ignored, and so are signs of form
        that follow from others, so that every sampled sequence of a valid prefix and music can be decoded. The number
        of bars in the prefix is ignored too.

        Args:
            tokens: Token ids, shape (T,).
            tonic: Pitch class of the melody's tonic, 0 to 11.

        Raises:
            ValueError: If an id is out of range, the prefix is malformed, or a control token is in the music.
        """
        ids = np.asarray(tokens, dtype=np.int64).reshape(-1)
        if ids.size and not 0 <= ids.min() <= ids.max() < len(self):
            raise ValueError(f"tokens are ids from 0 to {len(self) - 1}, got {ids.min()} to {ids.max()}")
        prefix, ids = ids[:PREFIX_LENGTH], ids[PREFIX_LENGTH:]
        groups = (self._corpora, self._kinds, self._bars, self._metres, self._modes, self._starts)
        if len(prefix) < PREFIX_LENGTH or any(token not in group for token, group in zip(prefix, groups, strict=True)):
            raise ValueError("a token sequence begins with corpus, kind, bars, metre, mode and start")
        slot, kind, _, metre_index, mode, start = (
            token - group.start for token, group in zip(prefix.tolist(), groups, strict=True)
        )
        metre, start = METRES[metre_index], STARTS[start]
        ends = np.flatnonzero(ids == self.end)
        ids = ids[: ends[0]] if len(ends) else ids[ids != self.pad]
        notes = self.is_note(ids)
        pitch = self.token_pitch[ids[notes]]
        pitches = np.where(pitch == self.rest_class, REST, pitch + LOWEST + MIDDLE_C + tonic)
        durations = self.token_ticks[ids[notes]]
        # A sampled prefix may start beyond the end of its bar; the decoded melody must be encodable.
        start = _known_start(start % metre.bar_ticks)
        departures = _departures(self._metres_at(ids, metre), durations, metre, start)
        if departures and departures[0].note == 0:
            metre, start = departures.pop(0).metre or metre, 0
        return Melody(
            pitches,
            durations,
            metre,
            start,
            departures,
            tonic,
            MODES[mode],
            corpus=self.corpora[slot] if slot < len(self.corpora) else self.corpora[0],
            form=simple_signs(self._marks_in(ids), len(durations)),
            kind=KINDS[kind],
        )

    def _marks_in(self, ids: IntArray) -> list[FormMark]:
        """Return the signs of form among the tokens of the music."""
        notes_before = np.cumsum(self.is_note(ids))
        return [
            FormMark(int(notes_before[index]), *SIGNS[int(ids[index]) - self.signs.start])
            for index in np.flatnonzero(self.is_sign(ids))
        ]

    def _metres_at(self, ids: IntArray, metre: Metre) -> dict[int, Metre]:
        """Return the metre in force from each note that follows bar or metre tokens."""
        notes_before = np.cumsum(self.is_note(ids))
        metres: dict[int, Metre] = {}
        for index in np.flatnonzero(~self.is_note(ids) & ~self.is_sign(ids)):
            token = int(ids[index])
            if token != self.bar and token not in self._metres:
                raise ValueError(f"{self.name(token)} is not allowed in the music")
            metre = metre if token == self.bar else METRES[token - self._metres.start]
            metres[int(notes_before[index])] = metre
        return metres


def _known_signs(melody: Melody) -> tuple[FormMark, ...]:
    """Return the signs of form that are encoded."""
    known = [mark for mark in melody.form if mark.sign is FormSign.PART or (mark.sign, mark.passes) in SIGNS]
    return simple_signs(known, len(melody), melody.part_order)


def _departures(metre_at: dict[int, Metre], durations: IntArray, metre: Metre, start: int) -> list[Departure]:
    """Return the departures among bar lines and metres before the given notes; note 0 is the beginning."""
    departures: list[Departure] = []
    begin, position = 0, start
    for note, new_metre in metre_at.items():
        is_counted = (position + int(durations[begin:note].sum())) % metre.bar_ticks == 0
        if note == len(durations) or (new_metre == metre and is_counted):
            continue
        departures.append(Departure(note, None if new_metre == metre else new_metre))
        begin, position, metre = note, 0, new_metre
    return departures


def _known_start(ticks: int) -> int:
    """Return the latest start that has a token and is no later than ``ticks``, and so within the same bar."""
    return max(start for start in STARTS if start <= ticks)


def _nearest(values: IntArray, classes: tuple[int, ...]) -> IntArray:
    sorted_classes = np.array(classes)
    upper = np.searchsorted(sorted_classes, values).clip(1, len(classes) - 1)
    below, above = sorted_classes[upper - 1], sorted_classes[upper]
    return np.asarray(np.where(values - below <= above - values, below, above), dtype=np.int64)

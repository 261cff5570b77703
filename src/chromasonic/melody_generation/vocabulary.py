"""Melody <-> token ids: one note is one token.

A token sequence is a prefix of ``PREFIX_LENGTH`` control tokens, then the music, then ``<end>``:

    <corpus:nottingham> <metre:6/8> <mode:major> <start:60>   note note note <bar> note ... <end>

Note tokens are the product of a pitch class and a duration class. Pitch is relative to the tonic in the
octave above middle C (or a rest), so a jig in D and the same jig in G are the same tokens. ``<bar>`` stands
only where a bar line departs from the count, and a metre token where the metre changes; both put the position
in the bar back to 0.

The vocabulary is fixed, so that a checkpoint trained on one corpus reads every other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from chromasonic.melody_generation.melody import MODES, REST, Departure, IntArray, Melody, Metre

PREFIX_LENGTH = 4
MIDDLE_C = 60

# Semitones from the tonic above middle C: what 13 800 folk tunes span, two octaves above it and one and more below.
LOWEST, HIGHEST = -15, 26
# Ticks: plain, dotted and triplet values from the triplet thirty-second to four whole notes, and their common ties.
DURATIONS = (
    *(2, 3, 4, 6, 8, 9, 12, 16, 18, 21, 24, 30, 32, 36, 42, 48, 54, 60, 66, 72, 84, 90, 96, 108, 120),
    *(132, 144, 168, 192, 240, 288, 384),
)
CORPORA = ("unknown", "synthetic", "nottingham", "oneills", "airds", "ryans", "essen")
_METRES = (
    "free 1/4 2/4 3/4 4/4 5/4 6/4 7/4 8/4 9/4 12/4 2/2 3/2 4/2 5/2 6/2 1/1 2/1 3/1 4/1 "
    "2/8 3/8 4/8 5/8 6/8 7/8 8/8 9/8 10/8 11/8 12/8 15/8 3/16 6/16 9/16 12/16"
)
METRES = tuple(Metre.parse(text) for text in _METRES.split())
_LONGEST_BAR = max(metre.bar_ticks for metre in METRES if metre.beats)
STARTS = tuple(ticks for ticks in range(_LONGEST_BAR) if ticks % 3 == 0 or ticks % 4 == 0)


@dataclass(frozen=True)
class FitResult:
    """A melody as the vocabulary can hold it, and what had to be changed.

    Attributes:
        melody: The melody, or None where it cannot be held.
        n_durations_rounded: Notes whose duration was moved to the nearest class.
        n_pitches_moved: Notes moved by octaves into the range.
        dropped_because: Why ``melody`` is None; empty otherwise.
    """

    melody: Melody | None
    n_durations_rounded: int = 0
    n_pitches_moved: int = 0
    dropped_because: str = ""


class NoteVocabulary:
    """The closed set of tokens; all instances are equal.

    Attributes:
        pitch_classes: Semitones above the tonic of each pitch class; one more, ``rest_class``, is a rest.
        duration_classes: Ticks of each duration class.
        token_pitch: Pitch class of each token, -1 where it is no note, shape (V,).
        token_duration: Duration class of each token, -1 where it is no note, shape (V,).
        token_ticks: Ticks that each token lasts, 0 for control tokens, shape (V,).
        token_start: Ticks into the bar that a ``<start>`` token names, -1 for all others, shape (V,).
        token_bar_ticks: Length of a bar under each metre token, -1 for all others, shape (V,).

    Example:
        >>> vocabulary = NoteVocabulary()
        >>> tokens = vocabulary.encode(Melody([62, 66, 69], [24, 24, 48], tonic=2))
        >>> [vocabulary.name(token) for token in tokens][3:]
        ['<start:0>', '+0/24', '+4/24', '+7/48', '<end>']
    """

    pad, end, bar, section = range(4)

    def __init__(self) -> None:
        self.pitch_classes = tuple(range(LOWEST, HIGHEST + 1))
        self.rest_class = len(self.pitch_classes)
        self.duration_classes = DURATIONS
        self._names = ["<pad>", "<end>", "<bar>", "<section>"]
        self._corpora = self._add(f"<corpus:{name}>" for name in CORPORA)
        self._metres = self._add(f"<metre:{metre}>" for metre in METRES)
        self._modes = self._add(f"<mode:{mode}>" for mode in MODES)
        self._starts = self._add(f"<start:{ticks}>" for ticks in STARTS)
        heights = [f"{semitones:+d}" for semitones in self.pitch_classes] + ["rest"]
        self.first_note = len(self._names)
        self._add(f"{height}/{ticks}" for height in heights for ticks in DURATIONS)

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

    def _add(self, names: Iterable[str]) -> range:
        begin = len(self._names)
        self._names.extend(names)
        return range(begin, len(self._names))

    def __len__(self) -> int:
        return len(self._names)

    @property
    def longest_bar(self) -> int:
        """Ticks: a position in the bar is always less than this."""
        return _LONGEST_BAR

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all tokens in order: equal where token ids mean the same."""
        return hashlib.sha256("\n".join(self._names).encode()).hexdigest()[:16]

    def name(self, token: int) -> str:
        """The token as a person reads it: ``<bar>``, or semitones above the tonic and ticks."""
        return self._names[token]

    def metre_token(self, metre: Metre) -> int:
        """The id of ``<metre:...>``.

        Raises:
            ValueError: If the vocabulary has no such metre; the message lists those it has.
        """
        if metre not in METRES:
            raise ValueError(f"no token for metre {metre}; there are {', '.join(map(str, METRES))}")
        return self._metres[METRES.index(metre)]

    def prefix(self, corpus: str, metre: Metre, mode: str, start: int) -> IntArray:
        """The control tokens before the first note, shape (PREFIX_LENGTH,).

        Raises:
            ValueError: If corpus, metre, mode or start has no token.
        """
        for value, known, noun in (
            (corpus, CORPORA, "corpus"),
            (mode, MODES, "mode"),
            (start, STARTS, "start position"),
        ):
            if value not in known:
                raise ValueError(f"no token for {noun} {value!r}; there are {', '.join(map(str, known))}")
        ids = (
            self._corpora[CORPORA.index(corpus)],
            self.metre_token(metre),
            self._modes[MODES.index(mode)],
            self._starts[STARTS.index(start)],
        )
        return np.array(ids, dtype=np.int64)

    def is_note(self, tokens: ArrayLike) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """True where a token is a note or a rest, of the shape of ``tokens``."""
        return np.asarray(tokens) >= self.first_note

    def fit(self, melody: Melody) -> FitResult:
        """Round durations, and move pitches by octaves, to what the vocabulary holds.

        A melody in a metre, or of a corpus, without a token is dropped. Bar lines are counted anew: those after a
        rounded note may move with it, up to the next departure, and what departed only by the rounding is left out.
        """
        missing = [metre for _, _, metre, _ in melody.segments if metre not in METRES]
        if missing:
            return FitResult(None, dropped_because=f"the metre {missing[0]} has no token")
        if melody.corpus not in CORPORA:
            return FitResult(None, dropped_because=f"the corpus {melody.corpus!r} has no token")
        durations = _nearest(melody.durations, DURATIONS)
        pitches = self._into_range(melody.pitches, melody.tonic)
        start = _known_start(melody.start)
        n_rounded = int((durations != melody.durations).sum()) + (start != melody.start)
        n_moved = int((pitches != melody.pitches).sum())
        if not n_rounded and not n_moved:
            return FitResult(melody)
        metre_at = {begin: metre for begin, _, metre, _ in melody.segments[1:]}
        departures = _departures(metre_at, durations, melody.metre, start)
        fitted = replace(melody, pitches=pitches, durations=durations, start=start, departures=tuple(departures))
        return FitResult(fitted, n_rounded, n_moved)

    def _into_range(self, pitches: IntArray, tonic: int) -> IntArray:
        relative = pitches - (MIDDLE_C + tonic)
        below = np.maximum(0, -(-(LOWEST - relative) // 12))
        above = np.maximum(0, -(-(relative - HIGHEST) // 12))
        return np.where(pitches == REST, REST, pitches + 12 * (below - above))

    def encode(self, melody: Melody) -> IntArray:
        """Token ids of a melody: prefix, notes, bar lines and metres where they depart, and ``<end>``.

        Raises:
            ValueError: If a metre, pitch, duration or start has no token; ``fit`` the melody first.
        """
        prefix = self.prefix(melody.corpus, melody.metre, melody.mode, melody.start)
        notes = self._note_tokens(melody)
        pieces: list[ArrayLike] = [prefix]
        bounds = [0, *(departure.note for departure in melody.departures), len(melody)]
        for index, (begin, end) in enumerate(pairwise(bounds)):
            if index:
                metre = melody.departures[index - 1].metre
                pieces.append([self.bar if metre is None else self.metre_token(metre)])
            pieces.append(notes[begin:end])
        return np.concatenate([*pieces, [self.end]]).astype(np.int64)

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
                "NoteVocabulary.fit rounds it to one that has"
            )
        return np.asarray(self.first_note + pitch * len(DURATIONS) + duration, dtype=np.int64)

    def decode(self, tokens: ArrayLike, tonic: int = 0) -> Melody:
        """The melody that a token sequence says, up to ``<end>`` or its last token.

        Bar and metre tokens that change nothing (also those after the last note) are left out, so a sampled
        sequence always decodes, as long as its prefix is right and only music follows.

        Raises:
            ValueError: If there is no such token, the prefix is not one, or a token after it is no music.
        """
        ids = np.asarray(tokens, dtype=np.int64).reshape(-1)
        if ids.size and not 0 <= ids.min() <= ids.max() < len(self):
            raise ValueError(f"tokens are whole numbers of 0 to {len(self) - 1}, got {ids.min()} to {ids.max()}")
        prefix, ids = ids[:PREFIX_LENGTH], ids[PREFIX_LENGTH:]
        groups = (self._corpora, self._metres, self._modes, self._starts)
        if len(prefix) < PREFIX_LENGTH or any(t not in g for t, g in zip(prefix, groups, strict=True)):
            raise ValueError("a token sequence begins with corpus, metre, mode and start")
        corpus, metre, mode, start = (
            values[token - group.start]
            for values, token, group in zip((CORPORA, METRES, MODES, STARTS), prefix, groups, strict=True)
        )
        ends = np.flatnonzero(ids == self.end)
        ids = ids[: ends[0]] if len(ends) else ids[ids != self.pad]
        notes = self.is_note(ids)
        pitch = self.token_pitch[ids[notes]]
        pitches = np.where(pitch == self.rest_class, REST, pitch + LOWEST + MIDDLE_C + tonic)
        durations = self.token_ticks[ids[notes]]
        # Only a prefix that no melody has starts past its bar's end; what it decodes to must still encode.
        start = _known_start(start % metre.bar_ticks)
        departures = _departures(self._metres_at(ids, metre), durations, metre, start)
        if departures and departures[0].note == 0:
            metre, start = departures.pop(0).metre or metre, 0
        return Melody(pitches, durations, metre, start, departures, tonic, mode, corpus=corpus)

    def _metres_at(self, ids: IntArray, metre: Metre) -> dict[int, Metre]:
        """The metre that holds from each note before which bar or metre tokens stand."""
        notes_before = np.cumsum(self.is_note(ids))
        found: dict[int, Metre] = {}
        for place in np.flatnonzero(~self.is_note(ids) & (ids != self.section)):
            token = int(ids[place])
            if token != self.bar and token not in self._metres:
                raise ValueError(f"{self.name(token)} cannot stand within the music")
            metre = metre if token == self.bar else METRES[token - self._metres.start]
            found[int(notes_before[place])] = metre
        return found


def _departures(metre_at: dict[int, Metre], durations: IntArray, metre: Metre, start: int) -> list[Departure]:
    """Those bar lines and metres that change the count; note 0 stands for the beginning itself."""
    found: list[Departure] = []
    begin, position = 0, start
    for note, new_metre in metre_at.items():
        counted = (position + int(durations[begin:note].sum())) % metre.bar_ticks == 0
        if note == len(durations) or (new_metre == metre and counted):
            continue
        found.append(Departure(note, None if new_metre == metre else new_metre))
        begin, position, metre = note, 0, new_metre
    return found


def _known_start(ticks: int) -> int:
    """The latest start that has a token and is no later than ``ticks``, hence within the same bar."""
    return max(start for start in STARTS if start <= ticks)


def _nearest(values: IntArray, classes: tuple[int, ...]) -> IntArray:
    known = np.array(classes)
    upper = np.searchsorted(known, values).clip(1, len(known) - 1)
    below, above = known[upper - 1], known[upper]
    return np.asarray(np.where(values - below <= above - values, below, above), dtype=np.int64)

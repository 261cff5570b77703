"""Divide the bits of a model by token, quarter of the tune, length of the earlier match, metre, key and tune.

Folk tunes repeat themselves. A model that can repeat needs few bits where an earlier passage of the tune returns, and
so fewer in the last quarter of a tune than in the first.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from chromasonic.melody_generation.evaluation.likelihood import TuneReading, TuneSums
from chromasonic.melody_generation.evaluation.record_parts import Diagnosis, DiagnosisPart, HardTune
from chromasonic.melody_generation.measures.bits_by_group import TokenGroup, group_tokens, group_tunes, tune_quarters
from chromasonic.melody_generation.measures.earlier_matches import longest_earlier_matches
from chromasonic.melody_generation.melody import IntArray, Melody
from chromasonic.melody_generation.vocabulary import NoteVocabulary

QUARTERS = ("first quarter", "second quarter", "third quarter", "last quarter")
# The shortest earlier match of each group, in tokens.
MATCHES_FROM = (0, 1, 3, 5, 8, 16)
# The earlier match from which a tune counts as repeating itself, in tokens.
COPIES_FROM = 8
N_HARDEST = 10

TOKEN_GROUPS = ("notes and rests", "signs of form", "bar lines, metres and end")
_TONICS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def diagnose(readings: Sequence[TuneReading], melodies: Sequence[Melody]) -> Diagnosis:
    """Divide the bits of all tunes; the parts of each division add up to the whole.

    Args:
        readings: The predictions of each tune.
        melodies: The tunes.
    """
    bits = np.concatenate([np.zeros(0), *(reading.bits for reading in readings)])
    is_note = np.concatenate([np.zeros(0, dtype=np.bool_), *(reading.is_note for reading in readings)])
    matches = np.concatenate([np.zeros(0, dtype=np.int64), *(matches_before(reading.tokens) for reading in readings)])
    quarter = np.concatenate([np.zeros(0, dtype=np.int64), *(tune_quarters(reading.is_note) for reading in readings)])
    by_match = np.searchsorted(MATCHES_FROM, matches, side="right") - 1
    is_new = (matches < COPIES_FROM).astype(np.int64)
    sums = TuneSums.of(readings)

    def by_tune(names: Sequence[str]) -> tuple[DiagnosisPart, ...]:
        return _records(group_tunes(sums.bits, sums.n_notes, names))

    return Diagnosis(
        quarter=_records(group_tokens(bits, is_note, quarter, QUARTERS)),
        match=_records(group_tokens(bits, is_note, by_match, match_names())),
        copying=_records(group_tokens(bits, is_note, is_new, (f"{COPIES_FROM} or more", f"under {COPIES_FROM}"))),
        metre=by_tune([str(melody.metre) for melody in melodies]),
        mode=by_tune([melody.mode for melody in melodies]),
        key=by_tune([f"{_TONICS[melody.tonic]} {melody.mode}" for melody in melodies]),
        hardest=_hardest(sums, melodies),
        token=_by_token(readings),
    )


def _by_token(readings: Sequence[TuneReading]) -> tuple[DiagnosisPart, ...]:
    """Return the bits of notes, of signs of form and of other tokens, each over all notes."""
    vocabulary = NoteVocabulary()
    bits, n_notes = np.zeros(len(TOKEN_GROUPS)), 0
    for reading in readings:
        is_sign = vocabulary.is_sign(reading.tokens)
        masks = (reading.is_note, is_sign, ~reading.is_note & ~is_sign)
        bits += [reading.bits[mask].sum() for mask in masks]
        n_notes += int(reading.is_note.sum())
    per_note = bits / n_notes if n_notes else np.full(len(bits), np.nan)
    counts = (n_notes, *(0 for _ in TOKEN_GROUPS[1:]))
    return tuple(map(DiagnosisPart, TOKEN_GROUPS, per_note.tolist(), bits.tolist(), counts))


def _records(parts: Iterable[TokenGroup]) -> tuple[DiagnosisPart, ...]:
    return tuple(map(DiagnosisPart.of, parts))


def matches_before(tokens: IntArray) -> IntArray:
    """Return, for every token, the length of the longest run of tokens right before it that occurred earlier.

    Args:
        tokens: The tokens of a tune, shape (S,).

    Returns:
        Lengths in tokens, shape (S,).
    """
    return np.concatenate([[0], longest_earlier_matches(tokens)])[: len(tokens)].astype(np.int64)


def match_names() -> list[str]:
    """Return the names of the groups of ``MATCHES_FROM``.

    Example:
        >>> match_names()[:3]
        ['none', '1 to 2', '3 to 4']
    """
    spans = itertools.pairwise(MATCHES_FROM[1:])
    return ["none", *(f"{begin} to {end - 1}" for begin, end in spans), f"{MATCHES_FROM[-1]} or more"]


def _hardest(sums: TuneSums, melodies: Sequence[Melody]) -> tuple[HardTune, ...]:
    per_note = sums.bits / np.maximum(1, sums.n_notes)
    return tuple(
        HardTune(
            index=int(index),
            title=melodies[index].title,
            source=melodies[index].source,
            bits_per_note=float(per_note[index]),
            n_notes=int(sums.n_notes[index]),
        )
        for index in np.argsort(-per_note, kind="stable")[:N_HARDEST]
    )

"""Where a model fails: its bits by quarter of the tune, by how much comes again, by metre and by key, and tune by tune.

A model that copies as folk tunes do needs few bits where an earlier stretch of the tune comes again, and so less in
a tune's last quarter than in its first.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from chromasonic.melody_generation.evaluation.likelihood import TuneReading, TuneSums
from chromasonic.melody_generation.measures.bits_by_group import TokenGroup, group_tokens, group_tunes, tune_quarters
from chromasonic.melody_generation.measures.earlier_matches import longest_earlier_matches
from chromasonic.melody_generation.measures.melody_scores import without_nan
from chromasonic.melody_generation.melody import IntArray, Melody

QUARTERS = ("first quarter", "second quarter", "third quarter", "last quarter")
# Lengths of the longest earlier match from which each group begins.
MATCHES_FROM = (0, 1, 3, 5, 8, 16)
# From how many tokens on the tune is said to repeat itself.
COPIES_FROM = 8
N_HARDEST = 10
# In tables: the rest are taken together.
N_SHOWN = 6

_TONICS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def diagnose(readings: Sequence[TuneReading], melodies: Sequence[Melody]) -> dict[str, Any]:
    """Divide what a model needed for tunes, in several ways; in each, the parts add up to the whole.

    Args:
        readings: How it read each tune.
        melodies: The tunes.

    Returns:
        Plain values; None for what is not defined. ``quarter``, ``match``, ``metre``, ``mode`` and ``key`` are lists of
        parts, each with ``name``, ``bits_per_note``, ``bits`` and ``notes``; ``copying`` has two, what follows a match
        of ``COPIES_FROM`` tokens or more and all else; ``hardest`` lists tunes with their ``place``.
    """
    bits, is_note, matches = (
        np.concatenate([np.zeros(0), *arrays])
        for arrays in (
            [each.bits for each in readings],
            [each.is_note for each in readings],
            [matches_before(each.tokens) for each in readings],
        )
    )
    is_note, matches = is_note.astype(np.bool_), matches.astype(np.int64)
    quarter = np.concatenate([np.zeros(0, dtype=np.int64), *(tune_quarters(each.is_note) for each in readings)])
    by_match = np.searchsorted(MATCHES_FROM, matches, side="right") - 1
    sums = TuneSums.of(readings)
    divisions: dict[str, Iterable[TokenGroup]] = {
        "quarter": group_tokens(bits, is_note, quarter, QUARTERS),
        "match": group_tokens(bits, is_note, by_match, match_names()),
        "copying": group_tokens(
            bits, is_note, (matches < COPIES_FROM).astype(np.int64), (f"{COPIES_FROM} or more", f"under {COPIES_FROM}")
        ),
    }
    for division, names in (
        ("metre", [str(melody.metre) for melody in melodies]),
        ("mode", [melody.mode for melody in melodies]),
        ("key", [f"{_TONICS[melody.tonic]} {melody.mode}" for melody in melodies]),
    ):
        divisions[division] = group_tunes(sums.bits, sums.n_notes, names)
    found: dict[str, Any] = {name: [part.to_dict() for part in parts] for name, parts in divisions.items()}
    plain: dict[str, Any] = without_nan(found | {"hardest": _hardest(sums, melodies)})
    return plain


def matches_before(tokens: IntArray) -> IntArray:
    """For each token, how long a stretch right before it had come before, in tokens, shape (S,)."""
    return np.concatenate([[0], longest_earlier_matches(tokens)])[: len(tokens)].astype(np.int64)


def match_names() -> list[str]:
    """What the groups of ``MATCHES_FROM`` are called.

    Example:
        >>> match_names()[:3]
        ['none', '1 to 2', '3 to 4']
    """
    spans = itertools.pairwise(MATCHES_FROM[1:])
    return ["none", *(f"{begin} to {end - 1}" for begin, end in spans), f"{MATCHES_FROM[-1]} or more"]


def _hardest(sums: TuneSums, melodies: Sequence[Melody]) -> list[dict[str, Any]]:
    per_note = sums.bits / np.maximum(1, sums.n_notes)
    return [
        {
            "place": int(place),
            "title": melodies[place].title,
            "source": melodies[place].source,
            "bits_per_note": float(per_note[place]),
            "notes": int(sums.n_notes[place]),
        }
        for place in np.argsort(-per_note, kind="stable")[:N_HARDEST]
    ]


def main_parts(parts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The first ``N_SHOWN`` parts, and the rest as one."""
    rest = parts[N_SHOWN:]
    if len(rest) < 2:
        return list(parts)
    bits, notes = (sum(part[key] or 0 for part in rest) for key in ("bits", "notes"))
    others = TokenGroup(f"{len(rest)} others", bits, notes).to_dict()
    return [*parts[:N_SHOWN], others]

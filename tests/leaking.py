"""Find variants of held-out tunes by sets of n-grams, independently of the package."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise

from chromasonic.melody_generation.measures.families import FAMILY_INTERVALS, SHARE
from chromasonic.melody_generation.melody import REST, Melody
from chromasonic.melody_generation.notation.titles import normalised_title


def variants_among(train: Sequence[Melody], held_out: Sequence[Melody]) -> list[int]:
    """Return the indices of training tunes that are variants of a held-out tune, by title or by notes."""
    titles = {normalised_title(tune.title) for tune in held_out} - {""}
    by_title = {index for index, tune in enumerate(train) if normalised_title(tune.title) in titles}
    return sorted(by_title | {index for index, _ in near_copies_by_hand(train, held_out, FAMILY_INTERVALS, SHARE)})


def near_copies_by_hand(
    melodies: Sequence[Melody], others: Sequence[Melody], n_intervals: int, share: float
) -> set[tuple[int, int]]:
    """Return all pairs of tunes that share more than a fraction of the smaller set of n-grams."""
    theirs = interval_sets(others, n_intervals)
    tunes_with = defaultdict(list)
    for other, ngrams in enumerate(theirs):
        for ngram in ngrams:
            tunes_with[ngram].append(other)
    pairs = set()
    for index, ngrams in enumerate(interval_sets(melodies, n_intervals)):
        shared = Counter(other for ngram in ngrams for other in tunes_with[ngram])
        pairs |= {(index, other) for other, n in shared.items() if n > share * min(len(ngrams), len(theirs[other]))}
    return pairs


def interval_sets(melodies: Sequence[Melody], n_intervals: int) -> list[set[tuple[int, ...]]]:
    """Return the set of n-grams of intervals of each melody, skipping rests."""
    sets = []
    for melody in melodies:
        sounding = [pitch for pitch in melody.pitches.tolist() if pitch != REST]
        steps = [second - first for first, second in pairwise(sounding)]
        sets.append({tuple(steps[begin : begin + n_intervals]) for begin in range(len(steps) - n_intervals + 1)})
    return sets


def grams(melody: Melody) -> set[tuple[int, ...]]:
    """Return all runs of 10 intervals, skipping rests."""
    sounding = [pitch for pitch in melody.pitches.tolist() if pitch >= 0]
    steps = [b - a for a, b in pairwise(sounding)]
    return {tuple(steps[begin : begin + 10]) for begin in range(len(steps) - 9)}


def title_of(melody: Melody) -> str:
    """Return the title in lower case, without its article."""
    title = melody.title.lower().strip()
    return title.removeprefix("the ").removesuffix(", the").strip()

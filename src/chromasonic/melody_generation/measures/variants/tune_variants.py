"""Find variants among tunes, or of tunes among others, by passages that they share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from chromasonic.melody_generation.measures.variants.beat_lines import BeatLines, beat_lines
from chromasonic.melody_generation.measures.variants.passages import share_passage
from chromasonic.melody_generation.measures.variants.shared_words import Candidates, SharedWords
from chromasonic.melody_generation.melody import IntArray, Melody


def variant_links(melodies: Sequence[Melody]) -> IntArray:
    """Return pairs of variants that connect the same tunes as all pairs would.

    Tunes that are connected already are not compared. Tunes with the same lines are linked to the first of them.

    Args:
        melodies: The tunes.

    Returns:
        Indices of the tunes, shape (number of pairs, 2).
    """
    words = SharedWords.of(beat_lines(melodies))
    first_of_equals = _first_of_equals(words, len(melodies))
    others = np.flatnonzero(first_of_equals != np.arange(len(melodies)))
    links = [np.stack([first_of_equals[others], others], axis=1)]
    distinct = [melody if first_of_equals[i] == i else Melody([], []) for i, melody in enumerate(melodies)]
    words = SharedWords.of(beat_lines(distinct)) if len(others) else words

    def groups() -> IntArray:
        return _components(len(melodies), links)

    links += [_variants(words.lines, candidates) for candidates in words.neighbours(groups())]
    for candidates in words.pairs(groups):
        links += [_variants(words.lines, candidates)]  # read by groups() before the next block
    return np.concatenate(links)


def first_variants(melodies: Sequence[Melody], others: Sequence[Melody]) -> IntArray:
    """Return the index of the first other tune of which each melody is a variant; -1 for none.

    Shape (number of melodies,).
    """
    words = SharedWords.of(beat_lines([*melodies, *others]))
    side = np.repeat([0, 1], [len(melodies), len(others)])
    first = np.full(len(melodies), len(others))
    for candidates in words.pairs(lambda: side):
        pairs = np.sort(_variants(words.lines, candidates), axis=1)
        np.minimum.at(first, pairs[:, 0], pairs[:, 1] - len(melodies))
    return np.where(first < len(others), first, -1)


def _variants(lines: BeatLines, candidates: Candidates) -> IntArray:
    """Return the pairs of tunes of those alignments that hold a passage, each once, shape (number of pairs, 2)."""
    found = share_passage(lines, candidates.first, candidates.second)
    samples = np.stack([candidates.first[found], candidates.second[found]], axis=1)
    return np.unique(lines.tunes[lines.line[samples]], axis=0)


def _first_of_equals(words: SharedWords, n_tunes: int) -> IntArray:
    """Return the first tune with the same lines as each tune that has a word; else the tune itself."""
    lines, first_of = words.lines, dict[bytes, int]()
    first = np.arange(n_tunes)
    own = np.flatnonzero(np.isin(lines.tunes, words.tunes))
    for line, following in own.reshape(-1, 2).tolist():
        samples = slice(lines.begins[line], lines.ends[following])
        sizes = np.array([lines.ticks[line], lines.is_compound[line], lines.upbeats[line], lines.bars[line]])
        key = sizes.tobytes() + lines.degrees[samples].tobytes() + lines.begun[samples].tobytes()
        first[lines.tunes[line]] = first_of.setdefault(key, int(lines.tunes[line]))
    return first


def _components(n: int, links: Sequence[IntArray]) -> IntArray:
    first, second = np.concatenate(links).T
    graph = sparse.coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)

"""Families of tunes: tunes that are variants of each other.

A model that was trained on one variant of a folk tune has seen the other variants. By rule 1, tunes belong to one
family if they have the same title, or share more than half of their 12-interval n-grams. N-grams of intervals ignore
key and rhythm, so that a variant in another key or another metre is recognised.

Rule 2 adds the tunes that share a passage of at least four bars at the same or half the speed, on any degree of the
scale, in any mode, with other notes between the beats (``measures.variants``), and
copies. It compares titles without the kind of tune, and leaves out titles that many tunes have: the title of a dance or
of a ballad does not make their melodies variants.

All pairs of variants may be as many as the square of the tunes. They are not kept: families need pairs that connect
them (``near_copy_links``), and a guard needs one pair for each tune (``first_sharing``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from chromasonic.melody_generation.measures.variants.tune_variants import variant_links
from chromasonic.melody_generation.melody import REST, IntArray, Melody, Metre
from chromasonic.melody_generation.notation.titles import normalised_title, tune_name

RULES = (1, 2)
FAMILY_RULE = 2  # the rule of families, splits and guards, unless another one is asked for
FAMILY_INTERVALS = 12
SHARE = 0.5
MAX_NAMESAKES = 8  # a title that more tunes have is that of a kind, a ballad or a player (rule 2)

_PAIRS_AT_ONCE = 4_000_000  # limits the memory of comparing tunes (about 12 bytes per pair)
_NGRAMS_AT_ONCE = 10_000_000  # the same for counting what pairs share


def tune_families(melodies: Sequence[Melody], rule: int = FAMILY_RULE) -> IntArray:
    """Return the family of each melody, numbered by first appearance, shape (number of melodies,).

    Tunes with the same title, or that are variants by the rule, are linked; a family is a connected component.

    Args:
        melodies: The tunes; families do not depend on their order.
        rule: 1 or 2, as described above.

    Raises:
        ValueError: If there is no such rule.
    """
    check_rule(rule)
    if not melodies:
        return np.zeros(0, dtype=np.int64)
    n = len(melodies)
    links = [near_copy_links(melodies, FAMILY_INTERVALS, SHARE)]
    if rule == 1:
        links.append(_same_title_links([normalised_title(melody.title) for melody in melodies]))
    else:
        copies = np.stack([np.array(first_copies(melodies)), np.arange(n)], axis=1)
        names = [tune_name(melody.title) for melody in melodies]
        links += [copies, _same_title_links(names, MAX_NAMESAKES), variant_links(melodies)]
    first, second = np.concatenate(links).T
    graph = sparse.coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(n, n))
    labels = connected_components(graph, directed=False)[1]
    _, first_indices, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first_indices))[inverse], dtype=np.int64)


def check_rule(rule: int) -> None:
    """Raise if there is no such rule of families.

    Raises:
        ValueError: If the rule is not one of ``RULES``.
    """
    if rule not in RULES:
        raise ValueError(f"a rule of families is {' or '.join(map(str, RULES))}, got {rule!r}")


def first_copies(melodies: Sequence[Melody]) -> list[int]:
    """Return for each melody the index of the first one with the same notes, metre and upbeat, in any key."""
    first: dict[tuple[bytes, bytes, Metre, int], int] = {}
    return [
        first.setdefault(
            (
                np.where(melody.pitches == REST, REST, melody.pitches - melody.tonic).tobytes(),
                melody.durations.tobytes(),
                melody.metre,
                melody.start,
            ),
            index,
        )
        for index, melody in enumerate(melodies)
    ]


def _same_title_links(names: Sequence[str], max_namesakes: int | None = None) -> IntArray:
    """Return pairs of each melody and the first melody of the same name, shape (number of pairs, 2).

    Names that are empty, or that more than ``max_namesakes`` melodies have, link none.
    """
    counts = Counter(names)
    first_of: dict[str, int] = {}
    links = []
    for index, name in enumerate(names):
        if name and (max_namesakes is None or counts[name] <= max_namesakes):
            links.append((first_of.setdefault(name, index), index))
    return np.array(links, dtype=np.int64).reshape(-1, 2)


def first_sharing(melodies: Sequence[Melody], others: Sequence[Melody], n_intervals: int) -> IntArray:
    """Return the index of the first other tune with which each melody shares an n-gram; -1 for none.

    Shape (number of melodies,).
    """
    grams = _interval_grams([*melodies, *others], n_intervals)
    n_others = len(others)
    ours, theirs = grams[: len(melodies)], grams[len(melodies) :].tocoo()
    first_with = np.full(grams.shape[1], n_others)
    np.minimum.at(first_with, theirs.coords[1], theirs.coords[0])
    first = np.full(len(melodies), n_others)
    np.minimum.at(first, _row_of(ours), first_with[ours.indices])
    return np.where(first < n_others, first, -1)


def near_copy_links(melodies: Sequence[Melody], n_intervals: int, share: float) -> IntArray:
    """Return pairs of near copies that connect the same tunes as all pairs would.

    Near copies share more than ``share`` of the smaller set of n-grams. Tunes with equal sets are linked to the first
    of them. Any other near copies share one of the rarest n-grams of the smaller tune, since the others alone would be
    too few (prefix filtering; Chaudhuri et al. 2006). Tunes that are connected already are not compared.

    Args:
        melodies: The tunes.
        n_intervals: The length of the n-grams; a tune needs ``n_intervals + 1`` notes to have one.
        share: Fraction of the n-grams, from 0 to below 1.

    Returns:
        Indices of the tunes, shape (number of pairs, 2).
    """
    grams = _interval_grams(melodies, n_intervals)
    first_of_equals, equal_links = _equal_rows(grams)
    grams = grams[first_of_equals]
    links = _links_of_neighbours(grams, share)
    for candidates in _candidates(grams, _rarest(grams, share), _components(grams, [links])):
        family = _components(grams, [links])
        unconnected = candidates[family[candidates[:, 0]] != family[candidates[:, 1]]]
        links = np.concatenate([links, _near_copies(grams, unconnected, share)])
    return np.concatenate([equal_links, first_of_equals[links]])


def _equal_rows(grams: sparse.csr_array) -> tuple[IntArray, IntArray]:
    """Return the first row of each set of n-grams, and pairs of it and each other row of that set.

    Rows without n-grams are left out.
    """
    first_of: dict[bytes, int] = {}
    links = []
    for row, (begin, end) in enumerate(zip(grams.indptr, grams.indptr[1:], strict=False)):
        if begin < end:
            first = first_of.setdefault(grams.indices[begin:end].tobytes(), row)
            if first < row:
                links.append((first, row))
    return np.array(list(first_of.values()), dtype=np.int64), np.array(links, dtype=np.int64).reshape(-1, 2)


def _components(grams: sparse.csr_array, links: Sequence[IntArray]) -> IntArray:
    first, second = np.concatenate(links).T
    n = grams.shape[0]
    graph = sparse.coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _links_of_neighbours(grams: sparse.csr_array, share: float) -> IntArray:
    """Return the near copies among tunes that follow each other among all tunes with an n-gram.

    They are at most as many as the n-grams of all tunes, and connect most families.
    """
    by_gram = grams.tocsc()
    pairs = np.stack([by_gram.indices[:-1], by_gram.indices[1:]], axis=1).astype(np.int64)
    within = np.ones(len(pairs), dtype=bool)
    ends = by_gram.indptr[1:-1]
    within[ends[(ends > 0) & (ends <= len(pairs))] - 1] = False  # not from one n-gram into the next
    return _near_copies(grams, _unique_pairs(pairs[within], grams.shape[0]), share)


def _rarest(grams: sparse.csr_array, share: float) -> NDArray[np.bool_]:
    """Return which n-grams of a tune are so many of its rarest that no near copy of its size or more has none of them.

    Shape (number of n-grams of all tunes,).
    """
    counts = np.bincount(grams.indices, minlength=grams.shape[1])
    rank = np.empty(len(counts), dtype=np.int64)
    rank[np.argsort(counts, kind="stable")] = np.arange(len(counts))
    row = _row_of(grams)
    order = np.lexsort((rank[grams.indices], row))
    sizes = np.diff(grams.indptr)
    position = np.arange(len(order)) - grams.indptr[row]
    rarest = np.zeros(len(order), dtype=bool)
    rarest[order] = position < (sizes - np.floor(share * sizes).astype(np.int64))[row]
    return rarest


def _candidates(grams: sparse.csr_array, rarest: NDArray[np.bool_], family: IntArray) -> Iterator[IntArray]:
    """Yield blocks of pairs of rows that share an n-gram that is rare for one of them, and may differ in family.

    Of a pair of different families, one is not of the family that has most of the tunes with that n-gram.
    """
    other = family[_row_of(grams)] != _largest_family(grams, family)[grams.indices]
    for rows, columns in ((rarest & other, np.ones_like(other)), (other, rarest)):
        for begin, shared in _products(_where(grams, rows), _where(grams, columns)):
            row, column = shared.coords
            yield _unique_pairs(np.stack([begin + row, column], axis=1).astype(np.int64), grams.shape[0])


def _largest_family(grams: sparse.csr_array, family: IntArray) -> IntArray:
    """Return the family that has most of the tunes with each n-gram, shape (number of n-grams,)."""
    pairs, counts = np.unique(np.stack([grams.indices, family[_row_of(grams)]]), axis=1, return_counts=True)
    largest = np.full(grams.shape[1], -1)
    order = np.argsort(counts, kind="stable")
    largest[pairs[0, order]] = pairs[1, order]  # the last one stays
    return largest


def _where(grams: sparse.csr_array, marks: NDArray[np.bool_]) -> sparse.csr_array:
    """Return the matrix with the marked entries alone."""
    entries = (grams.data[marks], (_row_of(grams)[marks], grams.indices[marks]))
    return sparse.csr_array(entries, shape=grams.shape)


def _products(rows: sparse.csr_array, columns: sparse.csr_array) -> Iterator[tuple[int, Any]]:
    """Yield the product of two matrices in blocks of rows: the first row, and the block."""
    by_gram = columns.T.tocsr()
    # Cumulative number of pairs up to each row, before pairs of the same two tunes are added up.
    pairs_before = np.concatenate([[0], np.cumsum(np.diff(by_gram.indptr)[rows.indices])])[rows.indptr]
    begin, n_rows = 0, len(pairs_before) - 1
    while begin < n_rows:
        within = np.searchsorted(pairs_before, pairs_before[begin] + _PAIRS_AT_ONCE, side="right") - 1
        end = max(begin + 1, int(within))
        yield begin, (rows[begin:end] @ by_gram).tocoo()
        begin = end


def _unique_pairs(pairs: IntArray, n: int) -> IntArray:
    """Return each pair of two different rows once, in either order."""
    first, second = pairs.min(axis=1), pairs.max(axis=1)
    codes = np.unique((first * n + second)[first < second])
    return np.stack([codes // max(n, 1), codes % max(n, 1)], axis=1)


def _near_copies(grams: sparse.csr_array, pairs: IntArray, share: float) -> IntArray:
    """Return those of the pairs that share more than ``share`` of the smaller set of n-grams."""
    sizes = np.diff(grams.indptr)
    largest = int(sizes.max(initial=1))
    kept = []
    for begin in range(0, len(pairs), max(1, _NGRAMS_AT_ONCE // largest)):
        first, second = pairs[begin : begin + max(1, _NGRAMS_AT_ONCE // largest)].T
        shared = np.asarray(grams[first].multiply(grams[second]).sum(axis=1)).ravel()
        enough = shared > share * np.minimum(sizes[first], sizes[second])
        kept.append(np.stack([first, second], axis=1)[enough])
    return np.concatenate([np.zeros((0, 2), dtype=np.int64), *kept])


def _row_of(grams: sparse.csr_array) -> IntArray:
    """Return the row of each n-gram of all tunes."""
    return np.repeat(np.arange(grams.shape[0]), np.diff(grams.indptr))


def _interval_grams(melodies: Sequence[Melody], n_intervals: int) -> sparse.csr_array:
    """Return a matrix with 1 for every n-gram of a melody's intervals, shape (number of melodies, number of n-grams).

    Intervals go from one note to the next, rests skipped. N-grams are identified by a 64-bit hash: the probability
    of a collision among a million of them is 3 in 100 million.
    """
    sounding = [melody.pitches[melody.pitches != REST] for melody in melodies]
    tune = np.repeat(np.arange(len(melodies)), [len(pitches) for pitches in sounding])
    intervals = np.diff(np.concatenate([np.zeros(0, dtype=np.int64), *sounding])).astype(np.uint64)
    n_grams = max(0, len(intervals) - n_intervals + 1)
    codes = _hashes(intervals, n_intervals, n_grams)
    whole = tune[:n_grams] == tune[n_intervals : n_intervals + n_grams]  # not from one tune into the next
    unique_codes, columns = np.unique(codes[whole], return_inverse=True)
    marks = np.ones(len(columns), dtype=np.int32)
    shape = (len(melodies), len(unique_codes))
    grams = sparse.csr_array((marks, (tune[:n_grams][whole], columns)), shape=shape)
    grams.sum_duplicates()
    grams.data[:] = 1
    grams.sort_indices()
    return grams


def _hashes(intervals: NDArray[np.uint64], n_intervals: int, n_grams: int) -> NDArray[np.uint64]:
    """Return a hash of every n-gram: the sum of intervals times large odd weights per position, modulo 2 to the 64."""
    weights = np.random.default_rng(0).integers(1 << 63, size=n_intervals, dtype=np.uint64) | np.uint64(1)
    codes = np.zeros(n_grams, dtype=np.uint64)
    for offset, weight in enumerate(weights):
        codes += weight * intervals[offset : offset + n_grams]
    return codes

"""Families of tunes: tunes that are variants of each other.

A model that was trained on one variant of a folk tune has seen the other variants. Tunes belong to one family if they
have the same title, or share more than half of their 12-interval n-grams. N-grams of intervals ignore key and rhythm,
so that a variant in another key or another metre is recognised.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from chromasonic.melody_generation.melody import REST, IntArray, Melody

FAMILY_INTERVALS = 12
SHARE = 0.5

_PAIRS_AT_ONCE = 4_000_000  # limits the memory of comparing all tunes (about 12 bytes per pair)

_TRAILING_PARENTHESIS = re.compile(r"\s*[(\[][^()\[\]]*[)\]][\s.]*$")
_TRAILING_NUMBER = re.compile(
    r" (?:(?:version|setting|variation) \w+|\w+ (?:version|setting|variation)"
    r"|(?:(?:no|nr|number|v) )?\d+[a-z]{0,2}|ii|iii|iv)$"
)
_OUTER_ARTICLE = re.compile(r"^the (?=.)|(?<=.) the$")
# Words that name a kind of tune, not a tune: a title of these words alone does not identify a tune.
_KINDS = """
    jig slip reel hornpipe polka waltz march slide strathspey schottische mazurka galop quadrille
    cotillon cotillion quickstep quick step dance barn set country clog fling minuet
    ballad ballade lied kinderlied volkslied air aire tune tunes melody song theme piece
    part track example exercise untitled unknown unnamed anonymous anon missing title name named
    traditional trad ditto do
    irish scottish scotch english welsh french german spanish american favorite favourite old new
    a an the in of and for no not major minor flute violin fiddle
"""
_GENERIC = frozenset(_KINDS.split())


def tune_families(melodies: Sequence[Melody]) -> IntArray:
    """Return the family of each melody, numbered by first appearance, shape (number of melodies,).

    Tunes with the same title or with more than half of their n-grams in common are linked; a family is a connected
    component.
    """
    if not melodies:
        return np.zeros(0, dtype=np.int64)
    n = len(melodies)
    links = [_same_title_links(melodies), *near_copies(melodies)]
    first, second = np.concatenate(links).T
    graph = sparse.coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(n, n))
    labels = connected_components(graph, directed=False)[1]
    _, first_indices, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first_indices))[inverse], dtype=np.int64)


def normalised_title(title: str) -> str:
    """Return a title without the parts in which variants of a tune differ; empty if it identifies no tune.

    Case, accents, punctuation, an outer "the", and a number, version or parenthesis at the end are removed.

    Example:
        >>> normalised_title("The Keel Row (2)"), normalised_title("Keel Row, The - version 2")
        ('keel row', 'keel row')
        >>> normalised_title("Irish Jig No. 3")
        ''
    """
    text = "".join(c for c in unicodedata.normalize("NFKD", title) if not unicodedata.combining(c)).casefold()
    text = re.sub("['`\N{RIGHT SINGLE QUOTATION MARK}]", "", text)
    text = _remove_repeatedly(_TRAILING_PARENTHESIS, text)
    text = " ".join(re.sub(r"[\W_]+", " ", text).split())
    text = _remove_repeatedly(_OUTER_ARTICLE, _remove_repeatedly(_TRAILING_NUMBER, text))
    if all(word in _GENERIC or word.isdigit() or len(word) == 1 for word in text.split()):
        return ""
    return text


def _remove_repeatedly(pattern: re.Pattern[str], text: str) -> str:
    shorter = pattern.sub("", text)
    return text if shorter == text else _remove_repeatedly(pattern, shorter)


def _same_title_links(melodies: Sequence[Melody]) -> IntArray:
    """Return pairs of each melody and the first melody of the same title, shape (number of pairs, 2)."""
    first_of: dict[str, int] = {}
    links = []
    for index, melody in enumerate(melodies):
        if title := normalised_title(melody.title):
            links.append((first_of.setdefault(title, index), index))
    return np.array(links, dtype=np.int64).reshape(-1, 2)


def near_copies(
    melodies: Sequence[Melody],
    other_melodies: Sequence[Melody] | None = None,
    *,
    n_intervals: int = FAMILY_INTERVALS,
    share: float = SHARE,
) -> Iterator[IntArray]:
    """Yield the pairs of tunes that share more than ``share`` of the smaller set of n-grams.

    Args:
        melodies: The tunes.
        other_melodies: The tunes to compare them with; None compares them with each other.
        n_intervals: The length of the n-grams; a tune needs ``n_intervals + 1`` notes to have one.
        share: Fraction of the n-grams; with 0 a single common n-gram suffices.

    Yields:
        Blocks of pairs (index in ``melodies``, index in the other tunes), shape (number of pairs, 2). Blocks limit
        memory, since an n-gram that n tunes share makes n squared pairs.
    """
    grams = _interval_grams([*melodies, *(other_melodies or ())], n_intervals)
    rows, columns = (grams, grams) if other_melodies is None else (grams[: len(melodies)], grams[len(melodies) :])
    sizes, other_sizes = np.diff(rows.indptr), np.diff(columns.indptr)
    by_gram = columns.T.tocsr()
    # Cumulative number of pairs up to each row, before pairs of the same two tunes are added up.
    pairs_before = np.concatenate([[0], np.cumsum(np.diff(by_gram.indptr)[rows.indices])])[rows.indptr]
    begin = 0
    while begin < len(sizes):
        within = np.searchsorted(pairs_before, pairs_before[begin] + _PAIRS_AT_ONCE, side="right") - 1
        end = max(begin + 1, int(within))
        shared = (rows[begin:end] @ by_gram).tocoo()
        row, other = shared.coords
        enough = shared.data > share * np.minimum(sizes[begin + row], other_sizes[other])
        yield np.stack([begin + row[enough], other[enough]], axis=1).astype(np.int64)
        begin = end


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
    return grams


def _hashes(intervals: NDArray[np.uint64], n_intervals: int, n_grams: int) -> NDArray[np.uint64]:
    """Return a hash of every n-gram: the sum of intervals times large odd weights per position, modulo 2 to the 64."""
    weights = np.random.default_rng(0).integers(1 << 63, size=n_intervals, dtype=np.uint64) | np.uint64(1)
    codes = np.zeros(n_grams, dtype=np.uint64)
    for offset, weight in enumerate(weights):
        codes += weight * intervals[offset : offset + n_grams]
    return codes

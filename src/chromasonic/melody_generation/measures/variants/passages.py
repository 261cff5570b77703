"""Score the best passage that two tunes share along one alignment of their beats.

An alignment lays the beats of one line on those of another, with a constant shift of degrees. Its score is the largest
sum of the scores of consecutive beats (a local alignment without gaps; Altschul et al., Basic local alignment search
tool, 1990). Scores are bits: the log-odds, in variants against unrelated tunes, of what two tunes have at a
subdivision. They were measured on 1747 pairs of passages of Nottingham, O'Neill's, Aird's, Ryan's and Ceol Rince, and
softened, since those pairs were found by their likeness. Notes that only one tune has between beats, such as
ornaments, cost little. What both tunes repeat within the passage counts once, so that two tunes of one figure do not
resemble each other by playing it often.

The odds of the position are added: variants mostly have the same tonic and speed, and the passage at the same place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chromasonic.melody_generation.measures.variants.beat_lines import N_DEGREES, N_SUBDIVISIONS, BeatLines
from chromasonic.melody_generation.melody import IntArray

THRESHOLD = 500  # tenths of a bit; unrelated tunes of 19 000 hardly ever reach it
MIN_BEATS = (16, 8)  # length of a passage in simple and compound metre: four bars of 4/4 or of 6/8

_CELLS = 400_000  # limits the memory of scoring (about 60 bytes for each beat of an alignment)
# Tenths of a bit by what two notes are (rows: both begun; one begun; none begun; both begun and repeated; both begun
# and a return) and by the distance of their degrees, 0 to 3.
_ON_BEAT = ((23, -15, -15, -20), (10, -5, -7, -12), (5, -5, -5, -5), (7, -15, -15, -15), (12, 0, 0, 0))
_WITHIN_BEAT = ((23, -12, -14, -18), (2, 3, 0, -8), (5, -5, -5, -5), (7, -15, -15, -15), (12, 0, 0, 0))
_TABLES = np.array([_ON_BEAT, _WITHIN_BEAT, _WITHIN_BEAT], dtype=np.int32)
_BOTH_BEGUN, _ONE_BEGUN, _NONE_BEGUN, _REPEATED, _RETURN = range(5)
_DISTANCE = np.array([0, 1, 2, 3, 3, 2, 1])  # of two degrees by their difference modulo 7

_SAME_TONIC, _OTHER_TONIC = 15, -30
_SAME_SPEED, _OTHER_SPEED = 15, -30
_SAME_PLACE, _SAME_PHRASE, _SAME_BAR, _ELSEWHERE = 40, 10, -20, -40
_PHRASE_BARS = 4
_WHOLE_TUNE, _WHOLE_SHARE = 80, 0.65  # if the passage is at the same place and most of both tunes
_MOST_ODDS = _SAME_TONIC + _SAME_SPEED + _SAME_PLACE + _WHOLE_TUNE


@dataclass(frozen=True)
class _Alignments:
    """A block of alignments, N of up to M beats.

    Attributes:
        first: Sample of the first line at each beat, clipped to the line, shape (N, M).
        second: The same of the second line.
        inside: Whether the beat is in both lines, shape (N, M).
        shift: Degrees of the first line above the second, shape (N,).
    """

    first: IntArray
    second: IntArray
    inside: NDArray[np.bool_]
    shift: IntArray


def share_passage(lines: BeatLines, first: IntArray, second: IntArray) -> NDArray[np.bool_]:
    """Return whether the alignments that lay a sample on another hold a passage of variants.

    Args:
        lines: The lines of all tunes.
        first: Samples, shape (N,).
        second: The samples of other tunes at the same beat of each alignment, with the same shift of degrees.

    Returns:
        Shape (N,); the same if first and second are exchanged.
    """
    back = np.minimum(first - lines.begins[lines.line[first]], second - lines.begins[lines.line[second]])
    ahead = np.minimum(lines.ends[lines.line[first]] - first, lines.ends[lines.line[second]] - second)
    found = np.zeros(len(first), dtype=bool)
    order = np.argsort(back + ahead, kind="stable")
    begin = 0
    while begin < len(order):
        # Blocks of alignments of about the same length, sized by the longest.
        longest = int((back + ahead)[order[min(begin + _CELLS // 64, len(order)) - 1]])
        rows = order[begin : begin + max(1, _CELLS // max(longest, 64))]
        begin += len(rows)
        found[rows] = _of_block(lines, first[rows] - back[rows], second[rows] - back[rows], back[rows], ahead[rows])
    return found


def _of_block(
    lines: BeatLines, first: IntArray, second: IntArray, back: IntArray, ahead: IntArray
) -> NDArray[np.bool_]:
    """Return the same for alignments given by their first beats, and the beats to and from the given samples."""
    lengths = back + ahead
    beat = np.arange(int(lengths.max()))
    inside = beat < lengths[:, None]
    clipped = np.where(inside, beat, 0)
    shift = (lines.degrees[first + back, 0] - lines.degrees[second + back, 0]) % N_DEGREES
    block = _Alignments(first[:, None] + clipped, second[:, None] + clipped, inside, shift.astype(np.int64))
    scores = _beat_scores(lines, block)
    scores[~inside] = -1_000_000
    after = np.cumsum(scores, axis=1, dtype=np.int64)
    before = after - scores
    gains = after - np.minimum.accumulate(before, axis=1)
    last = gains.argmax(axis=1)
    rows = np.flatnonzero(gains[np.arange(len(last)), last] >= THRESHOLD - _MOST_ODDS)
    found = np.zeros(len(first), dtype=bool)
    if len(rows):
        upto = np.where(beat <= last[rows, None], before[rows], np.iinfo(np.int64).max)
        start = len(beat) - 1 - np.argmin(upto[:, ::-1], axis=1)
        found[rows] = _is_enough(lines, block, scores, rows, start, last[rows])
    return found


def _beat_scores(lines: BeatLines, block: _Alignments) -> NDArray[np.int32]:
    """Return the score of each beat of each alignment, shape (N, M)."""
    scores = np.zeros(block.first.shape, dtype=np.int32)
    for part in range(N_SUBDIVISIONS):
        ours, theirs = lines.degrees[block.first, part], lines.degrees[block.second, part]
        known = (ours >= 0) & (theirs >= 0)
        if not known.any():
            continue
        distance = _DISTANCE[(ours - theirs - block.shift[:, None]) % N_DEGREES]
        begun, also_begun = lines.begun[block.first, part], lines.begun[block.second, part]
        kind = np.where(begun & also_begun, _BOTH_BEGUN, np.where(begun | also_begun, _ONE_BEGUN, _NONE_BEGUN))
        both = kind == _BOTH_BEGUN
        returns = both & (distance == 0) & lines.returns[block.first, part] & lines.returns[block.second, part]
        repeats = both & lines.repeats[block.first, part] & lines.repeats[block.second, part]
        kind = np.where(repeats, _REPEATED, np.where(returns, _RETURN, kind))
        scores += np.where(known, _TABLES[part, kind, distance], 0)
    return scores


def _is_enough(
    lines: BeatLines, block: _Alignments, scores: NDArray[np.int32], rows: IntArray, start: IntArray, last: IntArray
) -> NDArray[np.bool_]:
    """Return whether passages from beat ``start`` to ``last`` of some rows are long enough and unlikely by chance."""
    beat = np.arange(scores.shape[1])
    first, second = block.first[rows], block.second[rows]
    each = np.arange(len(rows))
    new = (lines.earlier[first] < first[each, start][:, None]) | (lines.earlier[second] < second[each, start][:, None])
    counted = new & (beat >= start[:, None]) & (beat <= last[:, None])
    evidence = np.where(counted, scores[rows], 0).sum(axis=1)
    n_beats = last - start + 1
    evidence += _odds_of_position(lines, first[:, 0], second[:, 0], block.shift[rows], n_beats)
    is_compound = lines.is_compound[lines.line[first[:, 0]]]
    long_enough = n_beats >= np.where(is_compound, MIN_BEATS[1], MIN_BEATS[0])
    return np.asarray(long_enough & (evidence >= THRESHOLD))


def _odds_of_position(
    lines: BeatLines, first: IntArray, second: IntArray, shift: IntArray, n_beats: IntArray
) -> IntArray:
    """Return the log-odds of alignments by tonic, speed and place, in tenths of a bit."""
    ours, theirs = lines.line[first], lines.line[second]
    place = (first - lines.begins[ours] - lines.upbeats[ours]) - (second - lines.begins[theirs] - lines.upbeats[theirs])
    bar = np.maximum(lines.bars[ours], lines.bars[theirs])
    bar = np.where(bar > 0, bar, 4)
    in_phrase, in_bar = place % (_PHRASE_BARS * bar) == 0, place % bar == 0
    odds = np.where(in_phrase, _SAME_PHRASE, np.where(in_bar, _SAME_BAR, _ELSEWHERE))
    odds = np.where(place == 0, _SAME_PLACE, odds)
    sizes = np.maximum(lines.ends[ours] - lines.begins[ours], lines.ends[theirs] - lines.begins[theirs])
    odds += np.where((place == 0) & (n_beats >= _WHOLE_SHARE * sizes), _WHOLE_TUNE, 0)
    odds += np.where(shift == 0, _SAME_TONIC, _OTHER_TONIC)
    odds += np.where(lines.ticks[ours] == lines.ticks[theirs], _SAME_SPEED, _OTHER_SPEED)
    return odds

"""Scores of alignments, compared with all segments of each, one at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.made_tunes import JIG, REEL, in_minor, joined, ornamented, slower, walking_tune, with_tonic

from chromasonic.melody_generation.measures.variants import passages
from chromasonic.melody_generation.measures.variants.beat_lines import BeatLines, beat_lines
from chromasonic.melody_generation.measures.variants.passages import share_passage
from chromasonic.melody_generation.measures.variants.shared_words import SharedWords
from chromasonic.melody_generation.melody import Melody


def beat_score(lines: BeatLines, first: int, second: int, shift: int) -> int:
    """Return the score of one beat, in tenths of a bit, by the table of the module."""
    score = 0
    for part in range(3):
        ours, theirs = int(lines.degrees[first, part]), int(lines.degrees[second, part])
        if min(ours, theirs) < 0:
            continue
        difference = (ours - theirs - shift) % 7
        distance = min(difference, 7 - difference)
        n_begun = int(lines.begun[first, part]) + int(lines.begun[second, part])
        row = 2 - n_begun
        if n_begun == 2 and lines.repeats[first, part] and lines.repeats[second, part]:
            row = 3
        elif n_begun == 2 and distance == 0 and lines.returns[first, part] and lines.returns[second, part]:
            row = 4
        score += int(passages._TABLES[part, row, distance])
    return score


def holds_passage(lines: BeatLines, first: int, second: int) -> bool:
    """Return whether the best segment of an alignment is a passage of variants, by trying all segments."""
    ours, theirs = int(lines.line[first]), int(lines.line[second])
    shift = (int(lines.degrees[first, 0]) - int(lines.degrees[second, 0])) % 7
    back = min(first - lines.begins[ours], second - lines.begins[theirs])
    n = back + min(lines.ends[ours] - first, lines.ends[theirs] - second)
    a, b = first - back, second - back
    scores = [beat_score(lines, a + beat, b + beat, shift) for beat in range(n)]
    sums = np.concatenate([[0], np.cumsum(scores)])
    # The largest sum; of equal ones, the first to end, and the shortest.
    _, last, minus_start = max(
        (sums[end] - sums[start], -end, start) for end in range(1, n + 1) for start in range(end)
    )
    start, end = minus_start, -last
    evidence = sum(
        scores[beat]
        for beat in range(start, end)
        if lines.earlier[a + beat] < a + start or lines.earlier[b + beat] < b + start
    )
    place = (a - lines.begins[ours] - lines.upbeats[ours]) - (b - lines.begins[theirs] - lines.upbeats[theirs])
    bar = max(lines.bars[ours], lines.bars[theirs])
    sizes = [lines.ends[line] - lines.begins[line] for line in (ours, theirs)]
    evidence += 40 if place == 0 else 10 if place % (4 * bar) == 0 else -20 if place % bar == 0 else -40
    evidence += 80 if place == 0 and end - start >= 0.65 * max(sizes) else 0
    evidence += 15 if shift == 0 else -30
    evidence += 15 if lines.ticks[ours] == lines.ticks[theirs] else -30
    return bool(evidence >= 500 and end - start >= (8 if lines.is_compound[ours] else 16))


def pairs_of_tunes(seed: int) -> list[Melody]:
    """Return a tune, near and far variants of it, and tunes that share some bars with it."""
    metre = (JIG, REEL)[seed % 2]
    tune, other = walking_tune(seed, metre, n_bars=8), walking_tune(seed + 500, metre, n_bars=8)
    half = int(np.flatnonzero(tune.positions == 0)[4])
    return [
        tune,
        ornamented(tune, seed, share=0.7),
        ornamented(slower(in_minor(tune)), seed),
        joined(other, with_tonic(tune, 2).window(0, half)),
        joined(tune.window(0, half), other),
        joined(*[tune.window(0, half)] * 2, other),
    ]


@settings(max_examples=20)
@given(st.integers(0, 200), st.integers(20, 200))
def test_passages_are_those_of_a_comparison_of_all_segments(seed: int, cells: int) -> None:
    lines = beat_lines(pairs_of_tunes(seed))
    blocks = list(SharedWords.of(lines).pairs(lambda: np.arange(6)))
    first, second = (np.concatenate([block[side] for block in blocks]) for side in (0, 1))
    expected = [holds_passage(lines, int(a), int(b)) for a, b in zip(first, second, strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passages, "_CELLS", cells)
        assert share_passage(lines, first, second).tolist() == expected
        assert share_passage(lines, second, first).tolist() == expected


def test_some_alignments_hold_a_passage_and_some_do_not() -> None:
    lines = beat_lines([tune for seed in range(4) for tune in pairs_of_tunes(seed)])
    found = [share_passage(lines, *block) for block in SharedWords.of(lines).pairs(lambda: np.arange(24))]
    assert 0.1 < np.concatenate(found).mean() < 0.9


def test_no_alignments() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    assert share_passage(beat_lines([walking_tune(1)]), nothing, nothing).tolist() == []

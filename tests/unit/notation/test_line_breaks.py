from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from tests.strategies import melodies

from chromasonic.melody_generation.melody import REST, Melody, Metre
from chromasonic.melody_generation.notation.beams import beam_groups
from chromasonic.melody_generation.notation.line_breaks import line_segments
from chromasonic.melody_generation.notation.score import split_measures


def lengths(durations: list[int], metre: str = "free") -> list[list[int]]:
    measures = split_measures(Melody([60] * len(durations), durations, Metre.parse(metre)))
    return [
        [symbol.ticks for group in segment for symbol in group]
        for measure in measures
        for segment in line_segments(measure)
    ]


@pytest.mark.parametrize(
    ("durations", "segments"),
    [
        ([24] * 20, [[24] * 8, [24] * 8, [24] * 4]),
        ([96, 96, 48, 48], [[96, 96], [48, 48]]),
        ([24] * 7 + [12] * 4, [[24] * 7 + [12] * 2, [12] * 2]),  # not under a beam
        ([24] * 7 + [8] * 3 + [24], [[24] * 7 + [8] * 3, [24]]),  # not in a triplet
        ([24] * 7 + [120, 24], [[24] * 7 + [96, 24], [24]]),  # not under a tie
    ],
)
def test_free_measures_are_cut_every_few_beats_between_notes(durations: list[int], segments: list[list[int]]) -> None:
    assert lengths(durations) == segments


def test_no_segment_before_others_is_a_single_rest() -> None:
    [measure] = split_measures(Melody([60] * 8 + [REST, 60, 60], [24] * 8 + [192, 24, 24], Metre.parse("free")))
    assert [len(segment) for segment in line_segments(measure)] == [8, 2, 1]


def test_measures_of_a_metre_are_not_cut() -> None:
    assert lengths([6] * 32, "4/4") == [[6] * 16] * 2


@given(melodies(min_notes=1))
def test_segments_partition_the_groups_and_never_divide_a_note(melody: Melody) -> None:
    for measure in split_measures(melody):
        segments = line_segments(measure)
        assert [group for segment in segments for group in segment] == beam_groups(measure)
        assert measure.metre == Metre.parse("free") or len(segments) == 1
        for before, after in pairwise(segments):
            last, first = before[-1][-1], after[0][0]
            assert last.note != first.note or last.pitch == REST  # a rest may be written in two

from __future__ import annotations

import pytest
from hypothesis import given
from tests.strategies import melodies

from chromasonic.melody_generation.melody import REST, Melody, Metre
from chromasonic.melody_generation.notation.beams import beam_groups, beam_marks
from chromasonic.melody_generation.notation.score import split_measures


def groups_of(durations: list[int], metre: str, pitches: list[int] | None = None) -> list[list[int]]:
    [measure] = split_measures(Melody(pitches or [60] * len(durations), durations, Metre.parse(metre)))
    return [[symbol.ticks for symbol in group] for group in beam_groups(measure)]


@pytest.mark.parametrize(
    ("durations", "metre", "groups"),
    [
        ([12] * 6, "6/8", [[12] * 3, [12] * 3]),
        ([12] * 6, "3/4", [[12] * 2, [12] * 2, [12] * 2]),
        ([12] * 8, "4/4", [[12] * 4, [12] * 4]),
        ([12] * 4, "2/4", [[12] * 2, [12] * 2]),
        ([12] * 8, "2/2", [[12] * 4, [12] * 4]),
        ([18, 6, 18, 6, 12, 12, 12, 12], "4/4", [[18, 6], [18, 6], [12, 12], [12, 12]]),
        ([24, 12, 12, 24, 24], "4/4", [[24], [12, 12], [24], [24]]),
        ([12] * 3, "3/8", [[12] * 3]),
        ([12] * 12, "6/4", [[12] * 2] * 6),
        ([12] * 12, "3/2", [[12] * 4] * 3),
        ([8, 8, 8, 12, 12, 48], "4/4", [[8, 8, 8], [12, 12], [48]]),
        ([4, 4, 4, 12, 24], "2/4", [[4, 4, 4], [12], [24]]),
    ],
)
def test_beams_join_the_notes_of_a_beat(durations: list[int], metre: str, groups: list[list[int]]) -> None:
    assert groups_of(durations, metre) == groups


def test_a_rest_ends_a_beam() -> None:
    assert groups_of([12, 12, 12], "3/8", [60, REST, 62]) == [[12], [12], [12]]


@given(melodies(min_notes=1))
def test_groups_partition_the_measure_and_every_beam_that_begins_ends(melody: Melody) -> None:
    for measure in split_measures(melody):
        groups = beam_groups(measure)
        assert [symbol for group in groups for symbol in group] == list(measure.symbols)
        for group in groups:
            marks = beam_marks(group)
            assert [len(mark_list) for mark_list in marks] == [
                symbol.value.n_flags if len(group) > 1 else 0 for symbol in group
            ]
            for level in range(4):
                is_open = False
                for mark_list in marks:
                    mark = mark_list[level] if len(mark_list) > level else ""
                    assert is_open == (mark in {"continue", "end"})
                    is_open = mark in {"begin", "continue"}
                assert not is_open


def test_a_sixteenth_after_a_dotted_eighth_has_a_backward_hook() -> None:
    [measure] = split_measures(Melody([60, 62], [18, 6], Metre(1, 4)))
    assert beam_marks(beam_groups(measure)[0]) == [["begin"], ["end", "backward hook"]]

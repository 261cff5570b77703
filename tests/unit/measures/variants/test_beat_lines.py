"""Lines of degrees on the beats, by hand and under changes that keep them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.made_tunes import JIG, REEL, in_minor, ornamented, slower, walking_tune

from chromasonic.melody_generation.measures.variants.beat_lines import BeatLines, beat_lines
from chromasonic.melody_generation.melody import REST, Departure, Melody, Metre


def samples(lines: BeatLines, line: int) -> list[tuple[int, ...]]:
    """Return the degrees of a line, counted from 1, with a minus where no note begins; 0 for none."""
    span = slice(lines.begins[line], lines.ends[line])
    signs = np.where(lines.begun[span], 1, -1)
    return [tuple(row) for row in ((lines.degrees[span] + 1) * signs).tolist()]


def test_beats_and_their_halves_of_simple_metre() -> None:
    melody = Melody([67, 69, REST, 71, 72], [12, 24, 24, 12, 24], Metre(4, 4), start=84, tonic=7)
    lines = beat_lines([melody])
    # An upbeat of an eighth, which lies between beats; the rest prolongs the second degree.
    assert samples(lines, 1) == [(2, -2, 0), (-2, -2, 0), (3, 4, 0), (-4, -4, 0)]
    assert samples(lines, 0)[:4] == [(1, -1, 0), (2, -2, 0), (-2, -2, 0), (-2, -2, 0)]
    assert lines.ticks.tolist() == [12, 24]
    assert lines.is_beat.tolist() == [False, True]
    assert lines.upbeats.tolist() == [1, 0]
    assert lines.bars.tolist() == [8, 4]


def test_beats_of_compound_metre_have_three_parts() -> None:
    lines = beat_lines([Melody([60, 62, 64, 65, 67], [12, 12, 12, 24, 12], Metre(6, 8))])
    assert samples(lines, 0) == [(1, 2, 3), (4, -4, 5)]
    assert lines.ticks.tolist() == [36, 72]


def test_samples_follow_the_bar_lines_of_departures() -> None:
    # The first bar is an eighth short.
    melody = Melody([60, 62, 64, 65, 67], [24, 24, 36, 24, 24], Metre(4, 4), departures=[Departure(3)])
    assert samples(beat_lines([melody]), 1)[2:] == [(3, -3, 0), (-3, -3, 0), (4, -4, 0), (5, -5, 0)]


def test_a_tune_before_its_first_note_and_tunes_without_notes() -> None:
    assert samples(beat_lines([Melody([REST, 60, 62], [24, 12, 12])]), 1) == [(0, 0, 0), (1, 2, 0)]
    empty = beat_lines([Melody([], []), Melody([REST], [24]), Melody([60, 62], [1 << 40, 24])])
    assert len(empty.degrees) == len(empty.tunes) == len(empty.earlier) == len(empty.repeats) == 0


@pytest.mark.parametrize(
    ("metre", "ticks", "beat"),
    [
        ("4/4", 12, 24), ("2/4", 6, 12), ("3/2", 48, 48), ("3/4", 48, 24), ("3/8", 12, 12),
        ("6/8", 12, 36), ("6/4", 48, 72), ("9/16", 6, 18), ("9/8", 48, 36), ("free", 24, 24),
    ],
)  # fmt: skip
def test_a_beat_divides_the_bar_and_is_longer_for_longer_notes(metre: str, ticks: int, beat: int) -> None:
    lines = beat_lines([Melody([60, 62] * 20, [ticks] * 40, Metre.parse(metre))])
    assert lines.ticks[lines.is_beat].tolist() == [beat]


@given(st.integers(0, 50), st.integers(-6, 6), st.sampled_from([JIG, REEL]))
def test_lines_do_not_depend_on_key_and_mode(seed: int, semitones: int, metre: Metre) -> None:
    tune = walking_tune(seed, metre, n_bars=4)
    lines = beat_lines([tune])
    for other in (tune.transposed(semitones), in_minor(tune), in_minor(tune.transposed(semitones))):
        np.testing.assert_array_equal(beat_lines([other]).degrees, lines.degrees)
        np.testing.assert_array_equal(beat_lines([other]).begun, lines.begun)


def line_of(lines: BeatLines, ticks: int) -> list[tuple[int, ...]]:
    """Return the line with a sample every so many ticks."""
    [line] = np.flatnonzero(lines.ticks == ticks)
    return samples(lines, int(line))


@given(st.integers(0, 50), st.sampled_from([(JIG, 36), (REEL, 12)]))
def test_beats_at_half_speed_are_twice_as_long(seed: int, metre_and_ticks: tuple[Metre, int]) -> None:
    metre, ticks = metre_and_ticks
    tune = walking_tune(seed, metre, n_bars=4)
    assert line_of(beat_lines([tune]), ticks) == line_of(beat_lines([slower(tune)]), 2 * ticks)


@given(st.integers(0, 50), st.sampled_from([(JIG, 36), (REEL, 24)]))
def test_ornaments_after_the_beat_leave_the_degrees_on_it(seed: int, metre_and_ticks: tuple[Metre, int]) -> None:
    metre, ticks = metre_and_ticks
    tune = walking_tune(seed, metre, n_bars=4)
    plain, other = (line_of(beat_lines([each]), ticks) for each in (tune, ornamented(tune, seed, share=0.1)))
    assert [row[0] for row in plain] == [row[0] for row in other]


@given(st.lists(st.integers(0, 60), min_size=1, max_size=3))
def test_repeats_returns_and_earlier_patterns_by_hand(seeds: list[int]) -> None:
    lines = beat_lines([walking_tune(seed, (JIG, REEL)[seed % 2], n_bars=6) for seed in seeds])
    for line, (begin, end) in enumerate(zip(lines.begins.tolist(), lines.ends.tolist(), strict=True)):
        n_parts = 3 if lines.is_compound[line] else 2
        flat = lines.degrees[begin:end, :n_parts].ravel().tolist()
        for back, marks in ((1, lines.repeats), (2, lines.returns)):
            expected = [index >= back and flat[index] == flat[index - back] for index in range(len(flat))]
            assert marks[begin:end, :n_parts].ravel().tolist() == expected
        rows = [tuple(row) for row in lines.degrees[begin:end].tolist()]
        last: dict[tuple[tuple[int, ...], ...], int] = {}
        for index in range(len(rows)):
            pattern = tuple(rows[index - 2 : index + 1])
            assert lines.earlier[begin + index] == (last.get(pattern, -1) if index >= 2 else -1)
            if index >= 2:
                last[pattern] = begin + index

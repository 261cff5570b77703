from __future__ import annotations

from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import metres

from chromasonic.melody_generation.melody import Metre
from chromasonic.melody_generation.notation.durations import split_duration
from chromasonic.melody_generation.notation.note_values import PLAIN_VALUES, TRIPLET_VALUES
from chromasonic.melody_generation.vocabulary import DURATIONS

S, E, Q, H = 6, 12, 24, 48  # sixteenth, eighth, quarter, half


def split_all(metre: str, durations: list[int], start: int = 0) -> list[tuple[int, ...]]:
    positions = [*accumulate(durations, initial=start)]
    return [
        split_duration(ticks, position, Metre.parse(metre))
        for ticks, position in zip(durations, positions, strict=False)
    ]


@pytest.mark.parametrize(
    ("metre", "durations", "expected"),
    [
        ("6/8", [Q, Q, Q], [(Q,), (E, E), (Q,)]),
        ("6/8", [Q, E, E, Q], [(Q,), (E,), (E,), (Q,)]),
        ("6/8", [H, Q], [(36, E), (Q,)]),
        ("6/8", [Q, H], [(Q,), (E, 36)]),
        ("6/8", [36, 36], [(36,), (36,)]),
        ("6/8", [72], [(72,)]),
        ("6/8", [60, E], [(36, Q), (E,)]),
        ("6/8", [E, 36, Q], [(E,), (Q, E), (Q,)]),
        ("6/8", [18, 18, 30, S], [(18,), (18,), (Q, S), (S,)]),
        ("6/8", [S, E, 18], [(S,), (E,), (18,)]),
        ("9/8", [108], [(72, 36)]),
        ("9/8", [36, 72], [(36,), (72,)]),
        ("9/8", [H, 60], [(36, E), (Q, 36)]),
        ("12/8", [108, 36], [(72, 36), (36,)]),
        ("12/8", [144], [(144,)]),
        ("6/4", [H, H, H], [(H,), (Q, Q), (H,)]),
        ("6/4", [96, H], [(72, Q), (H,)]),
        ("3/8", [36], [(36,)]),
        ("3/8", [E, Q], [(E,), (Q,)]),
    ],
)
def test_in_compound_metre_no_head_crosses_a_dotted_beat(
    metre: str, durations: list[int], expected: list[tuple[int, ...]]
) -> None:
    assert split_all(metre, durations) == expected


@pytest.mark.parametrize(
    ("metre", "durations", "expected"),
    [
        ("4/4", [Q, H, Q], [(Q,), (H,), (Q,)]),
        ("4/4", [Q, 72], [(Q,), (72,)]),
        ("4/4", [72, Q], [(72,), (Q,)]),
        ("4/4", [96], [(96,)]),
        ("4/4", [E, Q, E, E, Q, E], [(E,), (Q,), (E,), (E,), (Q,), (E,)]),
        ("4/4", [36, Q, 36], [(36,), (E, E), (36,)]),
        ("4/4", [36, 36, Q], [(36,), (E, Q), (Q,)]),
        ("4/4", [E, H, 36], [(E,), (36, E), (36,)]),
        ("4/4", [Q, 36, 36], [(Q,), (Q, E), (36,)]),
        ("4/4", [E, 36, 36, E], [(E,), (36,), (36,), (E,)]),
        ("4/4", [42, S, H], [(Q, 18), (S,), (H,)]),
        ("4/4", [84, E], [(H, 36), (E,)]),
        ("4/4", [S, E, S, 18, E, E], [(S,), (E,), (S,), (18,), (S, S), (E,)]),
        ("2/2", [Q, H, Q], [(Q,), (H,), (Q,)]),
        ("2/2", [36, Q, 36], [(36,), (E, E), (36,)]),
        ("2/4", [E, Q, E], [(E,), (Q,), (E,)]),
        ("2/4", [E, 36], [(E,), (36,)]),
        ("3/4", [Q, H], [(Q,), (H,)]),
        ("3/4", [Q, 36, E], [(Q,), (36,), (E,)]),
        ("3/4", [E, H, E], [(E,), (36, E), (E,)]),
        ("3/4", [36, 36], [(36,), (36,)]),
        ("3/2", [H, 96], [(H,), (96,)]),
        ("5/4", [120], [(96, Q)]),
        ("7/8", [Q, 36, Q], [(Q,), (36,), (Q,)]),
    ],
)
def test_in_simple_metre_only_common_syncopations_cross_a_beat(
    metre: str, durations: list[int], expected: list[tuple[int, ...]]
) -> None:
    assert split_all(metre, durations) == expected


def test_triplet_durations_are_not_split() -> None:
    assert split_all("4/4", [16, 16, 16, 8, 12, 4, 8, 16]) == [(16,), (16,), (16,), (8,), (12,), (4,), (8,), (16,)]


def test_in_free_metre_no_beat_splits_a_duration() -> None:
    assert split_all("free", [E, 36, Q, 96, 42]) == [(E,), (36,), (Q,), (96,), (Q, 18)]
    assert max(len(split_duration(ticks, 0, Metre.parse("free"))) for ticks in DURATIONS) == 2


@given(metres, st.data())
def test_every_duration_is_a_sum_of_note_values(metre: Metre, data: st.DataObject) -> None:
    bar = min(metre.bar_ticks, 2000)
    position = data.draw(st.integers(0, bar - 1))
    ticks = data.draw(st.integers(1, bar - position))
    heads = split_duration(ticks, position, metre)
    assert sum(heads) == ticks
    assert all(head in PLAIN_VALUES or head in TRIPLET_VALUES for head in heads)


@given(st.sampled_from(["6/8", "9/8", "12/8", "15/8"]), st.data())
def test_a_head_that_crosses_a_dotted_beat_begins_and_ends_at_one(metre: str, data: st.DataObject) -> None:
    bar = Metre.parse(metre).bar_ticks // 3
    begin = data.draw(st.integers(0, bar - 1))
    end = data.draw(st.integers(begin + 1, bar))
    heads = split_duration(3 * (end - begin), 3 * begin, Metre.parse(metre))
    for first, last in pairwise(accumulate(heads, initial=3 * begin)):
        assert first // 36 == (last - 1) // 36 or first % 36 == last % 36 == 0

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.rendering.note_values import PLAIN, TRIPLET, NoteValue, is_triplet_only, pieces
from chromasonic.melody_generation.vocabulary import DURATIONS


def test_values_last_what_their_names_say() -> None:
    assert PLAIN[24] == NoteValue("quarter")
    assert PLAIN[36] == NoteValue("quarter", 1)
    assert PLAIN[42] == NoteValue("quarter", 2)
    assert PLAIN[3] == NoteValue("32nd")
    assert PLAIN[192] == NoteValue("breve")
    assert TRIPLET[8] == NoteValue("eighth", 0, True)
    assert TRIPLET[1] == NoteValue("64th", 0, True)
    assert TRIPLET[12] == NoteValue("eighth", 1, True)
    assert all(value.half_ticks == 2 * ticks for table in (PLAIN, TRIPLET) for ticks, value in table.items())


def test_which_values_need_a_triplet() -> None:
    assert [ticks for ticks in range(1, 33) if is_triplet_only(ticks)] == [1, 2, 4, 8, 16, 32]


@given(st.integers(1, 2000), st.integers(0, 400), st.sampled_from([6, 12, 18, 24, 36, 48]))
def test_every_duration_is_made_up_of_values(ticks: int, position: int, beat: int) -> None:
    found = pieces(ticks, position, beat)
    assert sum(found) == ticks
    assert all(piece in PLAIN or piece in TRIPLET for piece in found)


def test_two_heads_are_enough_for_whatever_the_vocabulary_holds() -> None:
    assert max(len(pieces(ticks, 0, 24)) for ticks in DURATIONS) == 2


def test_a_long_note_is_divided_at_a_beat() -> None:
    assert pieces(30, 0, 24) == (24, 6)
    assert pieces(30, 18, 24) == (6, 24)
    assert pieces(60, 0, 36) == (36, 24)
    assert pieces(120, 0, 24) == (96, 24)

from __future__ import annotations

from chromasonic.melody_generation.notation.note_values import PLAIN_VALUES, TRIPLET_VALUES, NoteValue, is_triplet_only


def test_values_have_the_durations_of_their_names() -> None:
    assert PLAIN_VALUES[24] == NoteValue("quarter")
    assert PLAIN_VALUES[36] == NoteValue("quarter", 1)
    assert 42 not in PLAIN_VALUES  # two dots are hard to read
    assert PLAIN_VALUES[3] == NoteValue("32nd")
    assert PLAIN_VALUES[192] == NoteValue("breve")
    assert TRIPLET_VALUES[8] == NoteValue("eighth", 0, True)
    assert TRIPLET_VALUES[1] == NoteValue("64th", 0, True)
    assert TRIPLET_VALUES[12] == NoteValue("eighth", 1, True)
    assert all(
        value.half_ticks == 2 * ticks for table in (PLAIN_VALUES, TRIPLET_VALUES) for ticks, value in table.items()
    )


def test_durations_without_a_plain_value_need_a_triplet() -> None:
    assert [ticks for ticks in range(1, 33) if is_triplet_only(ticks)] == [1, 2, 4, 8, 16, 32]

"""Groups of tokens and tunes add up to the whole."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.measures.bits_by_group import TokenGroup, group_tokens, group_tunes, tune_quarters


@given(st.lists(st.tuples(st.floats(0, 50), st.booleans(), st.integers(0, 3)), max_size=60))
def test_groups_add_up_to_the_whole(tokens: list[tuple[float, bool, int]]) -> None:
    bits, is_note, group = (np.array([token[i] for token in tokens]) for i in range(3))
    parts = group_tokens(bits, is_note.astype(bool), group.astype(int), "abcd")
    assert sum(part.bits for part in parts) == pytest.approx(bits.sum())
    assert sum(part.n_notes for part in parts) == is_note.sum()
    for index, part in enumerate(parts):
        own = group == index
        assert (part.name, part.n_notes) == ("abcd"[index], is_note[own].sum())
        assert part.bits == pytest.approx(bits[own].sum())


def test_bits_per_note_are_nan_without_notes() -> None:
    part = TokenGroup("end", 3.0, 0)
    assert math.isnan(part.bits_per_note)
    assert TokenGroup("all", 6.0, 4).bits_per_note == 1.5


def test_groups_of_tunes_are_sorted_by_their_notes() -> None:
    result = group_tunes(np.array([1.0, 2.0, 4.0]), np.array([2.0, 5.0, 1.0]), ["6/8", "4/4", "6/8"])
    assert result == (TokenGroup("4/4", 2.0, 5), TokenGroup("6/8", 5.0, 3))


@given(st.lists(st.booleans(), max_size=60))
def test_quarters_ascend_and_have_a_quarter_of_the_notes_each(is_note: list[bool]) -> None:
    marks = np.array(is_note, dtype=bool)
    result = tune_quarters(marks)
    assert result.shape == marks.shape
    assert (np.diff(result) >= 0).all()
    notes = np.bincount(result[marks], minlength=4)
    assert notes.max() - notes.min() <= 1

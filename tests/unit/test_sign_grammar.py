"""Signs of form are brought into one order, which is played like the one of the source."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import formed_melodies

from chromasonic.melody_generation.corpora.nottingham import NottinghamCorpus
from chromasonic.melody_generation.form import FormMark, FormSign
from chromasonic.melody_generation.io.played.played_melody import played
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.sign_grammar import (
    FINAL_STATES,
    NEXT_STATE,
    SignState,
    SignSymbol,
    simple_signs,
)
from chromasonic.melody_generation.vocabulary import NoteVocabulary

SIGNS: dict[SignSymbol, tuple[FormSign, list[tuple[int, ...]]]] = {
    SignSymbol.SECTION: (FormSign.SECTION, [()]),
    SignSymbol.REPEAT_BEGIN: (FormSign.REPEAT_BEGIN, [()]),
    SignSymbol.REPEAT_END: (FormSign.REPEAT_END, [()]),
    SignSymbol.FIRST_ENDING: (FormSign.ENDING, [(1,), (1, 3)]),
    SignSymbol.LATER_ENDING: (FormSign.ENDING, [(2,), (2, 4), (3,)]),
}


def state_after(marks: tuple[FormMark, ...], n_notes: int) -> SignState:
    """Return the state of the grammar after N notes with signs; a sign that it does not allow is a KeyError."""
    state = SignState.BEGINNING
    for note in range(n_notes + 1):
        for mark in marks:
            if mark.note == note:
                state = NEXT_STATE[state][SignSymbol.of(mark.sign, mark.passes)]
        if note < n_notes:
            state = NEXT_STATE[state][SignSymbol.NOTE]
    return state


@st.composite
def regular_melodies(draw: st.DrawFn) -> Melody:
    """Draw a melody with signs in the order of the grammar."""
    state, n_notes = SignState.BEGINNING, 0
    marks: list[FormMark] = []
    n_symbols = draw(st.integers(0, 25))
    while n_symbols > 0 or state not in FINAL_STATES:
        n_symbols -= 1
        following = NEXT_STATE[state]
        # Beyond the number of symbols, the way to a final state is the last symbol: a repeat sign in an ending.
        symbol = draw(st.sampled_from(list(following))) if n_symbols > 0 else list(following)[-1]
        state = following[symbol]
        if symbol is SignSymbol.NOTE:
            n_notes += 1
        else:
            sign, passes = SIGNS[symbol]
            marks.append(FormMark(n_notes, sign, draw(st.sampled_from(passes))))
    is_last = [mark.note == n_notes and mark.sign is not FormSign.REPEAT_END for mark in marks]
    form = [mark for mark, last in zip(marks, is_last, strict=True) if not last]
    return Melody(range(40, 40 + n_notes), [24] * n_notes, form=form)


@given(formed_melodies())
def test_simple_signs_are_in_the_grammar_and_stay_as_they_are(melody: Melody) -> None:
    signs = simple_signs(melody.form, len(melody), melody.part_order)
    state_after(signs, len(melody))  # allows them
    assert simple_signs(signs, len(melody)) == signs


@given(formed_melodies())
def test_a_tune_with_simple_signs_may_end(melody: Melody) -> None:
    assert state_after(simple_signs(melody.form, len(melody), melody.part_order), len(melody)) in FINAL_STATES


@given(regular_melodies())
def test_signs_of_the_grammar_stay_as_they_are(melody: Melody) -> None:
    assert simple_signs(melody.form, len(melody)) == melody.form


def is_played_like(melody: Melody, signs: tuple[FormMark, ...]) -> bool:
    simple = replace(melody, form=signs, part_order="")
    return np.array_equal(played(simple).pitches, played(melody).pitches)


plain_signs = st.sampled_from([FormSign.SECTION, FormSign.REPEAT_BEGIN, FormSign.REPEAT_END])


@given(st.integers(1, 12), st.lists(st.tuples(st.integers(0, 12), plain_signs), max_size=8))
def test_double_bars_and_repeats_in_any_order_are_played_like_their_simple_signs(
    n_notes: int, signs: list[tuple[int, FormSign]]
) -> None:
    form = [FormMark(min(note, n_notes), sign) for note, sign in sorted(signs, key=lambda sign: sign[0])]
    melody = Melody(range(40, 40 + n_notes), [24] * n_notes, form=form)
    assert is_played_like(melody, simple_signs(form, n_notes))


@given(regular_melodies(), st.data())
def test_a_source_may_write_the_same_form_otherwise(melody: Melody, data: st.DataObject) -> None:
    """Without the repeat sign after a repeat, and with more double bars, each form has the same simple signs."""
    signs: list[FormMark] = [FormMark(0, FormSign.SECTION)] if data.draw(st.booleans()) else []
    for index, mark in enumerate(melody.form):
        following = melody.form[index + 1 : index + 2]
        after_repeat = index > 0 and melody.form[index - 1] == FormMark(mark.note, FormSign.REPEAT_END)
        is_repeated = bool(following) and SignSymbol.of(following[0].sign, following[0].passes) in _CLOSING
        if mark.sign is FormSign.REPEAT_BEGIN and after_repeat and is_repeated and data.draw(st.booleans()):
            continue
        if mark.sign is not FormSign.SECTION and data.draw(st.booleans()):
            signs.append(FormMark(mark.note, FormSign.SECTION))
        signs.append(mark)
    assert simple_signs(signs, len(melody)) == melody.form


_CLOSING = (SignSymbol.REPEAT_END, SignSymbol.FIRST_ENDING)


@pytest.mark.parametrize(
    ("marks", "order", "simple"),
    [
        # Parts that the order plays twice in a row are repeated.
        ([(0, "P", "A"), (4, "P", "B")], "AABB", [(4, ":|"), (4, "|:"), (8, ":|")]),
        ([(0, "P", "A"), (4, "P", "B")], "ABB", [(4, "|:"), (8, ":|")]),
        ([(0, "P", "A"), (4, "P", "B")], "AB", [(4, "||")]),
        # A part with signs of its own, or to which the order goes back, stays as it is.
        ([(0, "P", "A"), (2, ":|", ""), (4, "P", "B")], "AAB", [(2, ":|"), (4, "||")]),
        ([(0, "P", "A"), (4, "P", "B")], "ABA", [(4, "||")]),
        # Endings that nothing closes, or that follow no first one, are left out.
        ([(4, "[", (1,))], "", []),
        ([(4, "[", (2,))], "", []),
        ([(4, "[", (1,)), (8, ":|", ""), (8, "[", (2,))], "", [(8, ":|")]),
        # A repeat after the last ending is a double bar.
        (
            [(2, "[", (1,)), (4, ":|", ""), (4, "[", (2,)), (6, ":|", "")],
            "",
            [(2, "["), (4, ":|"), (4, "["), (6, "||")],
        ),
    ],
)
def test_signs_are_simplified_as_by_hand(
    marks: list[tuple[int, str, str | tuple[int, ...]]], order: str, simple: list[tuple[int, str]]
) -> None:
    form = [
        FormMark(note, FormSign(sign), passes=extra)
        if isinstance(extra, tuple)
        else FormMark(note, FormSign(sign), name=extra)
        for note, sign, extra in marks
    ]
    assert [(mark.note, mark.sign.value) for mark in simple_signs(form, 8, order)] == simple


@pytest.mark.slow
def test_real_tunes_in_written_order_are_played_like_their_simple_signs() -> None:
    """Of the others, the order of the parts goes back, or repeats parts with signs of their own."""
    in_order = [tune for tune in NottinghamCorpus().load() if tune.part_order in "ABCDEFGH"]
    assert len(in_order) > 900
    for tune in in_order:
        assert is_played_like(tune, simple_signs(tune.form, len(tune), tune.part_order)), tune.source
        assert NoteVocabulary().encoded_part(tune).form == simple_signs(tune.form, len(tune), tune.part_order)

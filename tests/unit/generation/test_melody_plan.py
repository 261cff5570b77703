"""A plan yields the tokens that must come next, and knows where its stretches end."""

from __future__ import annotations

import pytest

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import FormSign
from chromasonic.melody_generation.generation.melody_plan import PlanProgress, Stretch, form_stretches, parse_form
from chromasonic.melody_generation.vocabulary import NoteVocabulary

VOCABULARY = NoteVocabulary()
SECTION, BEGIN, END_OF_REPEAT = (
    VOCABULARY.sign_token(sign) for sign in (FormSign.SECTION, FormSign.REPEAT_BEGIN, FormSign.REPEAT_END)
)


@pytest.mark.parametrize(
    ("form", "signs"),
    [
        ("A", [()]),
        ("AA", [(END_OF_REPEAT,)]),
        ("AB", [(SECTION,), ()]),
        ("AABB", [(END_OF_REPEAT, BEGIN), (END_OF_REPEAT,)]),
        ("ABB", [(BEGIN,), (END_OF_REPEAT,)]),
        ("AABA", [(END_OF_REPEAT,), (SECTION,), ()]),
    ],
)
def test_the_signs_of_a_form_stand_between_its_parts(form: str, signs: list[tuple[int, ...]]) -> None:
    stretches = form_stretches(parse_form(form), 96)
    assert [stretch.after for stretch in stretches] == [*signs[:-1], (*signs[-1], VOCABULARY.end)]


@pytest.mark.parametrize("form", ["", "aabb", "AAAB", "A B", "A1", "ABCDEFGHIJKLM"])
def test_what_is_no_form_is_refused(form: str) -> None:
    with pytest.raises(InputError, match="a form is written like AABB or AABA"):
        parse_form(form)


def played(plan: PlanProgress, composed: list[int], *tokens_before: int) -> list[int]:
    """Return the tokens of a melody of quarter notes: the required ones, and those composed where none is."""
    tokens = list(tokens_before)
    while not tokens or tokens[-1] != VOCABULARY.end:
        tokens.append(plan.forced if plan.forced >= 0 else composed.pop(0))
        n_notes = sum(map(bool, VOCABULARY.is_note(tokens)))
        plan.after(tokens[-1], 24 * n_notes)
    return tokens


def test_a_part_that_returns_is_copied_with_the_notes_that_were_there_already() -> None:
    notes = [VOCABULARY.first_note + number for number in range(6)]
    plan = PlanProgress(form_stretches(parse_form("ABA"), 48), composed=notes[:1])
    tokens = played(plan, notes[1:], notes[0])
    assert tokens == [*notes[:2], SECTION, *notes[2:4], SECTION, *notes[:2], VOCABULARY.end]


def test_given_and_composed_stretches_follow_each_other() -> None:
    given, free = VOCABULARY.first_note, VOCABULARY.first_note + 1
    stretches = [
        Stretch(24, given=(given,)),
        Stretch(48),
        Stretch(24, given=(BEGIN, given, VOCABULARY.end)),
    ]
    assert played(PlanProgress(stretches), [free, free]) == [given, free, free, BEGIN, given, VOCABULARY.end]


def test_a_copy_goes_on_independently() -> None:
    plan = PlanProgress([Stretch(24), Stretch(24, copy_of=0, after=(VOCABULARY.end,))])
    other = plan.copy()
    plan.after(VOCABULARY.first_note, 24)
    other.after(VOCABULARY.first_note + 1, 24)
    assert (plan.forced, other.forced) == (VOCABULARY.first_note, VOCABULARY.first_note + 1)
    assert (plan.n_done, other.n_done, plan.ends_melody) == (1, 1, True)


@pytest.mark.parametrize(
    ("form", "ends"), [("A", [0]), ("AB", [1]), ("AABA", [0, 2]), ("ABAB", [1, 3]), ("ABA", [0, 2])]
)
def test_a_part_that_returns_at_the_end_ends_the_melody_too(form: str, ends: list[int]) -> None:
    note = VOCABULARY.first_note
    plan = PlanProgress(form_stretches(parse_form(form), 24))
    found, n_notes, token = [], 0, note
    while token != VOCABULARY.end:
        if plan.ends_melody:
            found.append(plan.n_done)
        token = plan.forced if plan.forced >= 0 else note
        n_notes += token == note
        plan.after(token, 24 * n_notes)
    assert sorted(set(found)) == ends

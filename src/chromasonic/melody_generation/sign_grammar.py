"""Signs of form in a regular order, the same however a source writes them, so that a model meets each form once.

A tune consists of sections. A section begins at the beginning of the tune, at a double bar or at a repeat sign, and
may end with a repeat sign, or with a first ending, a repeat sign and later endings. Between two notes there is at most
one double bar; or the end of one section and the repeat sign of the next one; or the sign at which an ending begins.

``NEXT_STATE`` is the grammar. :func:`simple_signs` brings the signs of a source into it, and generation masks the signs
that it does not allow.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from enum import IntEnum

from chromasonic.melody_generation.form import FormMark, FormSign, without_redundant_marks


class SignState(IntEnum):
    """State of the grammar after some signs and notes; a note follows the states called ``SIGNED``."""

    BEGINNING = 0
    BODY = 1  # of a section
    SIGNED_BODY = 2
    REPEATED = 3  # after a repeat without endings
    PLAIN = 4  # notes after it, which no repeat sign opens
    SIGNED_FIRST_ENDING = 5
    FIRST_ENDING = 6
    CLOSED_ENDING = 7
    SIGNED_LATER_ENDING = 8
    LATER_ENDING = 9


class SignSymbol(IntEnum):
    """Symbol of the grammar: a note, or a kind of sign."""

    NOTE = 0
    SECTION = 1
    REPEAT_BEGIN = 2
    REPEAT_END = 3
    FIRST_ENDING = 4
    LATER_ENDING = 5

    @classmethod
    def of(cls, sign: FormSign, passes: tuple[int, ...] = ()) -> SignSymbol:
        """Return the symbol of a sign; the beginning of a part is a double bar."""
        if sign is FormSign.ENDING:
            return cls.FIRST_ENDING if 1 in passes else cls.LATER_ENDING
        return {FormSign.REPEAT_BEGIN: cls.REPEAT_BEGIN, FormSign.REPEAT_END: cls.REPEAT_END}.get(sign, cls.SECTION)


_OPENING = {SignSymbol.SECTION: SignState.SIGNED_BODY, SignSymbol.REPEAT_BEGIN: SignState.SIGNED_BODY}
NEXT_STATE: dict[SignState, dict[SignSymbol, SignState]] = {
    SignState.BEGINNING: {SignSymbol.NOTE: SignState.BODY},
    SignState.BODY: {
        SignSymbol.NOTE: SignState.BODY,
        **_OPENING,
        SignSymbol.REPEAT_END: SignState.REPEATED,
        SignSymbol.FIRST_ENDING: SignState.SIGNED_FIRST_ENDING,
    },
    SignState.SIGNED_BODY: {SignSymbol.NOTE: SignState.BODY},
    SignState.REPEATED: {SignSymbol.NOTE: SignState.PLAIN, SignSymbol.REPEAT_BEGIN: SignState.SIGNED_BODY},
    SignState.PLAIN: {SignSymbol.NOTE: SignState.PLAIN, **_OPENING},
    SignState.SIGNED_FIRST_ENDING: {SignSymbol.NOTE: SignState.FIRST_ENDING},
    SignState.FIRST_ENDING: {
        SignSymbol.NOTE: SignState.FIRST_ENDING,
        SignSymbol.REPEAT_END: SignState.CLOSED_ENDING,
    },
    SignState.CLOSED_ENDING: {SignSymbol.LATER_ENDING: SignState.SIGNED_LATER_ENDING},
    SignState.SIGNED_LATER_ENDING: {SignSymbol.NOTE: SignState.LATER_ENDING},
    SignState.LATER_ENDING: {
        SignSymbol.NOTE: SignState.LATER_ENDING,
        **_OPENING,
        SignSymbol.REPEAT_END: SignState.CLOSED_ENDING,
    },
}
# States in which a tune may end.
FINAL_STATES = frozenset({SignState.BODY, SignState.REPEATED, SignState.PLAIN, SignState.LATER_ENDING})


def simple_signs(marks: Sequence[FormMark], n_notes: int, part_order: str = "") -> tuple[FormMark, ...]:
    """Return signs in the order of the grammar that are played like the given ones as far as it has them.

    A part begins with a double bar, or has repeat signs if the order plays it twice in a row; an order that goes back
    to an earlier part is left out. After a repeat, the next repeated section begins with a repeat sign, and the first
    section of the tune without one. Double bars at either end or beside another sign, and signs that do not fit those
    before them, are left out.

    Args:
        marks: The signs as written, by rising note.
        n_notes: The number of notes N.
        part_order: The letters of the parts in playing order.

    Example:
        >>> marks = [FormMark(0, FormSign.PART, name="A"), FormMark(8, FormSign.PART, name="B")]
        >>> [(mark.note, mark.sign.value) for mark in simple_signs(marks, 16, "AAB")]
        [(8, ':|')]
    """
    signs = _with_repeated_parts(marks, n_notes, part_order)
    signs = [replace(mark, sign=FormSign.SECTION, name="") if mark.sign is FormSign.PART else mark for mark in signs]
    return _regular(_with_opened_repeats(without_redundant_marks(signs, n_notes)), n_notes)


def _with_repeated_parts(marks: Sequence[FormMark], n_notes: int, part_order: str) -> list[FormMark]:
    """Enclose in repeat signs each part that has no signs and is played twice in a row."""
    parts = [mark for mark in marks if mark.sign is FormSign.PART]
    runs: list[tuple[str, str]] = re.findall(r"((.)\2*)", part_order)
    letters = [letter for _, letter in runs]
    if not parts or len(set(letters)) < len(letters) or letters != [part.name[:1] for part in parts]:
        return list(marks)
    ends = [*(part.note for part in parts[1:]), n_notes]
    signs = list(marks)
    for part, end, (run, _) in zip(parts, ends, runs, strict=True):
        is_plain = all(mark.sign is FormSign.PART for mark in marks if part.note <= mark.note < end)
        if len(run) == 2 and is_plain and part.note < end:
            signs += [FormMark(part.note, FormSign.REPEAT_BEGIN), FormMark(end, FormSign.REPEAT_END)]
    order = (FormSign.REPEAT_END, FormSign.PART, FormSign.SECTION, FormSign.REPEAT_BEGIN, FormSign.ENDING)
    return signs if len(signs) == len(marks) else sorted(signs, key=lambda mark: (mark.note, order.index(mark.sign)))


def _with_opened_repeats(marks: Sequence[FormMark]) -> list[FormMark]:
    """Add the repeat sign after a repeat where a source omits it."""
    signs: list[FormMark] = []
    for index, mark in enumerate(marks):
        signs.append(mark)
        following = marks[index + 1] if index + 1 < len(marks) else None
        if (
            mark.sign is FormSign.REPEAT_END
            and following is not None
            and following.note > mark.note
            and SignSymbol.of(following.sign, following.passes) in (SignSymbol.REPEAT_END, SignSymbol.FIRST_ENDING)
        ):
            signs.append(FormMark(mark.note, FormSign.REPEAT_BEGIN))
    return signs


def _regular(marks: Sequence[FormMark], n_notes: int) -> tuple[FormMark, ...]:
    """Leave out the signs that the grammar does not allow, and double bars for a repeat after the last ending."""
    marks = _without_signs_after_the_end(marks, n_notes)
    regular: list[FormMark] = []
    state, note = SignState.BEGINNING, 0
    for index, given in enumerate(marks):
        mark = given
        if mark.note > note:
            state, note = NEXT_STATE[state][SignSymbol.NOTE], mark.note
        symbol = SignSymbol.of(mark.sign, mark.passes)
        leads_to_ending = _is_later_ending(marks[index + 1 : index + 2], mark.note)
        if symbol is SignSymbol.FIRST_ENDING and not _is_closed(marks[index + 1 : index + 3], mark.note):
            continue
        if state is SignState.LATER_ENDING and symbol is SignSymbol.REPEAT_END and not leads_to_ending:
            mark, symbol = FormMark(mark.note, FormSign.SECTION), SignSymbol.SECTION
        is_last = mark.note == n_notes and symbol is not SignSymbol.REPEAT_END
        if symbol not in NEXT_STATE[state] or is_last:
            continue
        state = NEXT_STATE[state][symbol]
        regular.append(mark)
    return tuple(regular)


def _without_signs_after_the_end(marks: Sequence[FormMark], n_notes: int) -> list[FormMark]:
    """Leave out the signs after the last note, but for the repeat sign that closes the last section."""
    kept = [mark for mark in marks if mark.note < n_notes]
    at_end = [mark.sign for mark in marks if mark.note == n_notes]
    before_opening = at_end[: at_end.index(FormSign.REPEAT_BEGIN)] if FormSign.REPEAT_BEGIN in at_end else at_end
    closes = FormSign.REPEAT_END in before_opening
    return [*kept, FormMark(n_notes, FormSign.REPEAT_END)] if closes else kept


def _is_closed(following: Sequence[FormMark], note: int) -> bool:
    """Return whether a first ending before a note is followed by a repeat sign and a later ending."""
    if len(following) < 2 or following[0].sign is not FormSign.REPEAT_END or following[0].note <= note:
        return False
    return _is_later_ending(following[1:], following[0].note)


def _is_later_ending(following: Sequence[FormMark], note: int) -> bool:
    """Return whether the next sign is a later ending before the same note."""
    return (
        len(following) == 1
        and following[0].note == note
        and SignSymbol.of(following[0].sign, following[0].passes) is SignSymbol.LATER_ENDING
    )

"""Plans: what a melody consists of after its beginning, in stretches that are composed, given, or copied.

``form=AABA`` of 24 bars is a plan of three stretches: eight bars that are repeated, eight bars, and a copy of the first
eight. To fill bars 5 to 8 of a tune is a plan of two: four bars, and the rest of the tune as given.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import FormSign
from chromasonic.melody_generation.vocabulary import NoteVocabulary

_VOCABULARY = NoteVocabulary()
_MAX_PARTS = 12
FAR = 1 << 40  # ticks: no end is required yet


@dataclass(frozen=True)
class Stretch:
    """A part of a plan.

    Attributes:
        ticks: Its duration; ``FAR`` if the model ends the melody.
        given: Its tokens; None if they are composed or copied.
        copy_of: Index of the earlier stretch that it copies; None if it copies none.
        after: Tokens of the signs after it, and of ``<end>`` after the last one.
        has_signs: Whether the model may set signs of form within it, and closing ones after it.
    """

    ticks: int = FAR
    given: tuple[int, ...] | None = None
    copy_of: int | None = None
    after: tuple[int, ...] = ()
    has_signs: bool = False


@dataclass(frozen=True)
class FormPart:
    """A part of a form.

    Attributes:
        letter: Its letter; parts with the same letter are the same.
        is_repeated: Whether it is played twice in a row.
    """

    letter: str
    is_repeated: bool


def parse_form(text: str) -> tuple[FormPart, ...]:
    """Return the parts of a form such as ``AABB``; a letter that is written twice is a part with repeat signs.

    Raises:
        InputError: If it is no form.

    Example:
        >>> [(part.letter, part.is_repeated) for part in parse_form("AABA")]
        [('A', True), ('B', False), ('A', False)]
    """
    runs = [match[0] for match in re.finditer(r"([A-Z])\1*", text)]
    if not runs or "".join(runs) != text or max(map(len, runs)) > 2 or len(runs) > _MAX_PARTS:
        raise InputError(
            f"a form is written like AABB or AABA, up to {_MAX_PARTS} parts of capital letters, each once or twice "
            f"in a row, got {text!r}"
        )
    return tuple(FormPart(run[0], len(run) == 2) for run in runs)


def form_stretches(parts: Sequence[FormPart], part_ticks: int) -> tuple[Stretch, ...]:
    """Return the stretches of a form whose parts have the same duration.

    Args:
        parts: The parts.
        part_ticks: The duration of each part, written once, in ticks.
    """
    stretches: list[Stretch] = []
    first: dict[str, int] = {}
    for index, part in enumerate(parts):
        following = parts[index + 1] if index + 1 < len(parts) else None
        signs = [FormSign.REPEAT_END] if part.is_repeated else []
        if following and following.is_repeated:
            signs.append(FormSign.REPEAT_BEGIN)
        elif following and not part.is_repeated:
            signs.append(FormSign.SECTION)
        after = tuple(map(_VOCABULARY.sign_token, signs))
        end = () if following else (_VOCABULARY.end,)
        stretches.append(Stretch(part_ticks, copy_of=first.get(part.letter), after=after + end))
        first.setdefault(part.letter, index)
    return tuple(stretches)


class PlanProgress:
    """The progress of one melody in its plan.

    Attributes:
        n_done: The number of complete stretches.
        final_degree: Semitones from the tonic up to the last note; -1 for any.
    """

    def __init__(
        self,
        stretches: Sequence[Stretch],
        begin: int = 0,
        composed: Sequence[int] = (),
        elapsed: int = 0,
        final_degree: int | None = None,
    ) -> None:
        """Begin the first stretch.

        Args:
            stretches: The plan, one stretch or more.
            begin: Ticks of the melody before it.
            composed: Tokens at its beginning that are there already.
            elapsed: Ticks of these tokens.
            final_degree: Semitones from the tonic up to the last note, 0 to 11; None for any.
        """
        self.final_degree = -1 if final_degree is None else final_degree
        self._stretches = stretches
        self._composed: list[list[int]] = [list(composed), *([] for _ in stretches[1:])]
        self._queue: deque[int] = deque()
        self._is_after = False
        self.n_done = 0
        self.end = begin
        self._enter()
        if composed and begin + elapsed == self.end:
            self._close()

    def _close(self) -> None:
        """Require the signs after the current stretch."""
        self._queue.extend(self._stretches[self.n_done].after)
        self._is_after = True

    def _enter(self) -> None:
        stretch = self._stretches[self.n_done]
        self.end += stretch.ticks
        self._is_after = False
        if stretch.given is not None:
            self._queue.extend(stretch.given)
        elif stretch.copy_of is not None:
            self._queue.extend(self._composed[stretch.copy_of])

    def copy(self) -> PlanProgress:
        """Return a copy that goes on independently."""
        other = object.__new__(PlanProgress)
        other.final_degree = self.final_degree
        other._stretches = self._stretches
        other._composed = [list(tokens) for tokens in self._composed]
        other._queue = self._queue.copy()
        other._is_after, other.n_done, other.end = self._is_after, self.n_done, self.end
        return other

    @property
    def forced(self) -> int:
        """The token that must come next; -1 if the model chooses."""
        return self._queue[0] if self._queue else -1

    @property
    def has_signs(self) -> bool:
        """True if the model may set signs of form now."""
        return self._stretches[self.n_done].has_signs if self.n_done < len(self._stretches) else False

    @property
    def is_closed_early(self) -> bool:
        """True if the current stretch has its duration, and others follow it."""
        return self._is_after and self.n_done < len(self._stretches) - 1

    @property
    def ends_melody(self) -> bool:
        """True if the melody ends with the current stretch, or with a copy of it."""
        last = len(self._stretches) - 1
        return self.n_done >= last or self.n_done == self._stretches[last].copy_of

    def after(self, token: int, elapsed: int) -> None:
        """Take note of the next token.

        Args:
            token: The token.
            elapsed: Ticks of the melody after it.
        """
        if self.n_done == len(self._stretches):
            return
        if self._queue:
            self._queue.popleft()
        if not self._is_after:
            self._composed[self.n_done].append(token)
        stretch = self._stretches[self.n_done]
        if not self._is_after and elapsed >= self.end and not self._queue:
            self._close()
        if self._is_after and not self._queue and (stretch.after or not stretch.has_signs):
            self.n_done += 1
            if self.n_done < len(self._stretches):
                self._enter()

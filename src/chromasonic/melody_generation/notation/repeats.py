"""The order in which a tune is played: repeats, endings and parts, unrolled.

A reader hands over a tune's events in the order of the page. A section is what is played again as a whole:
from a repeat sign (or where there is none, from the last repeat sign or double bar, or the beginning) to the
next one. It is a body and, perhaps, endings for certain turns.

* ``|: body :|`` is played twice, ``|: body |1 ... :|2 ... ||`` with one ending in each turn. Endings ask for
  turns even where a source forgets the repeat sign between them.
* Parts are played in the order that the tune's header gives, each with the repeats inside it; parts that the
  header names but the tune has not are passed over. Music before the first part mark is played first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import Literal

from chromasonic.melody_generation.melody import Metre

Repeats = Literal["written", "played"]

_MAX_TURNS = 16
MAX_EVENTS = 100_000


@dataclass(frozen=True)
class NoteEvent:
    """A note or rest (``REST``) with its length in ticks; ``tied`` if a tie leads from it to the next."""

    pitch: int
    ticks: Fraction | int
    tied: bool = False


class BarLine(Enum):
    """Bar lines by what they do to the order."""

    BAR = "|"
    DOUBLE_BAR = "||"
    REPEAT_BEGIN = "|:"
    REPEAT_END = ":|"


@dataclass(frozen=True)
class Ending:
    """What follows is played in these turns only, counted from 1."""

    turns: tuple[int, ...]


@dataclass(frozen=True)
class PartMark:
    """A part begins."""

    name: str


ScoreEvent = NoteEvent | BarLine | Ending | PartMark | Metre


def unroll(events: Sequence[ScoreEvent], part_order: str = "") -> list[ScoreEvent]:
    """The events in the order in which they are played: notes, bar lines and metres are left.

    Args:
        events: In the order of the page.
        part_order: The letters of the parts as they follow each other; empty for the order of the page.

    Raises:
        ValueError: If there are too many turns, or more than ``MAX_EVENTS`` events come of it.
    """
    found: list[ScoreEvent] = []
    for part in _ordered(_with_metres(events), part_order):
        for section in _sections(part):
            found.extend(section.unroll())
            if len(found) > MAX_EVENTS:
                raise ValueError(f"unrolled, the tune has more than {MAX_EVENTS} notes and bar lines")
    return found


def _with_metres(events: Iterable[ScoreEvent]) -> list[list[ScoreEvent]]:
    """The parts of a tune, each beginning with its mark (but the first) and the metre in force there."""
    parts: list[list[ScoreEvent]] = [[]]
    metre: Metre | None = None
    for event in events:
        if isinstance(event, PartMark):
            parts.append([event] if metre is None else [event, metre])
        else:
            parts[-1].append(event)
        metre = event if isinstance(event, Metre) else metre
    return parts


def _ordered(parts: list[list[ScoreEvent]], order: str) -> list[list[ScoreEvent]]:
    begin, *marked = parts
    by_letter: dict[str, list[ScoreEvent]] = {}
    for part in marked:
        mark = part[0]
        if isinstance(mark, PartMark) and mark.name:
            by_letter.setdefault(mark.name[0], []).extend(part)
    chosen = [by_letter[letter] for letter in order if letter in by_letter]
    # A part ends a bar, whether or not the source draws its line.
    return [[*part, BarLine.BAR] for part in [begin, *(chosen or marked)]]


@dataclass
class _Section:
    body: list[ScoreEvent] = field(default_factory=list)
    endings: list[tuple[tuple[int, ...], list[ScoreEvent]]] = field(default_factory=list)
    opened: bool = False  # by a repeat sign of its own
    repeated: bool = False
    complete: bool = False  # a sign has closed it, unless another ending follows at once

    def add(self, event: ScoreEvent) -> None:
        (self.endings[-1][1] if self.endings else self.body).append(event)

    def unroll(self) -> list[ScoreEvent]:
        last_turn = max((turn for turns, _ in self.endings for turn in turns), default=1)
        found: list[ScoreEvent] = []
        for turn in range(1, max(last_turn, 2 if self.repeated else 1) + 1):
            found.extend(self.body)
            for turns, events in self.endings:
                if turn in turns:
                    found.extend(events)
        return found


def _sections(events: Iterable[ScoreEvent]) -> list[_Section]:
    """Cut a part into sections; each begins with the metre in force where it begins."""
    sections = [_Section()]
    metre: Metre | None = None

    def begin_another() -> _Section:
        sections.append(_Section([] if metre is None else [metre]))
        return sections[-1]

    for event in events:
        section = sections[-1]
        match event:
            case Ending(turns):
                if max(turns) > _MAX_TURNS:
                    raise ValueError(f"an ending for turn {max(turns)}")
                known = {turn for others, _ in section.endings for turn in others}
                if known.intersection(turns) or (section.complete and not known):
                    section = begin_another()
                section.complete = False
                section.endings.append((turns, [] if metre is None else [metre]))
            case BarLine.REPEAT_BEGIN:
                section = begin_another()
                section.opened = True
            case BarLine.REPEAT_END:
                section.add(BarLine.BAR)
                section.repeated = section.complete = True
            case BarLine.DOUBLE_BAR:
                section.add(BarLine.BAR)
                section.complete = section.complete or bool(section.endings) or not section.opened
            case PartMark() | BarLine.BAR:
                section.add(BarLine.BAR)
            case NoteEvent() | Metre():
                if section.complete:
                    section = begin_another()
                section.add(event)
                metre = event if isinstance(event, Metre) else metre
    return sections

"""Unroll repeats, endings and parts of a tune into the order in which it is played.

A reader passes a tune's events in written order. A section is a passage that is repeated as a whole: it begins at a
repeat sign (without one, at the last repeat sign or double bar, or at the beginning of the tune) and ends at the next
repeat sign. It consists of a body and any number of endings.

* ``|: body :|`` is played twice, ``|: body |1 ... :|2 ... ||`` with one ending per pass. Endings imply passes even if a
  source omits the repeat sign between them.
* A double bar within a repeated section does not cut off its first bars: if the bars after it are no multiple of four,
  and those before it complete them to one, it is no beginning.
* Parts are played in the order given in the tune's header, each with its own repeats. Parts that the header names and
  the tune lacks are skipped, and so are parts without notes. Music before the first part mark is played first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import Literal

from chromasonic.melody_generation.form import MAX_PASSES, Chord
from chromasonic.melody_generation.melody import Metre

Repeats = Literal["written", "played"]

_BARS_PER_PHRASE = 4
MAX_EVENTS = 100_000


@dataclass(frozen=True)
class NoteEvent:
    """A note or rest (``REST``) with its duration in ticks; ``tied`` if a tie leads to the next note.

    ``fifths`` is the position of its spelling on the line of fifths; None if it is not known.
    """

    pitch: int
    ticks: Fraction | int
    tied: bool = False
    fifths: int | None = None


class BarLine(Enum):
    """Bar lines by their effect on the order of playing."""

    BAR = "|"
    DOUBLE_BAR = "||"
    REPEAT_BEGIN = "|:"
    REPEAT_END = ":|"


@dataclass(frozen=True)
class Ending:
    """The beginning of an ending, with the passes in which it is played, counted from 1."""

    passes: tuple[int, ...]


@dataclass(frozen=True)
class PartMark:
    """The beginning of a part."""

    name: str


ScoreEvent = NoteEvent | BarLine | Ending | PartMark | Metre | Chord  # a chord stands at the next note


def unroll(events: Sequence[ScoreEvent], part_order: str = "") -> list[ScoreEvent]:
    """Return the notes, chords, bar lines and metres of a tune in the order in which they are played.

    Args:
        events: Events in written order.
        part_order: The letters of the parts in playing order; empty for the written order.

    Raises:
        ValueError: If an ending is for more than 16 passes, or the result has more than ``MAX_EVENTS`` events.

    Example:
        >>> note, last = NoteEvent(60, 96), NoteEvent(62, 96)
        >>> events = unroll([BarLine.REPEAT_BEGIN, note, BarLine.REPEAT_END, last])
        >>> [event.pitch for event in events if isinstance(event, NoteEvent)]
        [60, 60, 62]
    """
    unrolled: list[ScoreEvent] = []
    for part in _reorder(_split_parts(events), part_order):
        for section in _split_sections(part):
            unrolled.extend(section.unroll())
            if len(unrolled) > MAX_EVENTS:
                raise ValueError(f"unrolled, the tune has more than {MAX_EVENTS} notes and bar lines")
    return unrolled


def unmarked_repeats(events: Sequence[ScoreEvent]) -> list[int]:
    """Return the index of the first note of each repeated section that has no repeat sign before it.

    Pieces of a note that are tied to the next one are no notes of their own. The first section needs no sign.
    """
    beginnings, n_notes = [], 0
    for part in _split_parts(events):
        for section in _split_sections(part):
            if section.is_repeated and not section.opened and n_notes:
                beginnings.append(n_notes)
            n_notes += sum(isinstance(event, NoteEvent) and not event.tied for event in section.events())
    return beginnings


def _split_parts(events: Iterable[ScoreEvent]) -> list[list[ScoreEvent]]:
    """Split a tune into its parts; each begins with its mark (except the first) and the metre in force."""
    parts: list[list[ScoreEvent]] = [[]]
    metre: Metre | None = None
    for event in events:
        if isinstance(event, PartMark):
            parts.append([event] if metre is None else [event, metre])
        else:
            parts[-1].append(event)
        metre = event if isinstance(event, Metre) else metre
    return parts


def _reorder(parts: list[list[ScoreEvent]], order: str) -> Iterator[list[ScoreEvent]]:
    """Yield the parts in the order in which they are played, one copy at a time."""
    begin, *marked = parts
    by_letter: dict[str, list[ScoreEvent]] = {}
    for part in marked:
        mark = part[0]
        if isinstance(mark, PartMark) and mark.name and any(isinstance(event, NoteEvent) for event in part):
            by_letter.setdefault(mark.name[0], []).extend(part)
    chosen = [by_letter[letter] for letter in order if letter in by_letter]
    # A part ends a bar even if the source omits the bar line.
    for part in [begin, *(chosen or marked)]:
        yield [*part, BarLine.BAR]


@dataclass
class _Section:
    body: list[ScoreEvent] = field(default_factory=list)
    endings: list[tuple[tuple[int, ...], list[ScoreEvent]]] = field(default_factory=list)
    opened: bool = False  # by a repeat sign
    repeated: bool = False
    complete: bool = False  # closed by a bar line, unless another ending follows at once

    def add(self, event: ScoreEvent) -> None:
        (self.endings[-1][1] if self.endings else self.body).append(event)

    def join(self, following: _Section) -> _Section:
        """Take over the events of the section that follows, and return this section."""
        self.body += following.body
        self.endings = following.endings
        return self

    @property
    def is_repeated(self) -> bool:
        """True if it is played more than once."""
        return self.repeated or any(max(passes) > 1 for passes, _ in self.endings)

    def events(self) -> Iterator[ScoreEvent]:
        """Yield its events in written order."""
        yield from self.body
        for _, events in self.endings:
            yield from events

    def n_ticks(self) -> Fraction | int:
        """Return the duration of one pass."""
        events = self.body + (self.endings[0][1] if self.endings else [])
        return sum(event.ticks for event in events if isinstance(event, NoteEvent))

    def unroll(self) -> list[ScoreEvent]:
        last_pass = max((number for passes, _ in self.endings for number in passes), default=1)
        unrolled: list[ScoreEvent] = []
        for number in range(1, max(last_pass, 2 if self.repeated else 1) + 1):
            unrolled.extend(self.body)
            for passes, events in self.endings:
                if number in passes:
                    unrolled.extend(events)
        return unrolled


def _is_cut_by_stray_bar(before: _Section, section: _Section, metre: Metre | None) -> bool:
    """Return whether a double bar has cut off the first bars of a repeated section that has no repeat sign before it.

    With them, and not without them, the section has a multiple of four bars, as the parts of most tunes have.
    """
    if section.opened or before.opened or before.repeated or before.endings or metre is None or not metre.beats:
        return False
    n_bars = round(section.n_ticks() / metre.bar_ticks)
    n_joined = round((before.n_ticks() + section.n_ticks()) / metre.bar_ticks)
    return n_bars % _BARS_PER_PHRASE != 0 and n_joined % _BARS_PER_PHRASE == 0


def _split_sections(events: Iterable[ScoreEvent]) -> list[_Section]:
    """Split a part into sections; each begins with the metre in force."""
    sections = [_Section()]
    metre: Metre | None = None

    def begin_another() -> _Section:
        sections.append(_Section([] if metre is None else [metre]))
        return sections[-1]

    for event in events:
        section = sections[-1]
        match event:
            case Ending(passes):
                if max(passes) > MAX_PASSES:
                    raise ValueError(f"an ending is for pass {max(passes)}; at most {MAX_PASSES} are played")
                earlier = {number for ending, _ in section.endings for number in ending}
                if earlier.intersection(passes) or (section.complete and not earlier):
                    section = begin_another()
                section.complete = False
                section.endings.append((passes, [] if metre is None else [metre]))
            case BarLine.REPEAT_BEGIN:
                section.add(BarLine.BAR)
                section = begin_another()
                section.opened = True
            case BarLine.REPEAT_END:
                if len(sections) > 1 and _is_cut_by_stray_bar(sections[-2], section, metre):
                    section = sections[-2].join(sections.pop())
                section.add(BarLine.BAR)
                section.repeated = section.complete = True
            case BarLine.DOUBLE_BAR:
                section.add(BarLine.BAR)
                section.complete = section.complete or bool(section.endings) or not section.opened
            case BarLine.BAR:
                section.add(BarLine.BAR)
            case PartMark():  # also within a part, if the tune has two of one name
                section.add(BarLine.BAR)
                section.complete = True
            case NoteEvent() | Metre() | Chord():
                if section.complete:
                    section = begin_another()
                section.add(event)
                metre = event if isinstance(event, Metre) else metre
    return sections

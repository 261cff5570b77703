"""Unroll the form of a melody into the order in which it is played."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from chromasonic.melody_generation.form import FormMark, FormSign, marks_by_note, without_redundant_marks
from chromasonic.melody_generation.io.barring import BarCounter
from chromasonic.melody_generation.melody import REST, Melody, Metre
from chromasonic.melody_generation.notation.repeats import (
    BarLine,
    Ending,
    NoteEvent,
    PartMark,
    ScoreEvent,
    unmarked_repeats,
    unroll,
)

_REPEATING = (FormSign.REPEAT_END, FormSign.ENDING)
_BAR_LINES = {
    FormSign.SECTION: BarLine.DOUBLE_BAR,
    FormSign.REPEAT_BEGIN: BarLine.REPEAT_BEGIN,
    FormSign.REPEAT_END: BarLine.REPEAT_END,
}


def played(melody: Melody) -> Melody:
    """Return a melody with its repeats, endings and parts written out, without signs of form.

    Bars are counted again. A reader with ``repeats="played"`` gives the same melody.

    Raises:
        ValueError: If the result has more than 100 000 notes and bar lines.

    Example:
        >>> marks = [FormMark(0, FormSign.REPEAT_BEGIN), FormMark(1, FormSign.REPEAT_END)]
        >>> played(Melody([60, 62], [96, 96], form=marks)).pitches.tolist()
        [60, 60, 62]
    """
    counter = BarCounter(melody.metre)
    pass_events(counter, unroll(list(score_events(melody)), melody.part_order))
    return counter.tune(
        tonic=melody.tonic,
        mode=melody.mode,
        title=melody.title,
        source=melody.source,
        corpus=melody.corpus,
        kind=melody.kind,
    ).melody


def with_repeat_signs(melody: Melody) -> Melody:
    """Return a melody in which every repeated section but the first begins with a repeat sign.

    Sources omit the sign after a repeat, a double bar, or at the beginning of a part. Programs differ in where they go
    back to without it.

    Example:
        >>> tune = Melody([60, 62], [96, 96], form=[FormMark(1, FormSign.REPEAT_END), FormMark(2, FormSign.REPEAT_END)])
        >>> [(mark.note, mark.sign.value) for mark in with_repeat_signs(tune).form]
        [(1, ':|'), (1, '|:'), (2, ':|')]
    """
    if not any(mark.sign in _REPEATING for mark in melody.form):
        return melody
    beginnings = unmarked_repeats(list(score_events(melody)))
    if not beginnings:
        return melody
    form: list[FormMark] = []
    for mark in (*melody.form, None):
        while beginnings and (mark is None or mark.note > beginnings[0] or _follows_repeat_sign(mark, beginnings[0])):
            form.append(FormMark(beginnings.pop(0), FormSign.REPEAT_BEGIN))
        if mark:
            form.append(mark)
    return replace(melody, form=without_redundant_marks(form, len(melody)))


def _follows_repeat_sign(mark: FormMark, note: int) -> bool:
    return mark.note == note and mark.sign is FormSign.ENDING


def pass_events(counter: BarCounter, events: Iterable[ScoreEvent]) -> None:
    """Pass the events of a tune to a bar counter."""
    for event in events:
        match event:
            case NoteEvent(pitch, ticks, tied, fifths):
                counter.note(pitch, ticks, tied=tied, fifths=fifths)
            case Metre():
                counter.metre(event)
            case BarLine():
                counter.bar_line()
                if event is not BarLine.BAR:
                    counter.mark(FormSign(event.value))
            case PartMark(name):
                counter.bar_line()
                counter.mark(FormSign.PART, name=name)
            case Ending(passes):
                counter.mark(FormSign.ENDING, passes)
            case _:
                counter.chord(event)


def score_events(melody: Melody) -> Iterator[ScoreEvent]:
    """Yield the events of a melody in written order, with all bar lines, counted or not.

    A note over a bar line or a chord symbol is two tied notes.
    """
    changes = {0: melody.metre} | {change.note: change.metre for change in melody.departures if change.metre}
    bar_lines = set(melody.bar_lines.tolist())
    chords = {chord.onset: replace(chord, onset=0) for chord in melody.chords}
    marks = marks_by_note(melody.form)
    cuts = deque(sorted(bar_lines | set(chords)))
    notes = zip(melody.onsets.tolist(), melody.durations.tolist(), melody.pitches.tolist(), strict=True)
    for note, (onset, ticks, pitch) in enumerate(notes):
        fifths = int(melody.spelling[note]) if len(melody.spelling) and pitch != REST else None
        if onset in bar_lines:
            yield BarLine.BAR
        yield from map(_event_of, marks.pop(note, ()))
        if note in changes:
            yield changes[note]
        begin = onset
        while cuts and cuts[0] < onset + ticks:
            cut = cuts.popleft()
            if cut > begin:
                yield from [chords[begin]] if begin in chords else []
                yield NoteEvent(pitch, cut - begin, tied=True, fifths=fifths)
                yield from [BarLine.BAR] if cut in bar_lines else []
                begin = cut
        yield from [chords[begin]] if begin in chords else []
        yield NoteEvent(pitch, onset + ticks - begin, fifths=fifths)
    yield from map(_event_of, marks.pop(len(melody), ()))


def _event_of(mark: FormMark) -> ScoreEvent:
    match mark.sign:
        case FormSign.ENDING:
            return Ending(mark.passes)
        case FormSign.PART:
            return PartMark(mark.name)
        case sign:
            return _BAR_LINES[sign]

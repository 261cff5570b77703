"""Extract a melody from a polyphonic score: select its part, reduce it to its skyline, and count its bars.

* :mod:`~chromasonic.melody_generation.io.melody_part` selects the part.
* The melody is the skyline of that part: of simultaneous notes the highest. A lower note that begins during a higher
  one is omitted, unless the higher one ends before half of the lower one: these are two overlapping notes of one line.
  Of two overlapping notes, the earlier is cut at the onset of the later.
* Silence before the first note sets the position in the bar, silence after the last note and the repeat sign that may
  follow it is ignored, and silence of more than a tick in between is a rest, one for each bar.
* Signs of form and chord symbols stand where they are written. A chord that changes before the first note stands at it.
  Letters are the parts of a tune unless they divide a repeated passage: these are rehearsal marks.
* A written key that the notes contradict is replaced by an estimated one: many programs write C major by default.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import Chord, FormMark, FormSign
from chromasonic.melody_generation.io.barring import WITHIN_A_NOTE, BarCounter
from chromasonic.melody_generation.io.melody_part import ScorePart, TimedChord, TimedNote, select_part
from chromasonic.melody_generation.io.played.played_melody import played, with_repeat_signs
from chromasonic.melody_generation.io.tunes import CHORD_SYMBOLS, LOWER_NOTES, OTHER_PARTS, Remark, WrittenTune
from chromasonic.melody_generation.measures.key_estimation import Key, contradicted_key, estimated_key
from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER, Melody, Metre

# A few bytes of a damaged file can name a very late time, and each bar takes memory.
_MAX_TICKS = 20_000 * TICKS_PER_QUARTER
_MAX_BARS = 20_000
_MAX_ROUNDING = 1  # tick; programs round durations, and no rest is so short


@dataclass(frozen=True)
class MetreChange:
    """A change to ``metre`` at ``onset``, in ticks from the beginning."""

    onset: Fraction
    metre: Metre


@dataclass(frozen=True)
class TimedMark:
    """A sign of form at ``onset``, in ticks from the beginning; the note of ``mark`` itself has no meaning."""

    onset: Fraction
    mark: FormMark


@dataclass(frozen=True)
class ParsedScore:
    """The content of a score from which a melody is extracted.

    Attributes:
        parts: The parts in written order.
        metres: Changes of metre by rising onset; the metre before the first is 4/4.
        bar_lines: Ticks at which the written bars begin, rising; None if the source has no bar lines, which are then
            counted.
        key: The written key, or None.
        sharps: Number of sharps of a key signature without a mode, negative for flats; None if there is no such
            signature.
        title: The written title, empty if there is none.
        kind: The kind of tune, one of ``KINDS``.
        marks: Signs of form by rising onset.
        part_order: The letters of the parts in playing order; empty for the written order.
        left_out: Number of symbols outside the parts that are no part of the melody, by kind.
    """

    parts: tuple[ScorePart, ...]
    metres: tuple[MetreChange, ...] = ()
    bar_lines: tuple[Fraction, ...] | None = None
    key: Key | None = None
    sharps: int | None = None
    title: str = ""
    kind: str = "unknown"
    marks: tuple[TimedMark, ...] = ()
    part_order: str = ""
    left_out: Mapping[str, int] = field(default_factory=dict)


def extract_skyline(notes: Sequence[TimedNote]) -> list[TimedNote]:
    """Reduce notes to one line without overlaps, by rising onset.

    Example:
        >>> held, below, after = TimedNote(0, 48, 72), TimedNote(24, 48, 60), TimedNote(45, 72, 71)
        >>> [(int(note.onset), int(note.end), note.pitch) for note in extract_skyline([held, below, after])]
        [(0, 45, 72), (45, 72, 71)]
    """
    line: list[TimedNote] = []
    for note in sorted(notes, key=lambda note: (note.onset, -note.pitch)):
        if line and note.onset < line[-1].end:
            before = line[-1]
            overlap = min(before.end, note.end) - note.onset
            is_lower = note.pitch < before.pitch
            if note.onset == before.onset or (is_lower and 2 * overlap >= note.end - note.onset):
                continue
            line[-1] = replace(before, end=note.onset)
        line.append(note)
    return line


def tune_from_score(score: ParsedScore, source: str, part: str | int | None = None) -> WrittenTune:
    """Extract the melody of a score and count its bars.

    Args:
        score: The parsed score.
        source: The melody's ``source``.
        part: The name or the number of the part that carries the melody, as for
            :func:`~chromasonic.melody_generation.io.melody_part.select_part`.

    Raises:
        InputError: If there is no note, no such part, the melody is too long, or a value is out of range.
    """
    selected = select_part(score.parts, part)
    if selected.part.key or selected.part.sharps is not None:  # parts for transposing instruments differ
        score = replace(score, key=selected.part.key, sharps=selected.part.sharps)
    line = extract_skyline(selected.part.notes)
    if line[-1].end > _MAX_TICKS:
        raise InputError(f"it is longer than {_MAX_TICKS // TICKS_PER_QUARTER} quarter notes")
    key, key_remark = _key(line, score)
    chords = selected.part.chords or _chords_of_others(selected.part, score.parts)
    counter = _counter(line, score, chords)
    try:
        tune = counter.tune(
            tonic=key.tonic,
            mode=key.mode,
            title=score.title,
            source=source,
            part_order=score.part_order,
            kind=score.kind,
        )
        tune = replace(tune, melody=with_repeat_signs(_without_rehearsal_letters(tune.melody)))
    except ValueError as problem:
        raise InputError(f"it is no melody: {problem}") from problem
    n_notes = sum(len(each_part.notes) for each_part in score.parts)
    left_out = Counter(score.left_out) + Counter(selected.part.left_out)
    left_out[OTHER_PARTS] += n_notes - len(selected.part.notes)
    left_out[LOWER_NOTES] += len(selected.part.notes) - len(line)
    left_out[CHORD_SYMBOLS] += sum(len(each_part.chords) for each_part in score.parts) - len(tune.melody.chords)
    return replace(
        tune,
        n_onsets_moved=selected.part.n_onsets_moved,
        left_out=dict(+left_out),
        remarks=tuple(remark for remark in (selected.remark, *selected.part.remarks, key_remark) if remark),
    )


def _key(line: Sequence[TimedNote], score: ParsedScore) -> tuple[Key, Remark | None]:
    """Return the written key, or an estimated one if there is none or the notes contradict it."""
    pitches = [note.pitch for note in line]
    durations = [float(note.end - note.onset) for note in line]
    if score.key is None:
        return estimated_key(pitches, durations, score.sharps), None
    better = contradicted_key(score.key, pitches, durations)
    if better is None:
        return score.key, None
    detail = f"{better.name} instead of {score.key.name}"
    return better, Remark("the key is estimated, because the notes contradict the written one", detail)


def _chords_of_others(part: ScorePart, parts: Sequence[ScorePart]) -> tuple[TimedChord, ...]:
    """Return the chords of the first part that has any; a part with another signature is written transposed."""
    written_alike = (other for other in parts if (other.key, other.sharps) == (part.key, part.sharps))
    return next((other.chords for other in written_alike if other.chords), ())


def _without_rehearsal_letters(melody: Melody) -> Melody:
    """Return the melody without its parts if one of them begins within a repeated passage."""
    if all(mark.sign is not FormSign.PART for mark in melody.form):
        return melody
    without = replace(melody, part_order="", form=tuple(mark for mark in melody.form if mark.sign is not FormSign.PART))
    in_written_order = replace(melody, part_order="")
    return melody if len(played(in_written_order)) == len(played(without)) else without


def _counter(line: list[TimedNote], score: ParsedScore, timed_chords: Sequence[TimedChord]) -> BarCounter:
    """Pass notes, rests, bar lines, metres, chords and signs of form to a bar counter in the order of time."""
    notes = [*_with_rests(line), *_last_rest(line, score.marks)]
    first, last = notes[0].onset, notes[-1].end
    metres = {change.onset: change.metre for change in score.metres if change.onset > first}
    earlier = [change.metre for change in score.metres if change.onset <= first]
    metre = earlier[-1] if earlier else Metre(4, 4)
    counter = BarCounter(metre)
    bar_lines = set(_counted_bar_lines(score.metres, last) if score.bar_lines is None else score.bar_lines)
    chords = _placed_chords(timed_chords, sorted(bar_lines.union(note.onset for note in notes)), first)
    marks = _placed_marks(score.marks, first, last)
    bounds = sorted((bound for bound in {*bar_lines, *metres, *chords, *marks} if first < bound < last), reverse=True)
    _add_signs(counter, marks.get(first, ()), chords.get(first))
    for note in notes:
        begin = note.onset
        late: list[FormMark] = []  # signs at bar lines that have no place within this note
        while bounds and bounds[-1] < note.end:
            bound = bounds.pop()  # the next one
            signs, chord = marks.get(bound, []), chords.get(bound)
            is_bar = bound in bar_lines or bound in metres
            is_free = not metre.beats
            metre = metres.get(bound, metre)
            is_held = bound > note.onset and note.pitch != REST
            if is_held and is_free and not metre.beats and all(mark.sign in WITHIN_A_NOTE for mark in signs):
                # A tie across a bar line: the note is one, and without a metre the bar line has no place.
                late, signs, is_bar = [*late, *signs], [], False
            if bound > begin and (is_bar or signs or chord):
                counter.note(note.pitch, bound - begin, tied=is_held or not is_bar, fifths=note.fifths)
                begin = bound
            if is_bar:
                counter.metre(metre)
            if is_bar and bound in bar_lines:
                counter.bar_line()
            _add_signs(counter, signs, chord)
        counter.note(note.pitch, note.end - begin, fifths=note.fifths)
        _add_signs(counter, late)
    _add_signs(counter, marks.get(last, ()))
    return counter


def _add_signs(counter: BarCounter, marks: Sequence[FormMark], chord: Chord | None = None) -> None:
    for mark in marks:
        counter.mark(mark.sign, mark.passes, mark.name)
    if chord:
        counter.chord(chord)


def _placed_chords(
    timed_chords: Sequence[TimedChord], bounds: Sequence[Fraction], first: Fraction
) -> dict[Fraction, Chord]:
    """Return the chords by time: of a note or bar line that is less than a tick away, else in whole ticks."""
    placed: dict[Fraction, Chord] = {}
    for timed in timed_chords:
        index = bisect_right(bounds, timed.onset)
        nearest = min(bounds[max(index - 1, 0) : index + 1], key=lambda bound: abs(bound - timed.onset))
        time = nearest if abs(nearest - timed.onset) < 1 else Fraction(round(timed.onset))
        placed[max(time, first)] = timed.chord
    return placed


# The order of signs at the same time.
_ORDER_OF_SIGNS = (FormSign.REPEAT_END, FormSign.SECTION, FormSign.PART, FormSign.REPEAT_BEGIN, FormSign.ENDING)


def _placed_marks(marks: Sequence[TimedMark], first: Fraction, last: Fraction) -> dict[Fraction, list[FormMark]]:
    """Return the signs of form by time, without those of passages before the first note and after the last."""
    placed: dict[Fraction, list[FormMark]] = {}
    for timed in marks:
        if timed.mark.sign is FormSign.REPEAT_END and timed.onset <= first:
            placed.clear()
        elif timed.mark.sign is FormSign.REPEAT_END or timed.onset < last:
            placed.setdefault(min(max(timed.onset, first), last), []).append(timed.mark)
    return {time: sorted(signs, key=lambda mark: _ORDER_OF_SIGNS.index(mark.sign)) for time, signs in placed.items()}


def _with_rests(line: list[TimedNote]) -> list[TimedNote]:
    filled = line[:1]
    for note in line[1:]:
        gap = note.onset - filled[-1].end
        if 0 < gap <= _MAX_ROUNDING:
            filled[-1] = replace(filled[-1], end=note.onset)
        elif gap > 0:
            filled.append(TimedNote(filled[-1].end, note.onset, REST))
        filled.append(note)
    return filled


def _last_rest(line: list[TimedNote], marks: Sequence[TimedMark]) -> list[TimedNote]:
    """Return the silence from the last note to the repeat sign after it, which is heard before the repetition."""
    last = line[-1].end
    ends = (timed.onset for timed in marks if timed.mark.sign is FormSign.REPEAT_END and timed.onset >= last)
    end = next(ends, last)
    return [TimedNote(last, end, REST)] if last + _MAX_ROUNDING < end <= _MAX_TICKS else []


def _counted_bar_lines(metres: tuple[MetreChange, ...], last: Fraction) -> list[Fraction]:
    """Return the bar lines that the metres imply, up to ``last``; a new metre begins a new bar."""
    bar_lines: list[Fraction] = []
    changes = metres if metres and metres[0].onset == 0 else (MetreChange(Fraction(), Metre(4, 4)), *metres)
    ends = [*(change.onset for change in changes[1:]), last]
    for change, end in zip(changes, ends, strict=True):
        bar = change.onset
        while bar < end:
            bar_lines.append(bar)
            if len(bar_lines) > _MAX_BARS:
                raise InputError(f"it has more than {_MAX_BARS} bars")
            bar += change.metre.bar_ticks
    return bar_lines

"""Extract a melody from a polyphonic score: select its part, reduce it to its skyline, and count its bars.

* :mod:`~chromasonic.melody_generation.io.melody_part` selects the part.
* The melody is the skyline of that part: of simultaneous notes the highest. A lower note that begins during a higher
  one is omitted, unless the higher one ends before half of the lower one: these are two overlapping notes of one line.
  Of two overlapping notes, the earlier is cut at the onset of the later.
* Silence before the first note sets the position in the bar, silence after the last note is ignored, and silence of
  more than a tick in between is a rest, one for each bar.
* A written key that the notes contradict is replaced by an estimated one: many programs write C major by default.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.barring import BarCounter
from chromasonic.melody_generation.io.melody_part import ScorePart, TimedNote, select_part
from chromasonic.melody_generation.io.tunes import LOWER_NOTES, OTHER_PARTS, Remark, WrittenTune
from chromasonic.melody_generation.measures.key_estimation import Key, contradicted_key, estimated_key
from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER, Metre

# A few bytes of a damaged file can name a very late time, and each bar takes memory.
_MAX_TICKS = 20_000 * TICKS_PER_QUARTER
_MAX_ROUNDING = 1  # tick; programs round durations, and no rest is so short


@dataclass(frozen=True)
class MetreChange:
    """A change to ``metre`` at ``onset``, in ticks from the beginning."""

    onset: Fraction
    metre: Metre


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
        left_out: Number of symbols outside the parts that are no part of the melody, by kind.
    """

    parts: tuple[ScorePart, ...]
    metres: tuple[MetreChange, ...] = ()
    bar_lines: tuple[Fraction, ...] | None = None
    key: Key | None = None
    sharps: int | None = None
    title: str = ""
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
    counter = _counter(line, score)
    try:
        tune = counter.tune(tonic=key.tonic, mode=key.mode, title=score.title, source=source)
    except ValueError as problem:
        raise InputError(f"it is no melody: {problem}") from problem
    n_notes = sum(len(each_part.notes) for each_part in score.parts)
    left_out = Counter(score.left_out) + Counter(selected.part.left_out)
    left_out[OTHER_PARTS] += n_notes - len(selected.part.notes)
    left_out[LOWER_NOTES] += len(selected.part.notes) - len(line)
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


def _counter(line: list[TimedNote], score: ParsedScore) -> BarCounter:
    """Pass notes, rests, bar lines and metres to a bar counter in the order of time."""
    first, last = line[0].onset, line[-1].end
    metres = {change.onset: change.metre for change in score.metres if change.onset > first}
    earlier = [change.metre for change in score.metres if change.onset <= first]
    metre = earlier[-1] if earlier else Metre(4, 4)
    counter = BarCounter(metre)
    bar_lines = set(_counted_bar_lines(score.metres, last) if score.bar_lines is None else score.bar_lines)
    bounds = sorted((bound for bound in bar_lines | set(metres) if first < bound < last), reverse=True)  # next one last
    for note in _with_rests(line):
        begin = note.onset
        while bounds and bounds[-1] < note.end:
            bound = bounds.pop()
            is_free = not metre.beats
            metre = metres.get(bound, metre)
            if is_free and not metre.beats and bound > note.onset and note.pitch != REST:
                continue  # a tie across a bar line: the note is one, and without a metre the bar line has no place
            if bound > begin:
                counter.note(note.pitch, bound - begin, tied=note.pitch != REST)
                begin = bound
            counter.metre(metre)
            if bound in bar_lines:
                counter.bar_line()
        counter.note(note.pitch, note.end - begin)
    return counter


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


def _counted_bar_lines(metres: tuple[MetreChange, ...], last: Fraction) -> list[Fraction]:
    """Return the bar lines that the metres imply, up to ``last``; a new metre begins a new bar."""
    bar_lines: list[Fraction] = []
    changes = metres if metres and metres[0].onset == 0 else (MetreChange(Fraction(), Metre(4, 4)), *metres)
    ends = [*(change.onset for change in changes[1:]), last]
    for change, end in zip(changes, ends, strict=True):
        bar = change.onset
        while bar < end:
            bar_lines.append(bar)
            bar += change.metre.bar_ticks
    return bar_lines

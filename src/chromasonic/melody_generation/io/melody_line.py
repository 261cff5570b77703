"""Extract a melody from a polyphonic score: select its part, reduce it to its skyline, and count its bars.

* The melody part is the one with the highest mean pitch among the parts with at least half as many notes as the fullest
  part. So neither a bass nor a few bars of descant are selected.
* The melody is the skyline of that part: of simultaneous notes the highest. A lower note that begins during a higher
  one is omitted, unless the higher one ends before half of the lower one: these are two overlapping notes of one line.
  Of two overlapping notes, the earlier is cut at the onset of the later.
* Silence before the first note sets the position in the bar, silence after the last note is ignored, and silence in
  between is a rest, one for each bar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.barring import BarCounter
from chromasonic.melody_generation.io.tunes import WrittenTune
from chromasonic.melody_generation.measures.key_estimation import Key, estimated_key
from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER, Metre

# A few bytes of a damaged file can name a very late time, and each bar takes memory.
_MAX_TICKS = 20_000 * TICKS_PER_QUARTER


@dataclass(frozen=True)
class TimedNote:
    """A sounding note of MIDI number ``pitch`` from ``onset`` to ``end``, in ticks from the beginning."""

    onset: Fraction
    end: Fraction
    pitch: int


@dataclass(frozen=True)
class MetreChange:
    """A change to ``metre`` at ``onset``, in ticks from the beginning."""

    onset: Fraction
    metre: Metre


@dataclass(frozen=True)
class ParsedScore:
    """The content of a score from which a melody is extracted.

    Attributes:
        parts: The notes of each part, in any order.
        metres: Changes of metre by rising onset; the metre before the first is 4/4.
        bar_lines: Ticks at which the written bars begin, rising; None if the source has no bar lines, which are then
            counted.
        key: The written key, or None.
        sharps: Number of sharps of a key signature without a mode, negative for flats; None if there is no such
            signature.
        title: The written title, empty if there is none.
    """

    parts: tuple[tuple[TimedNote, ...], ...]
    metres: tuple[MetreChange, ...] = ()
    bar_lines: tuple[Fraction, ...] | None = None
    key: Key | None = None
    sharps: int | None = None
    title: str = ""


def select_melody_part(parts: Sequence[Sequence[TimedNote]]) -> Sequence[TimedNote]:
    """Select the part that carries the melody; the first of equals.

    Raises:
        InputError: If no part has a note.
    """
    fullest = max(map(len, parts), default=0)
    if not fullest:
        raise InputError("it has no pitched notes")
    full = [part for part in parts if 2 * len(part) >= fullest]
    return max(full, key=lambda part: sum(note.pitch for note in part) / len(part))


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


def tune_from_score(score: ParsedScore, source: str) -> WrittenTune:
    """Extract the melody of a score and count its bars.

    Args:
        score: The parsed score.
        source: The melody's ``source``.

    Raises:
        InputError: If there is no note, the melody is too long, or a value is out of range.
    """
    line = extract_skyline(select_melody_part(score.parts))
    if line[-1].end > _MAX_TICKS:
        raise InputError(f"it is longer than {_MAX_TICKS // TICKS_PER_QUARTER} quarter notes")
    key = score.key or estimated_key(
        [note.pitch for note in line], [float(note.end - note.onset) for note in line], score.sharps
    )
    counter = _counter(line, score)
    try:
        return counter.tune(tonic=key.tonic, mode=key.mode, title=score.title, source=source)
    except ValueError as problem:
        raise InputError(f"it is no melody: {problem}") from problem


def _counter(line: list[TimedNote], score: ParsedScore) -> BarCounter:
    """Pass notes, rests, bar lines and metres to a bar counter in the order of time."""
    first, last = line[0].onset, line[-1].end
    metres = {change.onset: change.metre for change in score.metres if change.onset > first}
    earlier = [change.metre for change in score.metres if change.onset <= first]
    counter = BarCounter(earlier[-1] if earlier else Metre(4, 4))
    bar_lines = set(_counted_bar_lines(score.metres, last) if score.bar_lines is None else score.bar_lines)
    bounds = sorted((bound for bound in bar_lines | set(metres) if first < bound < last), reverse=True)  # next one last
    for note in _with_rests(line):
        begin = note.onset
        while bounds and bounds[-1] < note.end:
            bound = bounds.pop()
            if bound > begin:
                counter.note(note.pitch, bound - begin, tied=note.pitch != REST)
                begin = bound
            if bound in metres:
                counter.metre(metres[bound])
            if bound in bar_lines:
                counter.bar_line()
        counter.note(note.pitch, note.end - begin)
    return counter


def _with_rests(line: list[TimedNote]) -> list[TimedNote]:
    filled = line[:1]
    for note in line[1:]:
        if note.onset > filled[-1].end:
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

"""From what sounds in a score to one melody: the part that carries it, its skyline, and its bars.

* The melody's part is the one with the highest mean pitch among those with at least half as many notes as the
  fullest; so neither a bass nor a few bars of descant win.
* Within it the skyline is the melody: of notes that begin together the highest; a lower note that begins
  while a higher one sounds is left out, unless the higher one ends before half of it is over: that is two
  notes played into each other. Of two notes that overlap, the earlier is cut where the later begins.
* Silence before the first note is its place in the bar, silence after the last is nothing, and silence
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

# No melody is so long, but a few bytes of a broken file can name such a time, and each bar takes memory.
_MOST_TICKS = 20_000 * TICKS_PER_QUARTER


@dataclass(frozen=True)
class TimedNote:
    """A note that sounds, of MIDI number ``pitch``, from ``onset`` to ``end``: ticks from the beginning."""

    onset: Fraction
    end: Fraction
    pitch: int


@dataclass(frozen=True)
class MetreChange:
    """From ``onset`` on, in ticks from the beginning, the metre is ``metre``."""

    onset: Fraction
    metre: Metre


@dataclass(frozen=True)
class ParsedScore:
    """What is to be known of a score before its melody is found.

    Attributes:
        parts: The sounds of each part, in any order.
        metres: By rising onset; 4/4 where there is none.
        bar_lines: Ticks at which a written bar begins, rising; None where the source has no bar lines,
            which are then counted.
        key: As written, or None.
        sharps: The key signature's sharps, negative for flats, where it does not say which of its two keys it
            means; else None.
        title: As written, empty where there is none.
    """

    parts: tuple[tuple[TimedNote, ...], ...]
    metres: tuple[MetreChange, ...] = ()
    bar_lines: tuple[Fraction, ...] | None = None
    key: Key | None = None
    sharps: int | None = None
    title: str = ""


def select_melody_part(parts: Sequence[Sequence[TimedNote]]) -> Sequence[TimedNote]:
    """Choose the part that carries the melody; the first of equals.

    Raises:
        InputError: If no part has a note.
    """
    fullest = max(map(len, parts), default=0)
    if not fullest:
        raise InputError("it holds no pitched notes")
    full = [part for part in parts if 2 * len(part) >= fullest]
    return max(full, key=lambda part: sum(sound.pitch for sound in part) / len(part))


def extract_skyline(sounds: Sequence[TimedNote]) -> list[TimedNote]:
    """Reduce sounds to one line without overlaps, by rising onset.

    Example:
        >>> held, below, after = TimedNote(0, 48, 72), TimedNote(24, 48, 60), TimedNote(45, 72, 71)
        >>> [(int(each.onset), int(each.end), each.pitch) for each in extract_skyline([held, below, after])]
        [(0, 45, 72), (45, 72, 71)]
    """
    line: list[TimedNote] = []
    for sound in sorted(sounds, key=lambda each: (each.onset, -each.pitch)):
        if line and sound.onset < line[-1].end:
            before = line[-1]
            hidden = min(before.end, sound.end) - sound.onset
            lower = sound.pitch < before.pitch
            if sound.onset == before.onset or (lower and 2 * hidden >= sound.end - sound.onset):
                continue
            line[-1] = replace(before, end=sound.onset)
        line.append(sound)
    return line


def tune_from_score(score: ParsedScore, source: str) -> WrittenTune:
    """Find a score's melody and count its bars.

    Args:
        score: The score.
        source: The melody's ``source``.

    Raises:
        InputError: If there is no note, or no melody can be made of what there is.
    """
    line = extract_skyline(select_melody_part(score.parts))
    if line[-1].end > _MOST_TICKS:
        raise InputError(f"it is longer than {_MOST_TICKS // TICKS_PER_QUARTER} quarter notes")
    key = score.key or estimated_key(
        [sound.pitch for sound in line], [float(sound.end - sound.onset) for sound in line], score.sharps
    )
    counter = _counter(line, score)
    try:
        return counter.tune(tonic=key.tonic, mode=key.mode, title=score.title, source=source)
    except ValueError as problem:
        raise InputError(f"no melody can be made of it: {problem}") from problem


def _counter(line: list[TimedNote], score: ParsedScore) -> BarCounter:
    """Hand over notes, rests, bar lines and metres, in the order in which they stand."""
    first, last = line[0].onset, line[-1].end
    metres = {change.onset: change.metre for change in score.metres if change.onset > first}
    earlier = [change.metre for change in score.metres if change.onset <= first]
    counter = BarCounter(earlier[-1] if earlier else Metre(4, 4))
    bar_lines = set(_counted_bar_lines(score.metres, last) if score.bar_lines is None else score.bar_lines)
    bounds = sorted(each for each in bar_lines | set(metres) if first < each < last)
    bounds.reverse()  # the next one stands last
    for stretch in _with_rests(line):
        begin = stretch.onset
        while bounds and bounds[-1] < stretch.end:
            bound = bounds.pop()
            if bound > begin:
                counter.note(stretch.pitch, bound - begin, tied=stretch.pitch != REST)
                begin = bound
            if bound in metres:
                counter.metre(metres[bound])
            if bound in bar_lines:
                counter.bar_line()
        counter.note(stretch.pitch, stretch.end - begin)
    return counter


def _with_rests(line: list[TimedNote]) -> list[TimedNote]:
    found = line[:1]
    for sound in line[1:]:
        if sound.onset > found[-1].end:
            found.append(TimedNote(found[-1].end, sound.onset, REST))
        found.append(sound)
    return found


def _counted_bar_lines(metres: tuple[MetreChange, ...], last: Fraction) -> list[Fraction]:
    """Bar lines as each metre implies them, up to ``last``; a new metre begins a new bar."""
    found: list[Fraction] = []
    changes = metres if metres and metres[0].onset == 0 else (MetreChange(Fraction(), Metre(4, 4)), *metres)
    ends = [*(change.onset for change in changes[1:]), last]
    for change, end in zip(changes, ends, strict=True):
        bar = change.onset
        while bar < end:
            found.append(bar)
            bar += change.metre.bar_ticks
    return found

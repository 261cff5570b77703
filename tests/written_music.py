"""Which melodies written notation represents without loss, so that reading a written file returns them."""

from __future__ import annotations

from dataclasses import replace

from chromasonic.melody_generation.melody import REST, Melody
from chromasonic.melody_generation.notation.score import split_measures
from chromasonic.melody_generation.notation.titles import plain_title


def is_lossless(melody: Melody) -> bool:
    """Return whether written notation determines bars, upbeat and departures, and writes each rest as one symbol.

    It does not determine the position of a melody without bar lines, and a short first bar is always read as an upbeat.
    Two incomplete bars that complete each other are read as one bar that a repeat sign divides.
    """
    measures = split_measures(melody)
    first = measures[0]
    if melody.start and (not melody.metre.beats or len(measures) == 1):
        return False
    if len(measures) > 1 and melody.metre.beats and melody.start + first.ticks != melody.metre.bar_ticks:
        return False
    rests = [symbol.note for measure in measures for symbol in measure.symbols if symbol.pitch == REST]
    if len(rests) != len(set(rests)):
        return False
    begins = {measure.symbols[0].note: index for index, measure in enumerate(measures)}
    for departure in melody.departures:
        following = measures[begins[departure.note]]
        if departure.metre is None and following.metre.beats:
            position = _end(melody, departure.note - 1)
            if position + following.ticks == following.metre.bar_ticks:
                return False
    return True


def _end(melody: Melody, note: int) -> int:
    """Return the position in the bar at which a note ends."""
    metre = next(metre for begin, end, metre, _ in melody.segments if begin <= note < end)
    return int(melody.positions[note] + melody.durations[note]) % metre.bar_ticks


def content(melody: Melody) -> Melody:
    """Return a melody without source, corpus, form, and the unprintable characters of its title."""
    return replace(melody.without_form(), title=plain_title(melody.title), source="", corpus="unknown")

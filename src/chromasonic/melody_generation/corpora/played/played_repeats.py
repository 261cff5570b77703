"""Find the repeats of a melody that is played out, and fold them, so that every note is there once.

A part is played twice if two passages of equal length in whole bars, counted from the first note, follow each other and
are equal but for the first bar (an upbeat may differ) and the last two (a first and a second ending). Parts have 8 or
16 bars. Those of 4 bars are folded only if the whole tune consists of such parts, since many tunes vary a strain of
four bars within a part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chromasonic.melody_generation.melody import Melody

_LENGTHS = (16, 8)  # bars
_SHORT_LENGTH = 4
_ENDING_BARS = {16: 2, 8: 2, 4: 1}


@dataclass(frozen=True)
class _Bar:
    """The notes that begin within one bar, counted from the first note."""

    notes: tuple[tuple[int, int, int], ...]  # position, pitch, duration
    first: int  # index of the first note
    end: int


def fold_repeats(melody: Melody) -> Melody:
    """Return a melody with each repeated part once, followed by the second ending if there is one.

    Args:
        melody: A melody without departures.
    """
    bars = _bars(melody)
    folded = _fold(bars, (_SHORT_LENGTH,))
    if folded is None or not _is_whole(bars, _SHORT_LENGTH):
        folded = _fold(bars, _LENGTHS)
    kept = [index for bar in folded or bars for index in range(bar.first, bar.end)]
    if folded is None or not _is_in_time(melody, bars, folded):
        return melody
    return Melody(
        melody.pitches[kept],
        melody.durations[kept],
        metre=melody.metre,
        start=melody.start,
        tonic=melody.tonic,
        mode=melody.mode,
        title=melody.title,
        source=melody.source,
        corpus=melody.corpus,
    )


def _bars(melody: Melody) -> list[_Bar]:
    onsets = np.cumsum(melody.durations) - melody.durations
    numbers = onsets // melody.metre.bar_ticks
    bars = []
    for number in range(int(numbers[-1]) + 1 if len(numbers) else 0):
        first, end = (int(np.searchsorted(numbers, each)) for each in (number, number + 1))
        places = (onsets[first:end] - number * melody.metre.bar_ticks).tolist()
        notes = zip(places, melody.pitches[first:end].tolist(), melody.durations[first:end].tolist(), strict=True)
        bars.append(_Bar(tuple(notes), first, end))
    return bars


def _fold(bars: list[_Bar], lengths: tuple[int, ...]) -> list[_Bar] | None:
    """Return the bars that stay; None if no part is repeated."""
    kept, place, is_folded = list[_Bar](), 0, False
    while place < len(bars):
        length = next((each for each in lengths if _is_repeated(bars, place, each)), 0)
        kept += bars[place : place + max(length, 1)]
        if length:
            is_folded = True
            kept += _second_ending(bars, place, length)
        place += 2 * length or 1
    return kept if is_folded else None


def _is_repeated(bars: list[_Bar], place: int, length: int) -> bool:
    first, second = bars[place : place + length], bars[place + length : place + 2 * length]
    if len(second) < length:
        return False
    same = slice(1, -_ENDING_BARS[length])  # without an upbeat, and without the endings
    return all(one.notes == other.notes for one, other in zip(first[same], second[same], strict=True))


def _second_ending(bars: list[_Bar], place: int, length: int) -> list[_Bar]:
    """Return the last bars of the second time from the first one that differs."""
    n_bars = _ENDING_BARS[length]
    for offset in range(length - n_bars, length):
        if bars[place + offset].notes != bars[place + length + offset].notes:
            is_end = place + 2 * length >= len(bars)
            if (
                is_end
                and offset == length - 1
                and _differ_in_length_alone(bars[place + offset], bars[place + length + offset])
            ):
                return []  # the last note is held where the part would begin again
            return bars[place + length + offset : place + 2 * length]
    return []


def _differ_in_length_alone(one: _Bar, other: _Bar) -> bool:
    common = min(len(one.notes), len(other.notes))
    return common > 0 and [note[:2] for note in one.notes[:common]] == [note[:2] for note in other.notes[:common]]


def _is_whole(bars: list[_Bar], length: int) -> bool:
    """Return whether all bars belong to repeated parts of a length."""
    return len(bars) % (2 * length) == 0 and all(
        _is_repeated(bars, place, length) for place in range(0, len(bars), 2 * length)
    )


def _is_in_time(melody: Melody, bars: list[_Bar], folded: list[_Bar]) -> bool:
    """Return whether no note is held into a bar that is left out, or that follows another bar than before."""
    bar_ticks = melody.metre.bar_ticks
    last = {bar.first: sum(note[2] for note in bar.notes) for bar in bars}
    is_full = [last[bar.first] == bar_ticks and bool(bar.notes) and bar.notes[0][0] == 0 for bar in folded[:-1]]
    return all(is_full)

"""Quantise played notes to note values: thirty-second notes and triplet sixteenths.

A part is *written* if its notes are where a program has put them, and *played* if they are near.

* Written: an onset near a thirty-second or triplet sixteenth is moved there, any other (of a quintuplet) to the nearest
  tick. If all times are whole ticks and most notes follow each other without a gap, they are kept.
* Played: :mod:`~chromasonic.melody_generation.io.midi.beat_grids` moves the onsets.

Notes that begin together are found before they are quantised: notes that overlap, with less than a thirty-second
between their onsets. Notes shorter than a thirty-second beside a longer one are ornaments and are left out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from statistics import median

from chromasonic.melody_generation.io.melody_part import TimedNote
from chromasonic.melody_generation.io.midi.beat_grids import choose_grids, snap_to_grid
from chromasonic.melody_generation.melody import TICKS_PER_QUARTER

_SIXTEENTH = TICKS_PER_QUARTER // 4
_EIGHTH_TRIPLET = TICKS_PER_QUARTER // 3
_THIRTY_SECOND = TICKS_PER_QUARTER // 8
_MIN_TIME_TO_NEXT = 2.75  # ticks, of a note that is no ornament
_MIN_ORNAMENTS_KEPT = _SIXTEENTH  # ticks; so long a run of short notes is a written one, such as a tuplet

_MAX_WRITTEN_DEVIATION = 0.25  # ticks
_MIN_WRITTEN_SHARE = 0.9
_MIN_EXACT = 2  # ticks, the shortest value of the vocabulary
_MIN_LEGATO_SHARE = 0.5
_MIN_REGULAR_SHARE = 0.7  # of the ends on the grid
_MIN_PLAYED_REST = 9  # ticks; a shorter gap is part of the note
_MIN_OVERLAP = 1.5  # ticks
_LONG = 36  # ticks; where so long a note ends is less precise
_VALUES = (6, 8, 12, 16, 18, 24, 36, 48, 72, 96, 144, 192)
_WRITTEN_VALUES = (*_VALUES, 60, 84, 108, 120, 132, 156, 168, 180)  # tied ones, too


@dataclass(frozen=True)
class QuantisedPart:
    """The notes of a part on the grid.

    Attributes:
        notes: The notes by onset.
        n_onsets_moved: Number of notes whose onset moved by more than a tick.
        n_ornaments: Number of ornaments that were left out.
    """

    notes: tuple[TimedNote, ...]
    n_onsets_moved: int
    n_ornaments: int


@dataclass(slots=True)
class _Sound:
    """A note as played, in ticks, and the onset on the grid."""

    onset: float
    end: float
    pitch: int
    grid_onset: int = 0
    is_ternary: bool = False

    @property
    def duration(self) -> float:
        return self.end - self.onset


def quantise(notes: Iterable[TimedNote]) -> QuantisedPart:
    """Quantise the notes of a part.

    Args:
        notes: The notes as played; times in ticks.
    """
    sounds = [_Sound(float(note.onset), float(note.end), note.pitch) for note in notes]
    sounds.sort(key=lambda sound: (sound.onset, -sound.pitch))
    n_sounds = len(sounds)
    sounds = _without_ornaments(sounds)
    chords = _chords(sounds)
    is_written = _is_written(chords)
    if is_written and _is_exact(sounds):
        for sound in sounds:
            sound.grid_onset = round(sound.onset)
        return _result(sounds, [round(sound.end) for sound in sounds], n_sounds)
    if is_written:
        for chord in chords:
            near = snap_to_grid(chord[0].onset)
            is_near = abs(near - chord[0].onset) <= _MAX_WRITTEN_DEVIATION
            _place(chord, near if is_near else round(chord[0].onset))
    else:
        for chord, onset in zip(chords, choose_grids([chord[0].onset for chord in chords]), strict=True):
            _place(chord, onset.position, is_ternary=onset.is_ternary)
    sounds = [sound for chord in _without_collisions(chords) for sound in chord]
    return _result(sounds, _ends(sounds, is_written=is_written), n_sounds)


def _result(sounds: list[_Sound], ends: list[int], n_sounds: int) -> QuantisedPart:
    notes = [
        TimedNote(Fraction(sound.grid_onset), Fraction(end), sound.pitch)
        for sound, end in zip(sounds, ends, strict=True)
    ]
    n_moved = sum(abs(sound.grid_onset - sound.onset) > 1 + 1e-6 for sound in sounds)
    return QuantisedPart(tuple(notes), n_moved, n_sounds - len(sounds))


def _without_ornaments(sounds: list[_Sound]) -> list[_Sound]:
    """Leave out short notes before a longer one, which begins with the first of them or where it does now."""
    kept, run = list[_Sound](), list[_Sound]()
    for sound in sounds:
        if run and sound.onset - run[-1].onset >= _MIN_TIME_TO_NEXT:
            kept += run
            run = []
        if sound.duration < _THIRTY_SECOND:
            run.append(sound)
            continue
        if run and sound.onset - run[0].onset < _MIN_ORNAMENTS_KEPT:
            onset = min(sound.onset, run[0].onset, key=_distance_from_beat)
            if kept and run[0].onset - _MAX_WRITTEN_DEVIATION <= kept[-1].end < onset:
                kept[-1].end = onset
            kept.append(replace(sound, onset=onset))
        else:
            kept += [*run, sound]
        run = []
    return sorted(kept + run, key=lambda sound: (sound.onset, -sound.pitch))


def _distance_from_beat(ticks: float) -> float:
    return min(abs(ticks - step * round(ticks / step)) for step in (_SIXTEENTH, _EIGHTH_TRIPLET))


def _chords(sounds: Sequence[_Sound]) -> list[list[_Sound]]:
    """Group notes that begin together, the highest first.

    A chord may be strummed: the highest note gets the onset of the first one if that is nearer to a beat.
    """
    chords: list[list[_Sound]] = []
    for sound in sounds:
        if chords and _begin_together(chords[-1][0], sound):
            chords[-1].append(sound)
        else:
            chords.append([sound])
    for chord in chords:
        first = chord[0].onset
        chord.sort(key=lambda sound: -sound.pitch)
        chord[0].onset = min(chord[0].onset, first, key=_distance_from_beat)
    return sorted(chords, key=lambda chord: chord[0].onset)


def _begin_together(first: _Sound, second: _Sound) -> bool:
    overlap = min(first.end, second.end) - second.onset
    shorter = min(first.duration, second.duration)
    return second.onset - first.onset < _THIRTY_SECOND and 2 * overlap >= shorter


def _is_written(chords: Sequence[Sequence[_Sound]]) -> bool:
    onsets = [chord[0].onset for chord in chords]
    n_near = sum(abs(onset - snap_to_grid(onset)) <= _MAX_WRITTEN_DEVIATION for onset in onsets)
    return n_near >= _MIN_WRITTEN_SHARE * len(onsets) or _is_exact([sound for chord in chords for sound in chord])


def _is_exact(sounds: Sequence[_Sound]) -> bool:
    """Return whether all times are whole ticks and, of the notes before other notes and no rest, half end with them."""
    times = [time for sound in sounds for time in (sound.onset, sound.end)]
    if any(time != round(time) for time in times) or any(sound.duration < _MIN_EXACT for sound in sounds):
        return False
    begun = {sound.onset for sound in sounds}
    onsets = sorted(begun)
    nexts = [bisect_right(onsets, sound.onset) for sound in sounds]
    gaps = [onsets[after] - sound.end for sound, after in zip(sounds, nexts, strict=True) if after < len(onsets)]
    n_legato = len([sound for sound in sounds if sound.end in begun])
    return n_legato >= _MIN_LEGATO_SHARE * sum(gap < _SIXTEENTH for gap in gaps)


def _place(chord: Iterable[_Sound], grid_onset: int, *, is_ternary: bool = False) -> None:
    for sound in chord:
        sound.grid_onset, sound.is_ternary = grid_onset, is_ternary


def _without_collisions(chords: Sequence[list[_Sound]]) -> list[list[_Sound]]:
    """Keep the longest of the notes and chords that follow each other but have one place on the grid."""
    kept: list[list[_Sound]] = []
    for chord in chords:
        if not kept or kept[-1][0].grid_onset != chord[0].grid_onset:
            kept.append(chord)
        elif chord[0].duration > kept[-1][0].duration:
            kept[-1] = chord
    return kept


def _ends(sounds: Sequence[_Sound], *, is_written: bool) -> list[int]:
    """Return the end of each note on the grid.

    Players and programs release a note shortly before the next one: a short gap is no rest, but part of the note before
    it. Durations are first extended by the usual release. The last note gets the nearest note value, unless it ends on
    the grid as written.
    """
    onsets = sorted({sound.grid_onset for sound in sounds})
    following = [bisect_right(onsets, sound.grid_onset) for sound in sounds]
    nexts = [onsets[index] if index < len(onsets) else None for index in following]
    full_ends, are_regular = _full_ends(sounds, nexts)
    ends: list[int] = []
    for sound, after, full_end in zip(sounds, nexts, full_ends, strict=True):
        on_grid = is_written and are_regular and abs(full_end - snap_to_grid(full_end)) <= _MAX_WRITTEN_DEVIATION
        end = snap_to_grid(full_end) if on_grid else _played_end(sound, full_end)
        is_shortened = full_end > sound.grid_onset + sound.duration + 1e-6
        if after is None and (is_shortened or not on_grid):
            values = _WRITTEN_VALUES if are_regular else _VALUES
            end = sound.grid_onset + min(values, key=lambda value: abs(sound.grid_onset + value - full_end))
        elif after is not None:
            min_rest = _SIXTEENTH if are_regular else max(_MIN_PLAYED_REST, (after - sound.grid_onset) / 5)
            if after - (end if on_grid else full_end) < min_rest and sound.end < after + _MIN_OVERLAP:
                end = after
        ends.append(max(end, sound.grid_onset + _THIRTY_SECOND))
    return ends


def _played_end(sound: _Sound, full_end: float) -> int:
    is_long = full_end - sound.grid_onset >= _LONG
    step = _EIGHTH_TRIPLET if sound.is_ternary else 2 * _SIXTEENTH if is_long else _SIXTEENTH
    return step * round(full_end / step)


def _full_ends(sounds: Sequence[_Sound], nexts: Sequence[int | None]) -> tuple[list[float], bool]:
    """Return the ends of the notes without their usual early release, and whether most are on the grid then.

    The release is a share of the duration or a number of ticks. It is estimated from the notes that sound for half of
    the time to the next one or longer.
    """
    followed = [
        (sound, after - sound.grid_onset)
        for sound, after in zip(sounds, nexts, strict=True)
        if after is not None and 2 * sound.duration > after - sound.grid_onset
    ]
    share = median([min(sound.duration / time, 1.0) for sound, time in followed] or [1.0])
    gap = median([max(time - sound.duration, 0.0) for sound, time in followed] or [0.0])
    by_share = [sound.grid_onset + sound.duration / share for sound in sounds]
    by_gap = [sound.grid_onset + sound.duration + gap for sound in sounds]
    n_regular = [
        sum(abs(end - snap_to_grid(end)) <= _MAX_WRITTEN_DEVIATION for end in ends) for ends in (by_share, by_gap)
    ]
    ends = by_gap if n_regular[1] > n_regular[0] else by_share
    return ends, max(n_regular) >= _MIN_REGULAR_SHARE * len(sounds)

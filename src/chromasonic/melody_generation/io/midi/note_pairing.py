"""Pair pressed keys with their releases, first in, first out.

A key without a release hangs: its note lasts until the next note of its channel, or the end of the track.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from chromasonic.melody_generation.io.midi.midi_events import KeyEvent


@dataclass(frozen=True, slots=True)
class PairedNote:
    """A note of a channel; times in the file's ticks.

    Attributes:
        onset: The time at which its key is pressed.
        end: The time at which its key is released; None for a hanging note.
        pitch: The MIDI number.
    """

    onset: int
    end: int | None
    pitch: int


@dataclass(frozen=True)
class ChannelNotes:
    """The notes of a channel of a track by onset, hanging ones with an end.

    Attributes:
        notes: Onset, end and MIDI number of each note, in the file's ticks.
        n_hanging: Number of notes whose key is not released.
    """

    notes: tuple[tuple[int, int, int], ...]
    n_hanging: int


def pair_keys(keys: Iterable[KeyEvent], track_end: int, ticks_per_quarter: int) -> dict[int, ChannelNotes]:
    """Return the notes of each channel of a track.

    Args:
        keys: Pressed and released keys by time.
        track_end: The time at which the track ends.
        ticks_per_quarter: The length of a note that hangs from the end of the track on.
    """
    channels: dict[int, list[PairedNote]] = defaultdict(list)
    for (channel, pitch), presses in _by_key(keys).items():
        channels[channel] += _paired(presses, pitch)
    return {
        channel: _with_ends(sorted(notes, key=lambda note: (note.onset, note.pitch)), track_end, ticks_per_quarter)
        for channel, notes in channels.items()
    }


def _by_key(keys: Iterable[KeyEvent]) -> dict[tuple[int, int], list[tuple[int, bool]]]:
    """Return time and direction of the events of each key of each channel; releases of silent keys are left out."""
    presses: dict[tuple[int, int], list[tuple[int, bool]]] = defaultdict(list)
    sounding: dict[int, dict[int, int]] = defaultdict(dict)  # number of open presses by channel and pitch
    for key in keys:
        n_open = sounding[key.channel]
        if key.pitch is None:
            for pitch, count in n_open.items():
                presses[key.channel, pitch] += [(key.time, False)] * count
            n_open.clear()
        elif key.pressed:
            presses[key.channel, key.pitch].append((key.time, True))
            n_open[key.pitch] = n_open.get(key.pitch, 0) + 1
        elif n_open.get(key.pitch):
            presses[key.channel, key.pitch].append((key.time, False))
            n_open[key.pitch] -= 1
    return presses


def _paired(presses: Sequence[tuple[int, bool]], pitch: int) -> list[PairedNote]:
    """Pair the events of one key.

    Of the presses that are never released, those hang after which the key is pressed anew without a release at that
    time; and if there are no such presses, the last ones.
    """
    n_open = list(accumulate(1 if pressed else -1 for _, pressed in presses))
    n_never_released = list(accumulate(reversed(n_open), min))[::-1]
    notes, begun, n_hanging = list[PairedNote](), deque[int](), 0
    for index, (time, pressed) in enumerate(presses):
        if not pressed:
            notes.append(PairedNote(begun.popleft(), time, pitch))
            continue
        is_released = presses[index + 1 : index + 2] == [(time, False)]
        if begun and n_hanging < n_never_released[index] and not is_released:
            n_hanging += 1
            if begun[0] == time:  # the same note twice
                continue
            notes.append(PairedNote(begun.popleft(), None, pitch))
        begun.append(time)
    return notes + [PairedNote(onset, None, pitch) for onset in begun]


def _with_ends(notes: Sequence[PairedNote], track_end: int, ticks_per_quarter: int) -> ChannelNotes:
    onsets = [note.onset for note in notes]
    ended = list[tuple[int, int, int]]()
    for note in notes:
        end = note.end
        if end is None:
            following = bisect_right(onsets, note.onset)
            end = onsets[following] if following < len(onsets) else track_end
            end = end if end > note.onset else note.onset + ticks_per_quarter
        ended.append((note.onset, end, note.pitch))
    return ChannelNotes(tuple(ended), sum(note.end is None for note in notes))

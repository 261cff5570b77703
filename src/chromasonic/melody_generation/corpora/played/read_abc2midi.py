"""Read MIDI files that abc2midi has written: exact times, one metre, one key, and names as track names.

Such a file keeps what a MIDI file of another program lacks: every note begins exactly on the grid of the ABC notation
(one unit of the file later, so that repeated notes are heard apart), and the signature is that of the ``K:`` field.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import mido

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER, Metre

_GRACE_TICKS = 3  # abc2midi plays a grace note for a thirty-second note of the note that follows


@dataclass(frozen=True)
class PlayedTune:
    """A tune as abc2midi plays it.

    Attributes:
        pitches: MIDI numbers, ``REST`` for a rest.
        durations: Durations in ticks.
        metre: The metre.
        sharps: Number of sharps of the key signature, negative for flats.
        names: The names of the tune, the main one first.
        n_grace_notes: Grace notes that were left out.
        n_chord_notes: Notes of chords that were left out; of each chord the highest note is taken.
    """

    pitches: tuple[int, ...]
    durations: tuple[int, ...]
    metre: Metre
    sharps: int
    names: tuple[str, ...]
    n_grace_notes: int
    n_chord_notes: int


@dataclass
class _Note:
    onset: int
    end: int
    pitch: int


def read_abc2midi(content: bytes) -> PlayedTune:
    """Read the first track that has notes.

    Raises:
        InputError: If it is no MIDI file, or has no notes or no metre.
    """
    try:
        file = mido.MidiFile(file=io.BytesIO(content))
    except (OSError, EOFError, ValueError, IndexError, KeyError) as problem:
        raise InputError(f"it is no MIDI file ({problem})") from problem
    messages = [message for track in file.tracks for message in track if message.is_meta]
    metres = [Metre(each.numerator, each.denominator) for each in messages if each.type == "time_signature"]
    signatures = [each.key for each in messages if each.type == "key_signature"]
    lines = (_notes(track, file.ticks_per_beat) for track in file.tracks)
    notes = next((line for line in lines if line), None)
    if notes is None or not metres:
        raise InputError("it has no notes" if notes is None else "it has no metre")
    n_sounding = len(notes)
    notes = _without_chords(notes)
    n_chord_notes = n_sounding - len(notes)
    melody = _without_grace_notes(notes)
    pitches, durations = _with_rests(melody)
    names = [" ".join(each.name.split()) for each in messages if each.type == "track_name"]
    return PlayedTune(
        pitches=pitches,
        durations=durations,
        metre=metres[0],
        sharps=_sharps(signatures[0]) if signatures else 0,
        names=tuple(name for name in names if name),
        n_grace_notes=len(notes) - len(melody),
        n_chord_notes=n_chord_notes,
    )


def _notes(track: mido.MidiTrack, unit: int) -> list[_Note]:
    """Return the notes of a track with onset and end in ticks, by onset."""
    time, sounding, notes = 0, dict[int, int](), list[_Note]()
    for message in track:
        time += message.time
        if message.type not in {"note_on", "note_off"}:
            continue
        if message.type == "note_on" and message.velocity:
            sounding.setdefault(message.note, time)
        elif message.note in sounding:
            onset, end = (round(each * TICKS_PER_QUARTER / unit) for each in (sounding.pop(message.note), time))
            if end > onset:
                notes.append(_Note(onset, end, message.note))
    return sorted(notes, key=lambda note: (note.onset, -note.pitch))


def _without_chords(notes: list[_Note]) -> list[_Note]:
    """Return the highest of the notes that begin at once, and cut every note where the next one begins.

    abc2midi begins the notes of a chord up to a tick one after the other.
    """
    kept: list[_Note] = []
    for note in notes:
        if kept and note.onset <= kept[-1].onset + 1:
            kept[-1].end = max(kept[-1].end, note.end)
            kept[-1].pitch = max(kept[-1].pitch, note.pitch)
            continue
        if kept:
            kept[-1].end = min(kept[-1].end, note.onset)
        kept.append(note)
    return kept


def _without_grace_notes(notes: list[_Note]) -> list[_Note]:
    """Return the notes without grace notes, whose time goes to the note that follows."""
    kept: list[_Note] = []
    grace: _Note | None = None
    for note in notes:
        may_be_grace = grace is not None or note.onset % (2 * _GRACE_TICKS) == 0
        if note.end - note.onset == _GRACE_TICKS and may_be_grace:
            grace = grace or note
            continue
        takes_time = grace is not None and (note.end - grace.onset) % (2 * _GRACE_TICKS) == 0
        if grace is not None and not takes_time:
            kept.append(grace)
        kept.append(_Note(grace.onset, note.end, note.pitch) if grace is not None and takes_time else note)
        grace = None
    return kept if grace is None else [*kept, grace]


def _with_rests(notes: list[_Note]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    pitches, durations, time = list[int](), list[int](), notes[0].onset
    for note in notes:
        if note.onset > time:
            pitches.append(REST)
            durations.append(note.onset - time)
        pitches.append(note.pitch)
        durations.append(note.end - note.onset)
        time = note.end
    return tuple(pitches), tuple(durations)


def _sharps(key: str) -> int:
    """Return the number of sharps of a key as mido names it, such as ``Bb`` or ``F#m``."""
    fifths = "FCGDAEB".index(key[0]) - 1 + 7 * (key.count("#") - key.count("b"))
    return fifths - 3 * key.endswith("m")

"""Write a melody as a Standard MIDI File: one track with tempo, key, metres, title and notes.

A melody with chord symbols has three tracks: title and metres, the melody, and its chords, softly, on a channel of
their own.

Silence before an upbeat aligns the bar lines with those that a sequencer counts. MIDI files have no bar lines, so a bar
that a departure cuts short gets a time signature of its length if there is one.
"""

from __future__ import annotations

import io

from mido import MetaMessage, MidiFile, MidiTrack, bpm2tempo
from mido.messages import Message

from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER, Melody, Metre
from chromasonic.melody_generation.notation.chord_names import sounding_chords
from chromasonic.melody_generation.notation.instruments import DEFAULT_INSTRUMENT, instrument_called
from chromasonic.melody_generation.notation.score import Measure, split_measures
from chromasonic.melody_generation.notation.spelling import Spelling
from chromasonic.melody_generation.notation.tempo import accents, beat_ticks, check_tempo
from chromasonic.melody_generation.notation.titles import plain_title

MIDI_TICKS_PER_QUARTER = 480
_FACTOR = MIDI_TICKS_PER_QUARTER // TICKS_PER_QUARTER
_CLOCKS_PER_QUARTER, _MAX_CLOCKS = 24, 255
_VELOCITY, _CHORD_VELOCITY = 100, 40
_CHORD_CHANNEL = 1  # counted from 0
_FINEST_UNIT = 32
_WITH_MINOR_THIRD = {"minor", "dorian", "phrygian", "locrian"}

# Tick, order among events of the same tick, and message.
_Event = tuple[int, int, MetaMessage | Message]


def to_midi(melody: Melody, tempo: float, *, chords: bool = True, instrument: str = DEFAULT_INSTRUMENT) -> bytes:
    """Convert a melody to a MIDI file.

    Args:
        melody: A melody of one note or more.
        tempo: Quarter notes per minute.
        chords: Whether the chord symbols sound.
        instrument: One of ``INSTRUMENTS``, whose General MIDI program plays the melody.

    Raises:
        InputError: If the melody cannot be written, the tempo is out of range, or there is no such instrument.
    """
    check_tempo(tempo)
    program = Message("program_change", program=instrument_called(instrument).program)
    measures = split_measures(melody.without_form())  # a sign of form divides a bar, and its metre stays
    # MIDI has major and minor only. Tonic and third are kept, although the key signature may then differ.
    is_minor = melody.mode in _WITH_MINOR_THIRD
    key = Spelling.for_key(melody.tonic, "minor" if is_minor else "major").tonic + "m" * is_minor
    events: list[_Event] = [
        (0, 0, MetaMessage("track_name", name=plain_title(melody.title))),
        (0, 0, MetaMessage("set_tempo", tempo=bpm2tempo(tempo))),
        (0, 0, MetaMessage("key_signature", key=key)),
    ]
    for tick, metre in _time_signatures(melody, measures):
        events.append((tick, 1, _time_signature(metre)))
    begin = melody.start if melody.metre.beats else 0
    tune: list[_Event] = [(0, 1, program)]
    chord_notes: list[_Event] = []
    velocities = (_VELOCITY * accents(melody)).round().astype(int)
    for pitch, onset, duration, velocity in zip(
        melody.pitches, melody.onsets, melody.durations, velocities, strict=True
    ):
        if pitch != REST:
            tune += _note(int(pitch), begin + int(onset), int(duration), velocity=int(velocity))
    if not (chords and melody.chords):
        return _file([[*events, *tune]], begin + melody.ticks)
    for pitch, onset, duration in sounding_chords(melody):
        chord_notes += _note(pitch, begin + onset, duration, channel=_CHORD_CHANNEL, velocity=_CHORD_VELOCITY)
    named = [(0, 0, MetaMessage("track_name", name=name)) for name in ("Melody", "Chords")]
    return _file([events, [named[0], *tune], [named[1], *chord_notes]], begin + melody.ticks)


def _note(pitch: int, tick: int, ticks: int, *, channel: int = 0, velocity: int) -> list[_Event]:
    """Return the two events of a note, which ends before the next one of the same pitch begins."""
    return [
        (tick, 3, Message("note_on", channel=channel, note=pitch, velocity=velocity)),
        (tick + ticks, 2, Message("note_off", channel=channel, note=pitch, velocity=0)),
    ]


def _time_signature(metre: Metre) -> MetaMessage:
    """Return the MIDI message of a metre, with the beat of a metronome in MIDI clocks."""
    clocks = beat_ticks(metre) * _CLOCKS_PER_QUARTER // TICKS_PER_QUARTER
    return MetaMessage(
        "time_signature", numerator=metre.beats, denominator=metre.unit, clocks_per_click=min(clocks, _MAX_CLOCKS)
    )


def _file(tracks: list[list[_Event]], end: int) -> bytes:
    """Return a file of the events of each track, sorted by tick and then by kind."""
    file = MidiFile(type=int(len(tracks) > 1), ticks_per_beat=MIDI_TICKS_PER_QUARTER, charset="utf-8")
    for events in tracks:
        track, now = MidiTrack(), 0
        for tick, _, message in sorted([*events, (end, 4, MetaMessage("end_of_track"))], key=lambda event: event[:2]):
            track.append(message.copy(time=(tick - now) * _FACTOR))
            now = tick
        file.tracks.append(track)
    content = io.BytesIO()
    file.save(file=content)
    return content.getvalue()


def _time_signatures(melody: Melody, measures: list[Measure]) -> list[tuple[int, Metre]]:
    """Return the metres with the tick at which each begins."""
    signatures: list[tuple[int, Metre]] = []
    tick, current = 0, None
    for index, measure in enumerate(measures):
        is_upbeat = index == 0 and melody.start > 0 and bool(measure.metre.beats)
        length = measure.ticks + (melody.start if is_upbeat else 0)
        is_last = index == len(measures) - 1
        metre = measure.metre if is_last else _metre_of_length(length, measure.metre)
        if metre.beats and metre != current:
            signatures.append((tick, metre))
            current = metre
        tick += length
    return signatures


def _metre_of_length(ticks: int, metre: Metre) -> Metre:
    """Return a metre whose bars have this length; the given metre if it has, or if there is none."""
    if not metre.beats or ticks == metre.bar_ticks:
        return metre
    unit = metre.unit
    while unit <= _FINEST_UNIT:
        beats, rest = divmod(ticks * unit, 4 * TICKS_PER_QUARTER)
        if not rest and 0 < beats < 256:
            return Metre(beats, unit)
        unit *= 2
    return metre

"""Synthesise a melody as sound in numpy, without a sound font.

A note consists of harmonics with exponential decay, faster for higher ones, as on a string, or without decay. Its
envelope begins and ends at zero to avoid clicks, and its release overlaps the next note a little. Notes on the beat are
louder. The HTML pages play the same instruments from the same parameters (``pages/assets/synthesizer.js``).
"""

from __future__ import annotations

import io
import wave

import numpy as np
from numpy.typing import NDArray

from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER, Melody
from chromasonic.melody_generation.notation.chord_names import sounding_chords
from chromasonic.melody_generation.notation.instruments import (
    DEFAULT_INSTRUMENT,
    INSTRUMENTS,
    Instrument,
    instrument_called,
)
from chromasonic.melody_generation.notation.score import check_writable
from chromasonic.melody_generation.notation.tempo import accents, check_tempo

SAMPLE_RATE = 22_050
_TUNING = 440.0  # A above middle C, in hertz
_HIGHEST = 0.45  # of the sample rate: higher harmonics would alias
_PEAK = 0.8  # of full scale
_CHORD_LOUDNESS = 0.2  # of each note of a chord, relative to a note of the melody

# The parameters for the HTML pages, under the names of their script.
SYNTHESIZER = {
    "rate": SAMPLE_RATE,
    "tuning": _TUNING,
    "highest": _HIGHEST,
    "peak": _PEAK,
    "chordLoudness": _CHORD_LOUDNESS,
    "instruments": {
        name: {
            "harmonics": sound.harmonics,
            "fadesIn": sound.decay,
            "attack": sound.attack,
            "release": sound.release,
        }
        for name, sound in INSTRUMENTS.items()
    },
}

Samples = NDArray[np.float32]


def synthesise(melody: Melody, tempo: float, *, chords: bool = True, instrument: str = DEFAULT_INSTRUMENT) -> Samples:
    """Synthesise a melody: samples from -1 to 1 at ``SAMPLE_RATE``, shape (number of samples,).

    Args:
        melody: A melody of one note or more.
        tempo: Quarter notes per minute.
        chords: Whether the chord symbols sound, softly.
        instrument: One of ``INSTRUMENTS``.

    Raises:
        InputError: If there is no note, the tempo is out of range, or there is no such instrument.
    """
    check_writable(melody)
    check_tempo(tempo)
    sounding = instrument_called(instrument)
    per_tick = 60 / tempo / TICKS_PER_QUARTER * SAMPLE_RATE
    sound = np.zeros(int(melody.ticks * per_tick) + int(2 * sounding.release * SAMPLE_RATE) + 1, dtype=np.float32)
    tones: dict[tuple[int, int], Samples] = {}
    notes = zip(melody.pitches.tolist(), melody.onsets.tolist(), melody.durations.tolist(), strict=True)
    loud = [
        (note, np.float32(accent))
        for note, accent in zip(notes, accents(melody).tolist(), strict=True)
        if note[0] != REST
    ]
    soft = [(note, np.float32(_CHORD_LOUDNESS)) for note in sounding_chords(melody)] if chords else []
    for (pitch, onset, duration), loudness in loud + soft:
        key = (pitch, duration)
        if key not in tones:
            tones[key] = _tone(sounding, pitch, duration * per_tick / SAMPLE_RATE)
        begin = int(onset * per_tick)
        sound[begin : begin + len(tones[key])] += loudness * tones[key][: len(sound) - begin]
    peak = float(np.abs(sound).max())
    return sound * np.float32(_PEAK / peak) if peak else sound


def to_wav(melody: Melody, tempo: float, *, chords: bool = True, instrument: str = DEFAULT_INSTRUMENT) -> bytes:
    """Convert a melody to a WAV file: mono, 16 bits.

    Args:
        melody: A melody of one note or more.
        tempo: Quarter notes per minute.
        chords: Whether the chord symbols sound, softly.
        instrument: One of ``INSTRUMENTS``.

    Raises:
        InputError: If there is no note, the tempo is out of range, or there is no such instrument.
    """
    samples = synthesise(melody, tempo, chords=chords, instrument=instrument)
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return content.getvalue()


def _tone(instrument: Instrument, pitch: int, seconds: float) -> Samples:
    """Synthesise one note, with its release after its end."""
    frequency = _TUNING * 2 ** ((pitch - 69) / 12)
    time = np.arange(int((seconds + instrument.release) * SAMPLE_RATE), dtype=np.float32) / SAMPLE_RATE
    sound = np.zeros_like(time)
    for number, strength in enumerate(instrument.harmonics, 1):
        if number * frequency >= _HIGHEST * SAMPLE_RATE:
            break
        # High notes and high harmonics decay faster.
        decay = instrument.decay * (261.6 / frequency) ** 0.5 / number**0.7
        sound += strength * np.sin(2 * np.pi * number * frequency * time) * np.exp(-time / decay)
    envelope = np.minimum(1, time / instrument.attack)
    ending = ((time - seconds) / instrument.release).clip(0, 1)
    # The release, a quarter of a cosine, has reached zero at the last sample.
    shaped: Samples = (sound * envelope * np.cos(ending * np.pi / 2)).astype(np.float32)
    return shaped

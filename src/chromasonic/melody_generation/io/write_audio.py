"""A melody as sound: a small plucked instrument in numpy, so that nothing has to be installed and no font licensed.

A note is a handful of harmonics that die away, the higher the sooner, as on a string. It begins and ends at zero,
so that nothing clicks, and rings on for a moment after its end, which ties the line together. A page plays the same
instrument, from the same numbers (``assets/synthesizer.js``).
"""

from __future__ import annotations

import io
import wave

import numpy as np
from numpy.typing import NDArray

from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER, Melody
from chromasonic.melody_generation.notation.score import check_writable
from chromasonic.melody_generation.notation.tempo import check_tempo

SAMPLE_RATE = 22_050
_TUNING = 440.0  # of the A above middle C, in hertz
_HARMONICS = (1.0, 0.55, 0.32, 0.16, 0.1, 0.06)  # their strength at the beginning
_HIGHEST = 0.45  # of the sample rate: a harmonic beyond it would be heard as another pitch
_FADES_IN = 2.4  # seconds in which the first harmonic of middle C falls to a third
_ATTACK, _RELEASE = 0.006, 0.12  # seconds
_PEAK = 0.8  # of what the format can hold

# The same for whoever else is to play it, such as a page: the names are those of page and script.
INSTRUMENT = {
    "rate": SAMPLE_RATE,
    "tuning": _TUNING,
    "harmonics": _HARMONICS,
    "highest": _HIGHEST,
    "fadesIn": _FADES_IN,
    "attack": _ATTACK,
    "release": _RELEASE,
    "peak": _PEAK,
}

Samples = NDArray[np.float32]


def synthesise(melody: Melody, tempo: float) -> Samples:
    """The sound of a melody, -1 to 1, at ``SAMPLE_RATE``, shape (number of samples,).

    Args:
        melody: The melody, of one note or more.
        tempo: Quarter notes per minute.

    Raises:
        InputError: If there is no note, or the tempo is out of range.
    """
    check_writable(melody)
    check_tempo(tempo)
    per_tick = 60 / tempo / TICKS_PER_QUARTER * SAMPLE_RATE
    sound = np.zeros(int(melody.ticks * per_tick) + int(2 * _RELEASE * SAMPLE_RATE) + 1, dtype=np.float32)
    known: dict[tuple[int, int], Samples] = {}
    for pitch, onset, duration in zip(melody.pitches, melody.onsets, melody.durations, strict=True):
        if pitch == REST:
            continue
        key = (int(pitch), int(duration))
        if key not in known:
            known[key] = _tone(int(pitch), float(duration * per_tick) / SAMPLE_RATE)
        begin = int(onset * per_tick)
        sound[begin : begin + len(known[key])] += known[key][: len(sound) - begin]
    peak = float(np.abs(sound).max())
    return sound * np.float32(_PEAK / peak) if peak else sound


def to_wav(melody: Melody, tempo: float) -> bytes:
    """Write a melody as a WAV file: mono, 16 bits.

    Args:
        melody: The melody, of one note or more.
        tempo: Quarter notes per minute.

    Raises:
        InputError: If there is no note, or the tempo is out of range.
    """
    samples = synthesise(melody, tempo)
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return content.getvalue()


def _tone(pitch: int, seconds: float) -> Samples:
    """One note, with its release after its end."""
    frequency = _TUNING * 2 ** ((pitch - 69) / 12)
    time = np.arange(int((seconds + _RELEASE) * SAMPLE_RATE), dtype=np.float32) / SAMPLE_RATE
    sound = np.zeros_like(time)
    for number, strength in enumerate(_HARMONICS, 1):
        if number * frequency >= _HIGHEST * SAMPLE_RATE:
            break
        # High notes and high harmonics die away sooner.
        fades_in = _FADES_IN * (261.6 / frequency) ** 0.5 / number**0.7
        sound += strength * np.sin(2 * np.pi * number * frequency * time) * np.exp(-time / fades_in)
    envelope = np.minimum(1, time / _ATTACK)
    ending = ((time - seconds) / _RELEASE).clip(0, 1)
    # The release, a quarter of a cosine, has reached zero at the last sample.
    shaped: Samples = (sound * envelope * np.cos(ending * np.pi / 2)).astype(np.float32)
    return shaped

from __future__ import annotations

import io
import wave
from dataclasses import replace

import numpy as np
import pytest

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import Chord
from chromasonic.melody_generation.io.write_audio import SAMPLE_RATE, synthesise, to_wav
from chromasonic.melody_generation.melody import REST, Melody
from chromasonic.melody_generation.notation.instruments import INSTRUMENTS


def loudest_frequency(samples: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)[spectrum.argmax()])


def test_chords_sound_softly_and_can_be_left_out() -> None:
    melody = Melody([72, 74], [48, 48], chords=(Chord(48, 0, "major", 0),))
    alone = synthesise(melody, 120, chords=False)
    together = synthesise(melody, 120)
    assert np.array_equal(alone, synthesise(replace(melody, chords=()), 120))
    middle = SAMPLE_RATE  # where the chord begins
    first, first_alone = together[: middle - 10], alone[: middle - 10]
    loudness = np.abs(first).max() / np.abs(first_alone).max()
    assert first == pytest.approx(loudness * first_alone, abs=1e-5)
    added = together[middle:] / loudness - alone[middle:]
    assert 0.1 < np.linalg.norm(added) / np.linalg.norm(alone[middle:]) < 0.7


@pytest.mark.parametrize("pitch", [45, 57, 60, 69, 76, 88, 97, 127])
def test_a_note_has_the_frequency_of_its_pitch(pitch: int) -> None:
    samples = synthesise(Melody([pitch], [48]), 120)
    expected = 440 * 2 ** ((pitch - 69) / 12)
    if expected < SAMPLE_RATE / 2.3:  # higher pitches are not audible at this sample rate
        assert loudest_frequency(samples[:SAMPLE_RATE]) == pytest.approx(expected, rel=0.02)


def test_notes_begin_on_time_and_rests_are_silent() -> None:
    samples = synthesise(Melody([REST, 69, REST, 69], [24, 12, 36, 24]), 120)
    quarter = SAMPLE_RATE // 2
    assert not samples[:quarter].any()
    assert np.abs(samples[quarter : quarter + 2000]).max() > 0.3
    assert np.abs(samples[2 * quarter : 3 * quarter]).max() < 1e-6
    assert np.abs(samples[3 * quarter : 3 * quarter + 2000]).max() > 0.3


def test_the_sound_has_the_duration_of_the_melody_and_decays() -> None:
    melody = Melody([60, 62, 64], [24, 24, 48])
    samples = synthesise(melody, 240)
    seconds = melody.ticks / 24 / 4
    assert seconds < len(samples) / SAMPLE_RATE < seconds + 0.5
    assert np.abs(samples[-200:]).max() < 1e-3


def test_the_sound_has_no_clicks_and_no_clipping() -> None:
    """Adjacent samples differ no more than the highest harmonic allows."""
    rng = np.random.default_rng(0)
    melody = Melody(rng.integers(55, 85, 40), rng.choice([6, 12, 24], 40))
    samples = synthesise(melody, 160)
    assert np.abs(samples).max() == pytest.approx(0.8, abs=1e-3)
    assert abs(float(samples[0])) < 1e-3
    held = synthesise(Melody([84], [96]), 120)
    steady = float(np.abs(np.diff(held[2000:20000])).max())
    assert float(np.abs(np.diff(samples)).max()) < 2 * max(steady, 0.2)


def test_the_wav_file_is_deterministic_and_has_the_samples() -> None:
    melody = Melody([60, 67], [24, 24])
    content = to_wav(melody, 120)
    assert content == to_wav(melody, 120)
    with wave.open(io.BytesIO(content)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, SAMPLE_RATE)
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2") / 32767
    assert samples == pytest.approx(synthesise(melody, 120), abs=1e-4)


def test_a_melody_of_rests_is_silence() -> None:
    assert not synthesise(Melody([REST], [24]), 120).any()


def test_invalid_arguments_raise_an_error() -> None:
    with pytest.raises(InputError, match="without notes"):
        to_wav(Melody([], []), 120)
    with pytest.raises(InputError, match="tempo"):
        to_wav(Melody([60], [24]), float("nan"))


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_each_instrument_has_the_pitch_and_ends_before_the_next_note_is_heard(instrument: str) -> None:
    samples = synthesise(Melody([69, REST, 69], [24, 24, 24]), 120, instrument=instrument)
    assert loudest_frequency(samples[: SAMPLE_RATE // 2]) == pytest.approx(440, rel=0.02)
    quarter = SAMPLE_RATE // 2
    assert np.abs(samples[int(1.1 * quarter) : 2 * quarter]).max() < 1e-3
    assert np.abs(samples[:-1] - samples[1:]).max() < 0.5


def test_instruments_differ_and_unknown_ones_are_refused() -> None:
    melody = Melody([60, 64], [24, 48])
    sounds = {to_wav(melody, 120, instrument=name) for name in INSTRUMENTS}
    assert len(sounds) == len(INSTRUMENTS)
    with pytest.raises(InputError, match=r"no instrument is called 'fidle', did you mean fiddle\?"):
        to_wav(melody, 120, instrument="fidle")


def test_notes_on_the_beat_are_louder() -> None:
    samples = synthesise(Melody([69] * 4, [24, 12, 12, 24]), 120)
    quarter = SAMPLE_RATE // 2
    bounds = [0, quarter, quarter * 3 // 2, quarter * 2]
    loudest = [float(np.abs(samples[begin + 1000 : begin + 3000]).max()) for begin in bounds]
    assert np.array(loudest) / loudest[0] == pytest.approx([1, 0.85, 0.7, 0.85], rel=0.02)

import numpy as np
import pytest

from chromasonic.melody_generation.measures.reference_model.counting_model import CountingModel
from chromasonic.melody_generation.measures.reference_model.likelihood_features import (
    LIKELIHOOD_FEATURES,
    likelihood_features,
)
from chromasonic.melody_generation.measures.reference_model.note_arrays import NoteArrays
from chromasonic.melody_generation.melody import Melody


def tune(seed: int) -> Melody:
    """Return a tune of rising scales, each with a leap back to the tonic on the beat, and a long last note."""
    rng = np.random.default_rng(seed)
    pitches: list[int] = []
    for _ in range(15):
        begin = int(rng.choice([0, 2, 4]))
        scale = [60, 62, 64, 65, 67, 69, 71, 72]
        pitches += scale[begin : begin + 4]
    return Melody([*pitches, 60], [36, 12, 24, 24] * 15 + [96])


TUNES = [tune(seed) for seed in range(60)]
MODEL = CountingModel.fit([NoteArrays.of(melody) for melody in TUNES[:50]])


def features(*melodies: Melody) -> dict[str, np.ndarray]:
    return likelihood_features(MODEL, [NoteArrays.of(melody) for melody in melodies])


def test_tunes_of_the_kind_that_was_counted_are_likelier_as_they_are_than_altered() -> None:
    result = features(*TUNES[50:])
    contrasts = [name for name in LIKELIHOOD_FEATURES[4:] if "numbers" not in name and "order" not in name]
    assert all((result[name] > 0).all() for name in contrasts), result


def test_the_contrast_of_an_altered_tune_is_that_of_the_tune_with_the_other_sign() -> None:
    own = TUNES[50]
    backwards = Melody(own.pitches[::-1], own.durations[::-1])
    pitches_backwards = Melody(own.pitches[::-1], own.durations)
    shifted = Melody(own.pitches, own.durations, start=48)
    of_own, of_backwards, of_pitches, of_shifted = (
        {name: float(values[0]) for name, values in features(melody).items()}
        for melody in (own, backwards, pitches_backwards, shifted)
    )
    # The first note is not counted, and is another one backwards.
    assert of_backwards["reversal"] == pytest.approx(-of_own["reversal"], abs=0.3)
    assert of_pitches["pitch_reversal"] == pytest.approx(-of_own["pitch_reversal"], abs=0.3)
    assert of_shifted["bar_lines"] == pytest.approx(-of_own["bar_lines"], abs=0.3)
    assert of_shifted["pitch_bits"] > of_own["pitch_bits"] + 0.5


def test_a_wrong_note_raises_the_peak_and_a_wrong_ending_the_last_note() -> None:
    own = TUNES[50]
    wrong, ending = own.pitches.copy(), own.pitches.copy()
    wrong[20], ending[-1] = 61, 66
    result = features(own, Melody(wrong, own.durations), Melody(ending, own.durations))
    assert result["surprise_peak"][1] > result["surprise_peak"][0] + 1
    assert result["last_note_bits"][2] > result["last_note_bits"][0] + 1


def test_a_melody_of_fewer_than_two_notes_has_no_features() -> None:
    for melody in (Melody([], []), Melody([60], [24]), Melody([60, -1], [24, 24])):
        assert all(np.isnan(values[0]) for values in features(melody).values())
    assert {values.shape for values in features().values()} == {(0,)}

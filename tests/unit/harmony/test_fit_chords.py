"""Fitting a model of chords: the loss has its gradient, and what tunes teach is learned."""

from __future__ import annotations

import numpy as np
import pytest
from tests.made_tunes import walking_tune

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import Chord
from chromasonic.melody_generation.harmony import fit_chords
from chromasonic.melody_generation.harmony.chord_model import ChordModel
from chromasonic.melody_generation.harmony.fit_chords import fit_chord_model
from chromasonic.melody_generation.melody import Melody

CHORDS = {
    0: (0, "major"),
    4: (0, "major"),
    7: (0, "major"),
    5: (5, "major"),
    9: (5, "major"),
    2: (7, "7"),
    11: (7, "7"),
}


def harmonised(seed: int) -> Melody:
    """Return a tune whose chord in every half bar follows from its first note."""
    tune = walking_tune(seed, n_bars=12)
    chords = []
    for onset in range(0, tune.ticks, 48):
        note = int(np.searchsorted(tune.onsets, onset, side="right")) - 1
        root, quality = CHORDS[int(tune.pitches[note]) % 12]
        chords.append(Chord(onset, root, quality, root))
    return Melody(tune.pitches, tune.durations, chords=chords)


@pytest.fixture(scope="module")
def fitted() -> ChordModel:
    return fit_chord_model([harmonised(seed) for seed in range(30)], penalty=1, max_steps=60)


def test_chords_that_follow_from_notes_are_learned_for_other_tunes_and_keys(fitted: ChordModel) -> None:
    tune = harmonised(99).transposed(3)
    bits, n_units = fitted.surprisal(tune)
    assert bits / n_units < 0.3
    sounding = {chord.onset: (chord.root, chord.quality) for chord in fitted.chords(tune)}
    written = {chord.onset: (chord.root, chord.quality) for chord in tune.chords}
    wrong = 0
    current = None
    for onset in range(0, tune.ticks, 48):
        current = sounding.get(onset, current)
        wrong += current != written[onset]
    assert wrong <= 2


def test_the_gradient_is_that_of_the_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    caught = {}

    class Found:
        x = np.zeros(len(fit_chords._PENALTIES))

    def minimise(loss: object, start: object, **options: object) -> type[Found]:
        caught["loss"] = loss
        return Found

    monkeypatch.setattr(fit_chords, "minimize", minimise)
    fit_chord_model([harmonised(1)])
    rng = np.random.default_rng(0)
    point = rng.normal(scale=0.1, size=len(fit_chords._PENALTIES))
    loss = caught["loss"]
    gradient = loss(point)[1]  # type: ignore[operator]
    for index in rng.choice(len(point), 25, replace=False):
        step = np.zeros_like(point)
        step[index] = 1e-5
        slope = (loss(point + step)[0] - loss(point - step)[0]) / 2e-5  # type: ignore[operator]
        assert np.isclose(slope, gradient[index], rtol=1e-3, atol=1e-7)


def test_tunes_without_chords_are_refused() -> None:
    with pytest.raises(InputError, match="none has any"):
        fit_chord_model([walking_tune(1)])

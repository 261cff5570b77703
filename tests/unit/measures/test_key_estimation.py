"""Key estimation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.corpora.synthetic import SyntheticCorpus
from chromasonic.melody_generation.io.read_abc import read_abc
from chromasonic.melody_generation.io.tunes import WrittenTune
from chromasonic.melody_generation.measures.key_estimation import PROFILES, Key, estimated_key
from chromasonic.melody_generation.melody import REST

# In the style of a jig in D, with the tonic and the fifth on the beats.
JIG = [74, 73, 74, 69, 66, 69, 74, 76, 78, 76, 73, 69, 71, 67, 71, 69, 66, 69, 67, 64, 73, 74, 74]
JIG_TICKS = [24, 12, 24, 12, 24, 12, 12, 12, 12, 24, 12, 36, 24, 12, 24, 12, 24, 12, 24, 12, 36, 36, 36]


def test_a_jig_in_d_is_in_d() -> None:
    assert estimated_key(JIG, JIG_TICKS) == Key(2, "major")


def test_a_tune_on_the_harmonic_minor_scale_is_minor() -> None:
    assert estimated_key([69, 71, 72, 74, 76, 77, 80, 81, 76, 72, 69], [1] * 8 + [2, 2, 4]) == Key(9, "minor")


@pytest.mark.parametrize("mode", list(PROFILES))
def test_a_profile_is_in_its_own_key(mode: str) -> None:
    for tonic in range(12):
        assert estimated_key(np.arange(12) + tonic, PROFILES[mode]) == Key(tonic, mode)


@given(
    notes=st.lists(st.tuples(st.integers(40, 80), st.integers(1, 96)), min_size=1, max_size=30),
    semitones=st.integers(-12, 24),
)
def test_transposing_the_tune_transposes_the_estimate(notes: list[tuple[int, int]], semitones: int) -> None:
    pitches, durations = np.array(notes).T
    heard = np.bincount(pitches % 12, weights=durations, minlength=12)
    fits = sorted(
        float(np.corrcoef(np.roll(heard, -tonic), profile)[0, 1])
        for tonic in range(12)
        for profile in PROFILES.values()
    )
    if not fits[-1] - fits[-2] > 1e-9:  # of two keys with the same correlation either is right
        return
    key = estimated_key(pitches, durations)
    moved = estimated_key(pitches + semitones, durations)
    assert moved == Key((key.tonic + semitones) % 12, key.mode)


def test_estimates_do_not_depend_on_rests_octaves_or_the_unit_of_durations() -> None:
    spread = [pitch - 12 * (i % 2) for i, pitch in enumerate(JIG)]
    assert estimated_key([*spread, REST], [*(ticks / 24 for ticks in JIG_TICKS), 500]) == Key(2, "major")


def test_a_key_signature_allows_its_major_and_its_minor_key() -> None:
    assert estimated_key(JIG, JIG_TICKS, sharps=2) == Key(2, "major")
    assert estimated_key([71, 73, 74, 66, 71], [2, 1, 2, 2, 4], sharps=2) == Key(11, "minor")
    assert estimated_key(JIG, JIG_TICKS, sharps=-3) in {Key(3, "major"), Key(0, "minor")}


@pytest.mark.parametrize("pitches", [[], [REST], list(range(60, 72))])
def test_without_evidence_the_key_is_c_major_or_the_major_key_of_the_signature(pitches: list[int]) -> None:
    assert estimated_key(pitches, [24] * len(pitches)) == Key(0, "major")
    assert estimated_key(pitches, [24] * len(pitches), sharps=-1) == Key(5, "major")


def test_most_tonics_of_random_walks_are_found() -> None:
    walks = SyntheticCorpus(num_sequences=200).load()
    keys = [estimated_key(walk.pitches, walk.durations) for walk in walks]
    right = sum(key == Key(walk.tonic, walk.mode) for key, walk in zip(keys, walks, strict=True))
    assert right > 100  # chance is 1 in 24


def test_most_keys_of_nottingham_tunes_are_found(nottingham_directory: Path) -> None:
    tunes = [
        tune.melody
        for name in ("jigs.abc", "waltzes.abc", "morris.abc")
        for tune in read_abc((nottingham_directory / name).read_text("utf-8"), file_name=name)
        if isinstance(tune, WrittenTune)
    ]
    keys = [estimated_key(tune.pitches, tune.durations) for tune in tunes]
    tonics = np.mean([key.tonic == tune.tonic for key, tune in zip(keys, tunes, strict=True)])
    assert len(tunes) > 300
    assert tonics > 0.75  # chance is 1 in 12
    # Wrong estimates are mostly neighbours on the circle of fifths or the relative key.
    near = {(0, "major"), (7, "major"), (5, "major"), (9, "minor"), (0, "minor"), (4, "minor"), (2, "minor")}
    majors = [(key, tune) for key, tune in zip(keys, tunes, strict=True) if tune.mode == "major"]
    assert np.mean([((key.tonic - tune.tonic) % 12, key.mode) in near for key, tune in majors]) > 0.95

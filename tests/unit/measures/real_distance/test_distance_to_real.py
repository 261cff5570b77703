"""The distance of melodies from real tunes, on synthetic tunes, and what it says in words."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from chromasonic.melody_generation.corpora.synthetic import SyntheticCorpus
from chromasonic.melody_generation.measures.real_distance.distance_to_real import SIGNS, RealTunes
from chromasonic.melody_generation.measures.real_distance.plain_features import measure_plain_features
from chromasonic.melody_generation.measures.real_distance.reasons import PHRASES, TOLD_BY, Reason
from chromasonic.melody_generation.melody import Melody


@pytest.fixture(scope="module")
def tunes() -> list[Melody]:
    return list(SyntheticCorpus(160).load())


@pytest.fixture(scope="module")
def real(tunes: list[Melody]) -> RealTunes:
    fitted = RealTunes.fit(tunes[:40], tunes[40:120])
    assert fitted is not None
    return fitted


def test_other_real_tunes_are_as_far_as_the_floor_and_have_no_reasons(real: RealTunes, tunes: list[Melody]) -> None:
    distance = real.distance(tunes[120:])
    assert distance is not None
    assert distance.two_sample_auc.low < 0.5 < distance.two_sample_auc.high
    assert distance.two_sample_auc_floor.low < 0.5 < distance.two_sample_auc_floor.high
    assert distance.sets.frechet.value == pytest.approx(distance.sets_floor.frechet.value, rel=0.5)
    assert distance.reasons == ()


def test_melodies_of_half_the_length_are_told_by_their_length(real: RealTunes, tunes: list[Melody]) -> None:
    distance = real.distance([tune.window(0, len(tune) // 2) for tune in tunes[120:]])
    assert distance is not None
    assert distance.two_sample_auc.value > 0.9
    assert distance.sets.frechet.value > 1.5 * distance.sets_floor.frechet.value
    assert "are shorter" in [reason.words for reason in distance.reasons]
    assert distance.signs["bars_long"].value < 0.6 * distance.real_signs["bars_long"].value


def test_junk_is_told_apart_though_it_is_all_alike_and_has_the_titles_of_real_tunes(
    tunes: list[Melody],
) -> None:
    titled = [replace(tune, title=f"Tune {index}") for index, tune in enumerate(tunes)]
    real = RealTunes.fit(titled[:40], titled[40:120])
    assert real is not None
    constant = [replace(tune, pitches=np.full(len(tune), 60)) for tune in titled[:40]]
    assert real.told_apart(constant).auc.value > 0.95


def test_tunes_are_not_told_from_themselves(real: RealTunes, tunes: list[Melody]) -> None:
    assert real.told_apart(tunes[:40]).auc.value == pytest.approx(0.5)
    assert real.told_apart([tune.transposed(1) for tune in tunes[:40]]).auc.value < 0.6


def test_too_few_tunes_or_melodies_have_no_distance(real: RealTunes, tunes: list[Melody]) -> None:
    assert RealTunes.fit(tunes[:5], tunes[40:]) is None
    assert RealTunes.fit(tunes[:15]) is None
    assert RealTunes.fit(tunes[:30], [tunes[50]] * 30) is None  # one family
    assert real.distance(tunes[:9]) is None


def test_without_training_tunes_the_held_out_ones_are_divided(tunes: list[Melody]) -> None:
    halved = RealTunes.fit(tunes[:80])
    assert halved is not None
    assert len(halved.training) + len(halved.held_out) == 80
    assert halved.told_apart([replace(tune, pitches=np.full(len(tune), 60)) for tune in tunes[80:100]]).auc.value > 0.9


def test_every_feature_has_words_for_more_and_for_less() -> None:
    assert list(PHRASES) == list(TOLD_BY)
    assert set(SIGNS) <= set(TOLD_BY)
    phrases = [phrase for both in PHRASES.values() for phrase in both]
    assert len(set(phrases)) == len(phrases)
    for name in TOLD_BY:
        assert re.search(r"\d", Reason(name, "differ", 0.1, 0.25, 0.75).sentence())


def test_plain_features_count() -> None:
    silent, sixteen_bars = Melody([-1] * 4, [24] * 4), Melody([60, 60, 62, 67] * 16, [12, 12, 24, 48] * 16, tonic=0)
    values = {name: of_both.tolist() for name, of_both in measure_plain_features([silent, sixteen_bars]).items()}
    assert values["bars_long"] == [1, 16]
    assert values["eight_bar_parts"] == [0, 1]
    assert values["notes_per_bar"] == [4, 4]
    assert values["rest_share"] == [1, 0]
    assert values["different_durations"] == [1, 3]
    assert (values["shortest_note"][1], values["longest_note"][1]) == (0.5, 2)
    assert values["repeated_notes"][1] == 16 / 63
    assert (values["highest_note"][1], values["lowest_note"][1]) == (7, 0)
    assert values["rests_on_tonic"][1] == 0
    assert np.isnan([values["repeated_notes"][0], values["highest_note"][0], values["rests_on_tonic"][0]]).all()

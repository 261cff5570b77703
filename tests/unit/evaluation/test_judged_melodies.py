"""Melodies of any origin are scored beside real tunes, from Python and from files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.unit.measures.test_calibration import walk

from chromasonic import Melody, score_melodies
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.judged_melodies import JudgedMelodies
from chromasonic.melody_generation.evaluation.reference_set import ReferenceSet
from chromasonic.melody_generation.io.write_abc import to_abc
from chromasonic.melody_generation.io.write_midi import to_midi

TRAIN, TEST = [walk(seed) for seed in range(30)], [walk(seed) for seed in range(30, 40)]
REFERENCE = ReferenceSet.of(TEST, TRAIN)
JUNK = [Melody([60] * 64, [12] * 64), Melody([60, 62] * 32, [12] * 64)]


def test_real_tunes_score_above_junk_and_each_melody_is_listed() -> None:
    melodies = [replace(melody, source=f"{index}.mid") for index, melody in enumerate([*TEST[:3], *JUNK])]
    values = score_melodies(melodies, REFERENCE)
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert [melody["file"] for melody in values["melodies"]] == [f"{index}.mid" for index in range(5)]
    own = [melody["overall_score"] for melody in values["melodies"]]
    assert max(own[3:]) < 0.1
    assert values["scores"]["overall_score"]["value"] == pytest.approx(np.mean(own))
    for name in ("overall_score", "coherence", "musicality", "diversity", "line", "final"):
        score = values["scores"][name]
        assert score["low"] <= score["value"] <= score["high"]
    real = values["real"]
    assert real["scores"]["overall_score"]["value"] > values["scores"]["overall_score"]["value"]
    assert len(real["melodies"]) == len(TEST)
    assert set(real["scores"]) >= set(values["scores"]) - {"distinctness"}


def test_ten_melodies_have_a_distance_from_real_tunes_and_fewer_have_none() -> None:
    junk = [Melody([60, 62] * (16 + i), [12] * (32 + 2 * i)) for i in range(10)]
    values = score_melodies(junk, REFERENCE)
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert set(values["two_sample_auc"]) == {"value", "low", "high"}
    assert values["two_sample_auc"]["value"] > 0.9 > values["real"]["two_sample_auc"]["value"]
    assert values["distance"]["reasons"]
    fewer = score_melodies(junk[:9], REFERENCE)
    assert (fewer["two_sample_auc"], fewer["real"]["two_sample_auc"], fewer["distance"]) == (None, None, None)


def test_scores_are_those_of_the_calibration() -> None:
    assert REFERENCE.calibration is not None
    expected = REFERENCE.calibration.score(JUNK, REFERENCE.novelty).overall
    judged = JudgedMelodies.of(JUNK, REFERENCE)
    assert judged.made.scores is not None
    assert judged.made.scores.overall.tolist() == expected.tolist()


def test_files_of_any_kind_are_read_and_what_cannot_be_read_is_listed(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(to_midi(TEST[0], 120))
    (tmp_path / "b.abc").write_text(
        "\n".join(to_abc(melody, 120, number) for number, melody in enumerate(TEST[1:3], 1))
    )
    (tmp_path / "c.musicxml").write_text("no music")
    values = score_melodies(tmp_path, REFERENCE)
    assert [melody["file"] for melody in values["melodies"]] == ["a.mid", "b.abc", "b.abc"]
    assert [left_out["file"] for left_out in values["left_out"]] == ["c.musicxml"]
    alone = score_melodies(tmp_path / "a.mid", REFERENCE)
    assert len(alone["melodies"]) == 1


def test_a_melody_of_one_note_has_no_score_and_counts_as_0() -> None:
    values = score_melodies([TEST[0], Melody([60], [24])], REFERENCE)
    assert values["melodies"][1]["overall_score"] is None
    assert values["scores"]["overall_score"]["value"] == values["melodies"][0]["overall_score"] / 2


def test_what_cannot_be_scored_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no melodies"):
        score_melodies([], REFERENCE)
    with pytest.raises(InputError, match="list of melodies, got one"):
        score_melodies(TEST[0], REFERENCE)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="'nottingham'"):
        score_melodies(TEST, "somewhere")
    with pytest.raises(InputError, match="cannot score melodies"):
        score_melodies(TEST, ReferenceSet.of(TEST[:2]))
    (tmp_path / "c.musicxml").write_text("no music")
    with pytest.raises(InputError, match=r"no tune .* can be read: c\.musicxml"):
        score_melodies(tmp_path, REFERENCE)
    with pytest.raises(InputError, match="there is no"):
        score_melodies(tmp_path / "none", REFERENCE)

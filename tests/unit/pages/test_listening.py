"""The page of generated melodies shows their origin, scores and copies, and holds the exported files."""

from __future__ import annotations

import base64
import gzip
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from tests.small_networks import walks

from chromasonic.melody_generation.evaluation.reference_set import ReferenceSet
from chromasonic.melody_generation.evaluation.scored_melodies import ScoredMelodies
from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.melody import REST, Melody, Metre
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.pages.generated_set import GeneratedSet
from chromasonic.melody_generation.pages.listening import listening_page, settings_facts
from chromasonic.melody_generation.pages.melody_tracks import melody_facts, melody_tracks
from chromasonic.melody_generation.runs.model_metadata import ModelMetadata
from chromasonic.melody_generation.runs.trained_model import TrainedModel

TUNES = walks(40)
TRAIN, TEST = TUNES[15:], TUNES[:15]
MELODIES = [TRAIN[4], *walks(43)[40:]]


def run_with(tunes: dict[str, tuple[Melody, ...]]) -> TrainedModel:
    metadata = ModelMetadata(model="markov", dataset="synthetic", seed=42)
    return TrainedModel(MarkovNetwork(), metadata, digest="0123456789abcdef", tunes=tunes)


def player_data(html: str) -> Any:
    match = re.search(r'<script type="application/json" id="melodies">(.*?)</script>', html, re.DOTALL)
    assert match
    return json.loads(match[1])["melodies"]


def test_the_page_holds_the_exported_files(tmp_path: Path) -> None:
    run = run_with({"train": tuple(TRAIN), "validation": (), "test": tuple(TEST)})
    generated = GeneratedSet.of(run, MELODIES)
    generated.write(tmp_path, formats=["midi", "musicxml", "abc", "svg"])
    html = listening_page(generated, run, {"Seed": "7"}, "chromasonic generate")
    held = {
        file["name"]: gzip.decompress(base64.b64decode(file["data"]))
        for melody in player_data(html)
        for file in melody["files"].values()
        if "data" in file
    }
    assert held == {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(held) == 4 * len(MELODIES)


def test_the_page_names_the_model_its_tunes_and_the_command() -> None:
    run = run_with({"train": tuple(TRAIN), "validation": (), "test": tuple(TEST)})
    generated = GeneratedSet.of(run, MELODIES)
    html = listening_page(generated, run, {"Key": "G"}, "chromasonic generate run=x", 90.0)
    for words in (
        "4 melodies by a Markov model",
        "25 tunes of synthetic",
        "0123456789abcdef",
        "chromasonic generate run=x",
        "<dd>G</dd>",
    ):
        assert words in html
    assert [melody["tempo"] for melody in player_data(html)] == [90.0] * 4
    assert [melody["title"] for melody in player_data(html)] == [f"Melody {number}" for number in range(1, 5)]


def test_a_checkpoint_without_tunes_gets_a_page_without_scores() -> None:
    run = run_with({})
    generated = GeneratedSet.of(run, MELODIES[:1])
    html = listening_page(generated, run, {}, "")
    assert "1 melody by a Markov model" in html
    assert "learned from tunes of synthetic" in html
    assert 'class="scores"' not in html
    assert 'class="copying"' not in html


def test_a_copy_is_marked_as_shared_completely() -> None:
    reference = ReferenceSet.of(TEST, TRAIN)
    (track,) = melody_tracks(ScoredMelodies.score(MELODIES[:1], reference), [0], ["A copy"], ["copy"])
    assert track.shared
    assert track.shared.share == 1
    assert track.shared.n_notes == int((MELODIES[0].pitches != REST).sum())
    assert all(note.is_shared for note in track.roll().notes)
    assert track.shared.has_real


def test_scores_stand_beside_those_of_real_tunes() -> None:
    reference = ReferenceSet.of(TEST, TRAIN)
    scored = ScoredMelodies.score(MELODIES, reference)
    tracks = melody_tracks(scored, [2, 0], ["x", "y"], ["x", "y"])
    assert scored.scores
    assert reference.real
    for track, index in zip(tracks, (2, 0), strict=True):
        assert [bar.name for bar in track.scores] == ["coherence", "musicality", "diversity", "typicality"]
        assert track.scores[3].value == scored.scores.overall[index]
        assert track.scores[3].real == pytest.approx(reference.real.overall.mean())
        assert all(bar.is_defined and bar.has_real for bar in track.scores)


def test_without_a_reference_there_are_no_scores_and_no_copies() -> None:
    (track,) = melody_tracks(ScoredMelodies(tuple(MELODIES)), [1], ["x"], ["x"])
    assert track.scores == ()
    assert track.shared is None


def test_a_melody_of_one_note_has_a_page() -> None:
    reference = ReferenceSet.of(TEST, TRAIN)
    (track,) = melody_tracks(ScoredMelodies.score([Melody([60], [24])], reference), [0], ["x"], ["x"])
    assert math.isnan(track.scores[3].value)
    assert len(track.notes) == 1
    assert len(track.engravings) == 2


def test_facts_of_a_melody() -> None:
    melody = Melody([66, REST, 68], [24, 12, 12], Metre(6, 8), tonic=6, mode="minor")
    assert melody_facts(melody) == ("F# minor", "6/8", "1 bar", "2 notes")
    assert melody_facts(Melody([60], [24], Metre(0, 4)))[1] == "free metre"


def test_options_without_effect_are_not_listed() -> None:
    assert settings_facts(GenerationConfig()) == {"Temperature": "1", "Seed": "0"}
    changed = settings_facts(GenerationConfig(top_k=5, top_p=0.9, primer_notes=4), "jig.abc")
    assert changed == {
        "Primer": "jig.abc",
        "Temperature": "1",
        "Top k": "5",
        "Top p": "0.9",
        "Seed": "0",
        "Primer notes": "4",
    }


def test_a_melody_that_is_too_long_has_no_notation() -> None:
    (short, long) = melody_tracks(
        ScoredMelodies((Melody([60] * 96, [96] * 96), Melody([60] * 97, [96] * 97))), [0, 1], "xy", "xy"
    )
    assert len(short.engravings) == 2
    assert long.engravings == ()
    assert len(long.notes) == 97
    assert [[file.label for file in track.files] for track in (short, long)] == [
        ["MIDI", "MusicXML", "ABC", "SVG", "WAV"],
        ["MIDI", "MusicXML", "ABC", "WAV"],
    ]

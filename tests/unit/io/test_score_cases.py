"""Files of MusicXML and kern that readers get wrong, each with the right notes by its format's standard or verovio."""

from __future__ import annotations

from pathlib import Path

import pytest

from chromasonic.melody_generation.io.read_score import read_score
from chromasonic.melody_generation.melody import Metre

FILES = Path(__file__).parents[2] / "data" / "reading"
D_SCALE = [62, 64, 66, 67, 69, 71, 73, 74]


@pytest.mark.parametrize(
    ("name", "pitches"),
    [
        ("kern_resplit.krn", [60, 62, 67, 69, 72, 71]),
        ("kern_text_before.krn", [62, 64, 66, 67]),
        ("kern_unmetered.krn", [62, 64, 66, 69, 71, 73, 74]),
        ("xml_accidental_glyph.musicxml", D_SCALE),
        ("xml_sung_part.musicxml", D_SCALE),
        ("xml_two_rootfiles.mxl", D_SCALE),
    ],
)
def test_the_right_notes_are_read(name: str, pitches: list[int]) -> None:
    tune = read_score(FILES / name)
    assert tune.melody.pitches.tolist() == pitches
    assert set(tune.melody.durations.tolist()) == {24}
    assert tune.n_overruns == 0


def test_music_without_measure_is_free() -> None:
    melody = read_score(FILES / "kern_unmetered.krn").melody
    assert (melody.metre, melody.start) == (Metre(0, 4), 0)


def test_the_key_of_a_signature_of_unusual_signs_is_estimated() -> None:
    melody = read_score(FILES / "xml_accidental_glyph.musicxml").melody
    assert (melody.tonic, melody.mode) == (2, "major")


def test_the_report_names_the_part_and_counts_the_others() -> None:
    tune = read_score(FILES / "xml_sung_part.musicxml")
    assert [(remark.kind, remark.detail) for remark in tune.remarks] == [
        ("the melody is the part with such a name", "part 1 of 2, 'Voice'")
    ]
    assert tune.left_out == {"notes of other parts": 16}

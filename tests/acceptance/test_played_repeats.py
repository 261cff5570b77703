"""Tunes of Nottingham with their repeats played, every third of them, are those that abc2midi plays."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import pytest
from tests.independent_readers import SoundingNote, read_by_abc2midi, sounding_notes

from chromasonic.melody_generation.corpora.nottingham import NottinghamCorpus
from chromasonic.melody_generation.corpora.pinned_sources import load_manifest, read_sources
from chromasonic.melody_generation.io.read_abc import decode_abc

_N_AT_ONCE = 100
_MIN_SHARE = 0.92


def for_abc2midi(tune: str, number: int) -> str:
    """Return a tune as abc2midi understands it.

    The order of parts is in ``P:`` instead of ``Y:``. Without ``R:`` fields, hornpipes are not swung.
    """
    tune = re.sub(r"(?m)^X:.*$", f"X:{number}", tune, count=1)
    tune = re.sub(r"(?m)^Y:(.*)$", lambda match: "P:" + re.sub(r"[^A-Za-z0-9()]", "", match[1]), tune, count=1)
    lines = re.sub(r'"[^"]*"', "", tune).split("\n")
    return "".join(f"{line}\n" for line in lines if line.strip() and not line.startswith(("%", "R:")))


def onsets_and_pitches(notes: list[SoundingNote]) -> list[tuple[Fraction, int]]:
    """Return the onset of each note, from the first one on, and its pitch."""
    return [(note.onset - notes[0].onset, note.pitch) for note in notes]


@pytest.mark.slow
@pytest.mark.usefixtures("nottingham_directory")
def test_almost_all_tunes_of_nottingham_are_played_as_abc2midi_plays_them(tmp_path: Path) -> None:
    tunes = {}
    for name, content in read_sources(load_manifest("nottingham")):
        for tune in re.split(r"(?m)^(?=X:)", decode_abc(content).replace("\r\n", "\n"))[1:]:
            number = re.match(r"X:\s*(\d+)", tune)
            assert number is not None
            tunes[f"{name}:{number[1]}"] = tune
    every = NottinghamCorpus(repeats="played").load()
    assert len(every) == 1034
    melodies, n_equal = every[::3], 0
    for begin in range(0, len(melodies), _N_AT_ONCE):
        some = melodies[begin : begin + _N_AT_ONCE]
        texts = [for_abc2midi(tunes[melody.source], number) for number, melody in enumerate(some, 1)]
        for melody, played in zip(some, read_by_abc2midi(texts, tmp_path), strict=True):
            n_equal += onsets_and_pitches(sounding_notes(melody)) == onsets_and_pitches(played)
    assert n_equal >= _MIN_SHARE * len(melodies)

"""Form and chords of Nottingham's tunes survive in the files that we write, as others read them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.independent_readers import SoundingNote, read_by_abc2midi, read_by_verovio, sounding_notes

from chromasonic.melody_generation.corpora.nottingham import NottinghamCorpus
from chromasonic.melody_generation.form import FormSign
from chromasonic.melody_generation.io.played.played_melody import played
from chromasonic.melody_generation.io.read_abc import read_abc
from chromasonic.melody_generation.io.read_score import parse_scores
from chromasonic.melody_generation.io.tunes import WrittenTune
from chromasonic.melody_generation.io.write_abc import to_abc
from chromasonic.melody_generation.io.write_midi import to_midi
from chromasonic.melody_generation.io.write_musicxml import to_musicxml
from chromasonic.melody_generation.melody import Melody

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("nottingham_directory")]


@pytest.fixture(scope="module")
def tunes() -> list[Melody]:
    """Every sixth tune of Nottingham."""
    return NottinghamCorpus().load()[::6]


def onsets_and_pitches(notes: list[SoundingNote]) -> list[tuple[int, int]]:
    return [(round(note.onset - notes[0].onset), note.pitch) for note in notes]


def test_abc_is_read_back_with_form_chords_kind_and_spelling(tunes: list[Melody]) -> None:
    for melody in tunes:
        [tune] = read_abc(to_abc(melody, 120), file_name="t.abc")
        assert isinstance(tune, WrittenTune)
        assert replace(tune.melody, source=melody.source, corpus=melody.corpus) == melody, melody.source


def test_musicxml_is_read_back_with_form_chords_kind_and_spelling(tunes: list[Melody]) -> None:
    """A reader of scores sees rests as silence, and the order of parts has no place in MusicXML."""
    n_equal = 0
    for melody in tunes:
        [tune] = parse_scores(to_musicxml(melody, 120).encode(), ".musicxml", melody.source)
        assert isinstance(tune, WrittenTune)
        if tune.remarks or not np.array_equal(tune.melody.pitches, melody.pitches):  # the key, or a rest, differs
            continue
        assert replace(tune.melody, corpus=melody.corpus, part_order=melody.part_order) == melody, melody.source
        n_equal += 1
    assert n_equal >= 0.97 * len(tunes)


def test_the_melody_is_read_back_from_midi_with_chords(tunes: list[Melody]) -> None:
    for melody in tunes[::3]:
        with_chords, alone = (
            next(parse_scores(to_midi(melody, 120, chords=chords), ".mid", "a.mid")) for chords in (True, False)
        )
        assert isinstance(with_chords, WrittenTune)
        assert isinstance(alone, WrittenTune)
        assert with_chords.melody == alone.melody, melody.source


def test_abc2midi_plays_the_repeats_of_our_abc(tunes: list[Melody], tmp_path: Path) -> None:
    texts = [for_abc2midi(to_abc(melody, 120, number)) for number, melody in enumerate(tunes, 1)]
    equal = [
        onsets_and_pitches(notes) == onsets_and_pitches(sounding_notes(played(melody)))
        for melody, notes in zip(tunes, read_by_abc2midi(texts, tmp_path), strict=True)
    ]
    assert sum(equal) >= 0.95 * len(tunes)


def for_abc2midi(text: str) -> str:
    """Return a tune without chords, which abc2midi plays, and without the kind, by which it swings."""
    return re.sub(r'"[^"]*"|(?m:^R:.*\n)', "", text)


def test_verovio_plays_the_repeats_of_our_musicxml(tunes: list[Melody]) -> None:
    without_parts = [melody for melody in tunes if all(mark.sign is not FormSign.PART for mark in melody.form)][::3]
    equal = [
        onsets_and_pitches(read_by_verovio(to_musicxml(replace(melody, chords=()), 120)))
        == onsets_and_pitches(sounding_notes(played(melody)))
        for melody in without_parts
    ]
    assert sum(equal) >= 0.9 * len(without_parts)

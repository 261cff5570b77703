"""What we write, others read, note by note: over 300 real tunes and 200 made up by a model that learned from such.

ABC goes to abc2midi, MIDI to music21, MusicXML to Verovio, and all three back to our own readers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.independent_readers import read_by_abc2midi, read_by_music21, read_by_verovio, sounding_notes
from tests.written_music import content, is_sayable

from chromasonic.melody_generation.corpora.abc import read_abc
from chromasonic.melody_generation.corpora.barring import WrittenTune
from chromasonic.melody_generation.corpora.nottingham import NottinghamCorpus
from chromasonic.melody_generation.corpora.scores import read_score
from chromasonic.melody_generation.generation import beginning_of, sample
from chromasonic.melody_generation.grammar import Limits
from chromasonic.melody_generation.melody import REST, Melody
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.rendering.abc_notation import abc_text
from chromasonic.melody_generation.rendering.midi import midi_bytes
from chromasonic.melody_generation.rendering.musicxml import musicxml_text
from chromasonic.melody_generation.rendering.tempo import tempo_of
from chromasonic.melody_generation.sampling import Sampling
from chromasonic.melody_generation.vocabulary import NoteVocabulary

pytestmark = pytest.mark.slow

N_REAL, N_MADE_UP = 300, 200


@pytest.fixture(scope="module")
def melodies(nottingham_directory: Path) -> list[Melody]:
    """Real tunes of all kinds, then what a Markov model makes of them in their metres and modes."""
    del nottingham_directory
    tunes, rng = NottinghamCorpus().load(), np.random.default_rng(0)
    network, vocabulary = MarkovNetwork(order=2), NoteVocabulary()
    for tune in tunes:
        network.count(torch.from_numpy(vocabulary.encode(tune))[None])
    order = rng.permutation(len(tunes))
    beginnings = [beginning_of(tunes[place]) for place in order[:N_MADE_UP]]
    made_up = sample(network, beginnings, Sampling(), Limits(max_notes=200))
    found = [tunes[place] for place in order[:N_REAL]] + made_up
    assert len(found) == 500
    # They are such as try a writer: ties, triplets, rests, changes of metre and bar lines that depart.
    assert sum(bool(melody.departures) for melody in found) > 25
    assert sum(bool((melody.durations % 3).any()) for melody in found) > 50
    assert sum(bool((melody.pitches == REST).any()) for melody in found) > 20
    return found


def test_abc2midi_reads_every_abc_file(melodies: list[Melody], tmp_path: Path) -> None:
    texts = [abc_text(melody, tempo_of(melody), number) for number, melody in enumerate(melodies, 1)]
    for melody, found in zip(melodies, read_by_abc2midi(texts, tmp_path), strict=True):
        assert found == sounding_notes(melody), melody.title


def test_another_library_reads_every_midi_file(melodies: list[Melody]) -> None:
    for melody in melodies:
        begin = melody.start if melody.metre.beats else 0
        assert read_by_music21(midi_bytes(melody, tempo_of(melody)), begin) == sounding_notes(melody), melody.title


def test_the_engraver_reads_every_musicxml_file(melodies: list[Melody]) -> None:
    for melody in melodies:
        assert read_by_verovio(musicxml_text(melody, tempo_of(melody))) == sounding_notes(melody), melody.title


def test_our_own_reader_reads_bars_upbeats_and_departures_from_abc(melodies: list[Melody]) -> None:
    text = "\n".join(abc_text(melody, tempo_of(melody), number) for number, melody in enumerate(melodies, 1))
    read = [tune.melody for tune in read_abc(text, file_name="all.abc") if isinstance(tune, WrittenTune)]
    assert [sounding_notes(each) for each in read] == [sounding_notes(each) for each in melodies]
    sayable = [place for place, melody in enumerate(melodies) if is_sayable(melody)]
    assert len(sayable) > 450
    assert [content(read[place]) for place in sayable] == [content(melodies[place]) for place in sayable]


@pytest.mark.parametrize(("ending", "keeps"), [(".musicxml", "departures"), (".mid", "bar_lines")])
def test_our_own_readers_read_bars_from_scores(melodies: list[Melody], ending: str, keeps: str, tmp_path: Path) -> None:
    """A score's reader takes silence at either end for none of the melody; a MIDI file says departures as metres.

    What is played is laid on a grid when it is read, which the rhythms of real tunes keep to.
    """
    tried = 0
    for melody in melodies[:N_REAL:6]:
        if (melody.pitches == REST).any() or not is_sayable(melody):
            continue
        path = tmp_path / f"tune{ending}"
        path.write_bytes(
            midi_bytes(melody, 120) if ending == ".mid" else musicxml_text(melody, 120).encode(),
        )
        read = read_score(path).melody
        assert sounding_notes(read) == sounding_notes(melody)
        assert (read.start, read.tonic, read.metre) == (melody.start, melody.tonic, melody.metre)
        assert list(getattr(read, keeps)) == list(getattr(melody, keeps))
        tried += 1
    assert tried > 30

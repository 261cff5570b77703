"""Other programs read our files note by note: 250 melodies of models that learned from real tunes, and 100 real tunes.

Form and chords have tests of their own.

abc2midi reads the ABC files, music21 the MIDI files, Verovio the MusicXML files, and our own readers read all three.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.independent_readers import played_by_abc2midi, read_by_music21, read_by_verovio, sounding_notes
from tests.small_networks import batch_of
from tests.written_music import content, is_lossless
from torch import nn

from chromasonic.melody_generation.corpora.nottingham import NottinghamCorpus
from chromasonic.melody_generation.data.splits import split_by_family
from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.generation.melody_sampling import sample
from chromasonic.melody_generation.io.read_abc import read_abc
from chromasonic.melody_generation.io.read_score import read_score
from chromasonic.melody_generation.io.tunes import WrittenTune
from chromasonic.melody_generation.io.write_abc import to_abc
from chromasonic.melody_generation.io.write_midi import to_midi
from chromasonic.melody_generation.io.write_musicxml import to_musicxml
from chromasonic.melody_generation.measures.key_estimation import Key, contradicted_key
from chromasonic.melody_generation.melody import MODES, REST, Melody
from chromasonic.melody_generation.networks.lstm import LSTMNetwork
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.networks.ppm import PPMNetwork
from chromasonic.melody_generation.notation.score import split_measures
from chromasonic.melody_generation.notation.tempo import usual_tempo
from chromasonic.melody_generation.vocabulary import METRES, STARTS, NoteVocabulary

pytestmark = pytest.mark.slow

N_REAL, N_GENERATED = 100, 250
N_TOGETHER = 25  # melodies that share a temperature and a length
N_LEARNED_FROM, N_STEPS = 300, 25


@pytest.fixture(scope="module")
def melodies(nottingham_directory: Path) -> list[Melody]:
    """Return real tunes, then melodies that models have generated under all conditions."""
    del nottingham_directory
    tunes, rng = NottinghamCorpus().load(), np.random.default_rng(0)
    training = [tunes[index] for index in split_by_family(tunes, seed=0).train]
    learned_from = [training[index] for index in rng.permutation(len(training))[:N_LEARNED_FROM]]
    torch.manual_seed(0)
    networks = [
        _counted(MarkovNetwork(order=2), learned_from),
        _counted(PPMNetwork(), learned_from),
        _trained(LSTMNetwork(32, 1, 0.0), learned_from),
    ]
    generated: list[Melody] = []
    for turn in range(N_GENERATED // N_TOGETHER):
        generated += _generated_by(networks[turn % 3], rng, turn)
    real = [tunes[index].without_form() for index in rng.permutation(len(tunes))[:N_REAL]]
    assert len(generated) == N_GENERATED
    for group in (real, generated):  # both contain what is hard to write
        assert sum(bool(melody.departures) for melody in group) > 5
        assert sum(bool((melody.durations % 3).any()) for melody in group) > 5
        assert sum(bool((melody.pitches == REST).any()) for melody in group) > 5
    assert len({str(melody.metre) for melody in generated}) == len(METRES)
    assert len({(melody.tonic, melody.mode) for melody in generated}) > 70
    return real + generated


def _counted(network: MarkovNetwork | PPMNetwork, tunes: list[Melody]) -> MarkovNetwork | PPMNetwork:
    for begin in range(0, len(tunes), 50):
        network.count(batch_of(tunes[begin : begin + 50]))
    return network


def _trained(network: LSTMNetwork, tunes: list[Melody]) -> LSTMNetwork:
    """Train a network so briefly that it writes notes, odd ones among them."""
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for step in range(N_STEPS):
        tokens = batch_of(tunes[12 * step : 12 * (step + 1)])[:, :100]
        logits = network(tokens[:, :-1])
        pad = NoteVocabulary().pad
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), ignore_index=pad)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return network


def _generated_by(network: nn.Module, rng: np.random.Generator, seed: int) -> list[Melody]:
    """Generate melodies in random keys, modes, metres and upbeats, at a random temperature."""
    bars = [None, 4, None, 8][seed % 4]
    beginnings = []
    for _ in range(N_TOGETHER):
        metre = METRES[rng.integers(bars is not None, len(METRES))]
        upbeats = [ticks for ticks in STARTS if ticks < metre.bar_ticks] if metre.beats else [0]
        start = int(rng.choice(upbeats)) if rng.random() < 0.5 else 0
        tonic, mode = int(rng.integers(12)), MODES[rng.integers(len(MODES))]
        beginnings.append(Melody([], [], metre, start, (), tonic, mode, corpus="nottingham"))
    config = GenerationConfig(bars=bars, max_notes=60, temperature=float(rng.uniform(0.8, 1.3)), seed=seed)
    return [melody.without_form() for melody in sample(network, beginnings, config)]  # form has tests of its own


def test_abc2midi_reads_every_abc_file_and_finds_no_fault(melodies: list[Melody], tmp_path: Path) -> None:
    """A warning about the length of a bar is no fault if the melody has such bars.

    Nor is a warning about triplets of notes of different lengths, which abc2midi reads correctly.
    """
    texts = [to_abc(melody, usual_tempo(melody), number) for number, melody in enumerate(melodies, 1)]
    n_whole = 0
    for melody, text, played in zip(melodies, texts, played_by_abc2midi(texts, tmp_path), strict=True):
        assert played.notes == sounding_notes(melody), text
        is_whole = all(measure.is_whole for measure in split_measures(melody))
        usual = "Different length notes in tuple" if is_whole else r"Different length notes in tuple|Bar \d+ has"
        faults = [warning for warning in played.warnings if not re.search(usual, warning)]
        assert faults == [], text
        n_whole += is_whole
    assert 60 < n_whole < len(melodies) - 60


def test_music21_reads_every_midi_file(melodies: list[Melody]) -> None:
    for melody in melodies:
        begin = melody.start if melody.metre.beats else 0
        assert read_by_music21(to_midi(melody, usual_tempo(melody)), begin) == sounding_notes(melody), melody.title


def test_verovio_reads_every_musicxml_file(melodies: list[Melody]) -> None:
    for melody in melodies:
        assert read_by_verovio(to_musicxml(melody, usual_tempo(melody))) == sounding_notes(melody), melody.title


def test_our_own_reader_reads_bars_upbeats_and_departures_from_abc(melodies: list[Melody]) -> None:
    text = "\n".join(to_abc(melody, usual_tempo(melody), number) for number, melody in enumerate(melodies, 1))
    read = [tune.melody for tune in read_abc(text, file_name="all.abc") if isinstance(tune, WrittenTune)]
    assert [sounding_notes(melody) for melody in read] == [sounding_notes(melody) for melody in melodies]
    lossless = [index for index, melody in enumerate(melodies) if is_lossless(melody)]
    assert len(lossless) > 150
    assert [content(read[index]) for index in lossless] == [content(melodies[index]) for index in lossless]


@pytest.mark.parametrize(("ending", "keeps"), [(".musicxml", "departures"), (".mid", "bar_lines")])
def test_our_own_readers_read_bars_from_scores(melodies: list[Melody], ending: str, keeps: str, tmp_path: Path) -> None:
    """The reader of scores drops rests at either end, and a MIDI file represents departures as changes of metre.

    The reader of MIDI files quantizes notes to a grid that the rhythms of real tunes fit.
    """
    n_read = 0
    for melody in melodies[:N_REAL:2]:
        contradicted = contradicted_key(Key(melody.tonic, melody.mode), melody.pitches, melody.durations)
        if (melody.pitches == REST).any() or not is_lossless(melody) or contradicted:
            continue
        path = tmp_path / f"tune{ending}"
        path.write_bytes(
            to_midi(melody, 120) if ending == ".mid" else to_musicxml(melody, 120).encode(),
        )
        read = read_score(path).melody
        assert sounding_notes(read) == sounding_notes(melody)
        assert (read.start, read.tonic, read.metre) == (melody.start, melody.tonic, melody.metre)
        assert list(getattr(read, keeps)) == list(getattr(melody, keeps))
        n_read += 1
    assert n_read > 30

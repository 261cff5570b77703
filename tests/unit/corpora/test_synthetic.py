"""Random walks follow their tables, and their entropy is correct."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from chromasonic.melody_generation.corpora import synthetic
from chromasonic.melody_generation.corpora.synthetic import (
    MIN_NOTES,
    PHRASE_BARS,
    WALK_METRES,
    SyntheticCorpus,
    duration_table,
    pitch_table,
)
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.melody import REST, Melody, Metre
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH, NoteVocabulary


@pytest.fixture(scope="module")
def walks() -> list[Melody]:
    return SyntheticCorpus(num_sequences=3000, seed=5).load()


def test_all_tables_hold_probability_distributions() -> None:
    for table in (pitch_table(), *map(duration_table, WALK_METRES)):
        assert (table >= 0).all()
        np.testing.assert_allclose(table.sum(axis=1), 1)


def test_entropy_per_note_is_the_mean_surprisal_of_many_walks(walks: list[Melody]) -> None:
    corpus = SyntheticCorpus()
    bits = np.array([corpus.nll(melody) for melody in walks])
    notes = np.array([len(melody) for melody in walks])
    # Standard error of a ratio of two sums over independent tunes.
    error = np.sqrt(np.mean((bits - bits.sum() / notes.sum() * notes) ** 2) / len(walks)) / notes.mean()
    assert error < 0.01
    assert abs(bits.sum() / notes.sum() - corpus.entropy_per_note) < 4 * error


def test_expected_notes_match_the_mean_of_many_walks(walks: list[Melody]) -> None:
    for metre in WALK_METRES:
        notes = np.array([len(melody) for melody in walks if melody.metre == metre])
        error = notes.std() / math.sqrt(len(notes))
        assert abs(notes.mean() - synthetic._expected_visits(metre).sum()) < 4 * error


def test_walks_follow_the_tables(walks: list[Melody]) -> None:
    counts = np.zeros_like(duration_table(Metre(6, 8)))
    for melody in walks:
        if melody.metre == Metre(6, 8):
            columns = [list(synthetic.DURATION_WEIGHTS).index(ticks) for ticks in melody.durations.tolist()]
            np.add.at(counts, (melody.positions // synthetic.GRID, np.array(columns)), 1)
    n_events = counts.sum(axis=1, keepdims=True)
    error = np.sqrt(np.maximum(duration_table(Metre(6, 8)), 1e-9) / n_events)
    assert (abs(counts / n_events - duration_table(Metre(6, 8))) < 5 * error).all()


def test_nll_of_a_tune_by_hand() -> None:
    # Eight bars of 3/4, each a quarter and a half, all on the tonic.
    melody = Melody([60] * 16, [24, 48] * 8, Metre(3, 4), corpus="synthetic")
    pitch, duration = pitch_table(), duration_table(Metre(3, 4))
    tonic = 1 + list(synthetic.DEGREES).index(0)
    bits = -math.log2(pitch[0, tonic]) - 15 * math.log2(pitch[tonic, tonic])
    bits -= 8 * (math.log2(duration[0, 1]) + math.log2(duration[2, 3])) + math.log2(synthetic.END_PROBABILITY)
    assert SyntheticCorpus().nll(melody) == pytest.approx(bits)


def test_every_further_phrase_has_the_same_cost() -> None:
    corpus = SyntheticCorpus()
    one, two, three = (
        corpus.nll(Melody([60] * 16 * n, [24, 48] * 8 * n, Metre(3, 4), corpus="synthetic")) for n in (1, 2, 3)
    )
    assert two > one
    assert three - two == pytest.approx(two - one)


def test_nll_does_not_depend_on_the_tonic(walks: list[Melody]) -> None:
    corpus = SyntheticCorpus()
    assert corpus.nll(walks[0].transposed(3)) == pytest.approx(corpus.nll(walks[0]))


@pytest.mark.parametrize(
    "change",
    [
        {"metre": Metre(2, 4)},
        {"mode": "dorian"},
        {"start": 12},
        {"pitches": [61] * 16},
        {"pitches": [REST] * 16},
        {"durations": [48, 24] * 7 + [48, 12]},
        {"durations": [6, 66] * 8},
        {"pitches": [], "durations": []},
    ],
)
def test_nll_of_an_impossible_melody_is_infinite(change: dict[str, Any]) -> None:
    melody = Melody([60] * 16, [48, 24] * 8, Metre(3, 4), corpus="synthetic")
    assert math.isfinite(SyntheticCorpus().nll(melody))
    assert SyntheticCorpus().nll(replace(melody, **change)) == math.inf


def test_a_seed_determines_the_walks() -> None:
    assert SyntheticCorpus(20, seed=1).load() == SyntheticCorpus(20, seed=1).load()
    pairs = zip(SyntheticCorpus(20, seed=1).load(), SyntheticCorpus(20, seed=2).load(), strict=True)
    assert not any(first == second for first, second in pairs)


def test_a_walk_does_not_depend_on_the_number_of_walks() -> None:
    assert SyntheticCorpus(30).load()[:7] == SyntheticCorpus(7).load()


def test_walks_consist_of_complete_bars_and_phrases(walks: list[Melody]) -> None:
    for melody in walks:
        assert not melody.departures
        assert melody.start == 0
        assert melody.ticks % (PHRASE_BARS * melody.metre.bar_ticks) == 0
        assert (melody.positions + melody.durations <= melody.metre.bar_ticks).all()


def test_walks_have_the_minimum_number_of_notes(walks: list[Melody]) -> None:
    assert min(map(len, walks)) >= MIN_NOTES
    for metre in WALK_METRES:  # two notes in each bar, so that no walk of another seed is shorter
        assert max(synthetic.DURATION_WEIGHTS) < metre.bar_ticks
    assert 2 * PHRASE_BARS >= MIN_NOTES


def test_walks_vary_in_metre_mode_and_tonic_and_have_rests(walks: list[Melody]) -> None:
    assert {melody.metre for melody in walks} == set(WALK_METRES)
    assert {melody.mode for melody in walks} == {"major", "minor"}
    assert {melody.tonic for melody in walks} == set(range(12))
    assert any(REST in melody.pitches for melody in walks)


def test_every_walk_round_trips_through_the_vocabulary(walks: list[Melody]) -> None:
    vocabulary = NoteVocabulary()
    for melody in walks[:200]:
        tokens = vocabulary.encode(melody)
        assert len(tokens) == PREFIX_LENGTH + len(melody) + 1
        assert replace(vocabulary.decode(tokens, tonic=melody.tonic), source=melody.source) == melody


def test_the_report_has_no_changes() -> None:
    report = SyntheticCorpus(num_sequences=50).read().report
    assert (report.n_tunes, report.n_melodies) == (50, 50)
    assert len(report.lines()) == 1


@pytest.mark.parametrize(("num_sequences", "seed"), [(0, 0), (-3, 0), (10**9, 0), (10, -1)])
def test_numbers_out_of_range_raise_an_error(num_sequences: int, seed: int) -> None:
    with pytest.raises(InputError, match="synthetic corpus"):
        SyntheticCorpus(num_sequences, seed)

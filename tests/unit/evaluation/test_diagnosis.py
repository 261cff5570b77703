"""The diagnosis is right by hand on a tune that repeats itself, and its parts add up to the whole on any tunes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.small_networks import VOCABULARY, small_lstm, walks

from chromasonic.melody_generation.evaluation.diagnosis import (
    N_HARDEST,
    diagnose,
    match_names,
    matches_before,
)
from chromasonic.melody_generation.evaluation.likelihood import TuneReading, TuneSums, read_tunes
from chromasonic.melody_generation.evaluation.record_parts import DiagnosisPart
from chromasonic.melody_generation.melody import Melody, Metre
from chromasonic.melody_generation.reporting.result_tables import N_SHOWN_PARTS, diagnosis_tables, main_parts
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH

DIVISIONS = ("quarter", "match", "copying", "metre", "mode", "key")


def reading(melody: Melody, bits: list[float]) -> TuneReading:
    tokens = VOCABULARY.encode(melody)[PREFIX_LENGTH:]
    nothing = np.zeros(len(tokens), dtype=bool)
    return TuneReading(tokens, np.array(bits), VOCABULARY.is_note(tokens), nothing, nothing, nothing)


def test_a_tune_that_plays_a_phrase_twice_by_hand() -> None:
    phrase = [60, 62, 64, 65, 67, 69, 71, 72, 74, 76]
    tune = Melody(phrase * 2, [24] * 20, tonic=2, mode="dorian", title="Twice")
    diagnosis = diagnose([reading(tune, [5.0] * 10 + [4.0] + [1.0] * 9 + [2.0])], [tune])  # and its end

    assert [part.bits for part in diagnosis.quarter] == [25, 25, 8, 7]
    assert [part.n_notes for part in diagnosis.quarter] == [5, 5, 5, 5]
    by_match = {part.name: (part.bits, part.n_notes) for part in diagnosis.match}
    # At the first note of the second round the phrase is not known to return; the end follows a match of ten.
    assert by_match == {
        "none": (54, 11),
        "1 to 2": (2, 2),
        "3 to 4": (2, 2),
        "5 to 7": (3, 3),
        "8 to 15": (4, 2),
        "16 or more": (0, 0),
    }
    assert [(part.name, part.bits, part.n_notes) for part in diagnosis.copying] == [
        ("8 or more", 4, 2),
        ("under 8", 61, 18),
    ]
    names = [part.name for part in (*diagnosis.metre, *diagnosis.mode, *diagnosis.key)]
    assert names == ["4/4", "dorian", "D dorian"]
    assert [(part.bits, part.bits_per_note) for part in diagnosis.token] == [(63, 63 / 20), (0, 0), (2, 2 / 20)]
    [hardest] = diagnosis.hardest
    assert (hardest.index, hardest.title, hardest.bits_per_note, hardest.n_notes) == (0, "Twice", 65 / 20, 20)


def test_parts_add_up_to_the_whole_for_any_model() -> None:
    tunes = [replace(tune, title=f"walk {number}") for number, tune in enumerate(walks(15))]
    tunes[3] = replace(tunes[3], metre=Metre(3, 4), departures=())
    readings = read_tunes(small_lstm(), tunes)
    sums, diagnosis = TuneSums.of(readings), diagnose(readings, tunes)
    divisions = [getattr(diagnosis, name) for name in DIVISIONS]
    for division in divisions:
        assert sum(part.bits for part in division) == pytest.approx(sums.bits.sum())
        assert sum(part.n_notes for part in division) == sums.n_notes.sum()
    assert len(diagnosis.hardest) == N_HARDEST
    hardest = [tune.bits_per_note for tune in diagnosis.hardest]
    assert hardest == sorted(hardest, reverse=True)
    assert hardest[0] == pytest.approx((sums.bits / sums.n_notes).max())
    where, hardest_table = diagnosis_tables(diagnosis)
    assert sum(part.bits for part in diagnosis.token) == pytest.approx(sums.bits.sum())
    assert sum(part.bits_per_note for part in diagnosis.token) == pytest.approx(sums.bits.sum() / sums.n_notes.sum())
    assert len(where.rows) == len(diagnosis.token) + sum(len(main_parts(division)) for division in divisions)
    assert [row[0] for row in hardest_table.rows] == [tune.title for tune in diagnosis.hardest]


def test_no_tune_at_all_has_parts_without_notes() -> None:
    diagnosis = diagnose([], [])
    assert all(part.bits == 0 and math.isnan(part.bits_per_note) for part in diagnosis.quarter + diagnosis.match)
    assert diagnosis_tables(diagnosis)[0].rows[0][1] == "not defined"


def test_a_match_counts_the_tokens_before() -> None:
    assert matches_before(np.array([5, 6, 5, 6, 5])).tolist() == [0, 0, 0, 1, 2]
    assert matches_before(np.array([], dtype=np.int64)).tolist() == []
    assert match_names()[-2:] == ["8 to 15", "16 or more"]


def test_parts_beyond_the_shown_ones_are_one() -> None:
    parts = [DiagnosisPart(str(number), 2.0, 2.0, 1) for number in range(N_SHOWN_PARTS + 3)]
    assert [part.name for part in main_parts(parts)] == [*map(str, range(N_SHOWN_PARTS)), "3 others"]
    assert main_parts(parts)[-1].bits_per_note == 2
    assert len(main_parts(parts[: N_SHOWN_PARTS + 1])) == N_SHOWN_PARTS + 1

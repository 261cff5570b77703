"""Where the bits go: by hand on a tune that repeats itself, and as parts of the whole on any."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.small_networks import VOCABULARY, small_lstm, walks

from chromasonic.melody_generation.evaluation.diagnosis import (
    N_HARDEST,
    N_SHOWN,
    diagnose,
    main_parts,
    match_names,
    matches_before,
)
from chromasonic.melody_generation.evaluation.likelihood import TuneReading, TuneSums, read_tunes
from chromasonic.melody_generation.melody import Melody, Metre
from chromasonic.melody_generation.reporting.diagnosis_report import diagnosis_tables
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH

DIVISIONS = ("quarter", "match", "copying", "metre", "mode", "key")


def reading(melody: Melody, bits: list[float]) -> TuneReading:
    tokens = VOCABULARY.encode(melody)[PREFIX_LENGTH:]
    nothing = np.zeros(len(tokens), dtype=bool)
    return TuneReading(tokens, np.array(bits), VOCABULARY.is_note(tokens), nothing, nothing, nothing)


def test_a_tune_that_plays_a_phrase_twice_by_hand() -> None:
    phrase = [60, 62, 64, 65, 67, 69, 71, 72, 74, 76]
    tune = Melody(phrase * 2, [24] * 20, tonic=2, mode="dorian", title="Twice")
    found = diagnose([reading(tune, [5.0] * 10 + [4.0] + [1.0] * 9 + [2.0])], [tune])  # and its end

    assert [part["bits"] for part in found["quarter"]] == [25, 25, 8, 7]
    assert [part["notes"] for part in found["quarter"]] == [5, 5, 5, 5]
    by_match = {part["name"]: (part["bits"], part["notes"]) for part in found["match"]}
    # The first note of the second round is not yet known to be one; its end follows a match of ten.
    assert by_match == {
        "none": (54, 11),
        "1 to 2": (2, 2),
        "3 to 4": (2, 2),
        "5 to 7": (3, 3),
        "8 to 15": (4, 2),
        "16 or more": (0, 0),
    }
    assert [(part["name"], part["bits"], part["notes"]) for part in found["copying"]] == [
        ("8 or more", 4, 2),
        ("under 8", 61, 18),
    ]
    assert [part["name"] for part in found["metre"] + found["mode"] + found["key"]] == ["4/4", "dorian", "D dorian"]
    assert found["hardest"] == [{"place": 0, "title": "Twice", "source": "", "bits_per_note": 65 / 20, "notes": 20}]


def test_parts_add_up_to_the_whole_for_any_model() -> None:
    tunes = [replace(tune, title=f"walk {place}") for place, tune in enumerate(walks(15))]
    tunes[3] = replace(tunes[3], metre=Metre(3, 4), departures=())
    readings = read_tunes(small_lstm(), tunes)
    sums, found = TuneSums.of(readings), diagnose(readings, tunes)
    for division in DIVISIONS:
        assert sum(part["bits"] for part in found[division]) == pytest.approx(sums.bits.sum())
        assert sum(part["notes"] for part in found[division]) == sums.n_notes.sum()
    assert len(found["hardest"]) == N_HARDEST
    hardest = [each["bits_per_note"] for each in found["hardest"]]
    assert hardest == sorted(hardest, reverse=True)
    assert hardest[0] == pytest.approx((sums.bits / sums.n_notes).max())
    where, tunes_table = diagnosis_tables(found)
    assert len(where.rows) == sum(len(main_parts(found[division])) for division in DIVISIONS)
    assert [row[0] for row in tunes_table.rows] == [each["title"] for each in found["hardest"]]


def test_no_tune_at_all_has_parts_of_nothing() -> None:
    found = diagnose([], [])
    assert all(part["bits"] == 0 and part["bits_per_note"] is None for part in found["quarter"] + found["match"])
    assert diagnosis_tables(found)[0].rows[0][1] == "not defined"


def test_a_match_counts_what_came_before_the_token() -> None:
    assert matches_before(np.array([5, 6, 5, 6, 5])).tolist() == [0, 0, 0, 1, 2]
    assert matches_before(np.array([], dtype=np.int64)).tolist() == []
    assert match_names()[-2:] == ["8 to 15", "16 or more"]


def test_what_is_not_shown_by_itself_is_taken_together() -> None:
    parts = [{"name": str(i), "bits": 2.0, "notes": 1, "bits_per_note": 2.0} for i in range(N_SHOWN + 3)]
    assert [each["name"] for each in main_parts(parts)] == [*map(str, range(N_SHOWN)), "3 others"]
    assert main_parts(parts)[-1]["bits_per_note"] == 2
    assert len(main_parts(parts[: N_SHOWN + 1])) == N_SHOWN + 1

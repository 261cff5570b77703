"""The distance from real tunes is shown in the tables of an evaluation and of a comparison."""

from __future__ import annotations

from dataclasses import replace

from tests.evaluation_records import evaluation_record, real_distance, training_record

from chromasonic.melody_generation.evaluation.compare import compare
from chromasonic.melody_generation.reporting.comparison_tables import comparison_tables
from chromasonic.melody_generation.reporting.distance_tables import AUC_COLUMN, distance_tables
from chromasonic.melody_generation.reporting.result_tables import score_tables


def test_an_evaluation_tells_the_distance_its_floor_and_what_it_goes_by() -> None:
    table = score_tables(evaluation_record(distance=real_distance(0.9)))[1]
    assert table.rows[0] == ("told from real tunes (two-sample AUC)", "0.90 [0.80, 0.95]", "0.50 [0.40, 0.60]")
    assert ("a whole number of bars", "0.45 [0.35, 0.55]", "0.80 [0.70, 0.90]") in table.rows
    assert "the melodies are longer (length: 36 bars, real tunes 21)." in table.note
    assert table.note.endswith("By one aspect alone the AUC is: order 0.75, key 0.70.")
    cannot = distance_tables(replace(real_distance(0.5), reasons=()))[0]
    assert cannot.note.endswith("It cannot tell them apart.")


def test_an_evaluation_without_a_distance_has_no_table_of_it() -> None:
    assert distance_tables(None) == ()
    assert not any("Distance from real tunes" in table.columns for table in score_tables(evaluation_record()))


def test_a_comparison_has_a_column_of_the_distance_over_seeds_and_its_floor() -> None:
    records = {
        f"lstm{seed}": evaluation_record(training=training_record(seed=seed), distance=real_distance(auc))
        for seed, auc in ((1, 0.8), (2, 0.9))
    }
    records["ppm"] = evaluation_record("ppm", (80, 80, 80), distance=real_distance(0.95))
    records["old"] = evaluation_record("markov", (120, 120, 120))
    comparison = compare(records)
    table = comparison_tables(comparison)[1]
    column = table.columns.index(AUC_COLUMN)
    cells = {row[0]: row[column] for row in table.rows}
    assert cells["ppm"] == "0.95 [0.85, 1.00]"
    assert cells["lstm (2 seeds)"] == "0.85 ± 0.07"
    assert cells["markov"] == ""
    assert cells["real tunes"] == "0.50 [0.40, 0.60]"
    written = comparison.to_json()["models"]
    auc = written["lstm"]["two_sample_auc"]
    assert (round(auc["value"], 6), auc["low"], auc["high"]) == (0.85, 0.8, 0.9)
    assert written["markov"]["two_sample_auc"] == {"value": None, "low": None, "high": None}

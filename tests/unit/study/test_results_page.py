"""The page of results says what was measured: invented runs, whose means, spreads and margins are known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation_records import N_NOTES, copying, diagnosis, evaluation_record, real_distance, training_record

from chromasonic.melody_generation.atomic_files import write_json
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.records import EvaluationRecord
from chromasonic.melody_generation.runs.layout import RunLayout
from chromasonic.melody_generation.study import results_page as page_module
from chromasonic.melody_generation.study.plan import Plan, PlannedRun
from chromasonic.melody_generation.study.results_page import ShownTune, write_results, write_summary
from chromasonic.melody_generation.study.results_tables import (
    ablation_table,
    copying_table,
    distance_table,
    main_table,
    melodies_table,
    neighbours_table,
    pretraining_table,
    reasons_list,
    reference_table,
    summary_table,
)
from chromasonic.melody_generation.study.run_files import PART_RECORD
from chromasonic.melody_generation.study.study_results import Spread, StudyResults
from chromasonic.melody_generation.study.workflow import Workflow

PLAN = {
    "seeds": [1, 2, 3],
    "reference": "ppm",
    "front_page": ["ppm", "lstm"],
    "pretraining": {"before": {"title": "Before", "overrides": ["dataset=folk"]}},
    "rows": {
        "ppm": {"title": "PPM", "overrides": ["model=ppm"], "seeds": [1]},
        "lstm": {"title": "LSTM", "overrides": ["hidden_size=16"]},
        "tuned": {"title": "Tuned", "overrides": ["init_from={before}"]},
    },
    "ablations": {
        "memory": {
            "title": "Memory",
            "question": "What is it worth?",
            "base": "lstm",
            "variants": {"none": ["model.memory=false"]},
        },
        "width": {
            "title": "Width",
            "question": "How wide?",
            "base": "lstm",
            "variants": {"8 wide": ["hidden_size=8"], "16 wide": ["hidden_size=16"]},
        },
        "pretraining": {"title": "Pretraining", "question": "And?", "base": "lstm", "variants": {"tuned": "tuned"}},
    },
}
# Bits per note on validation and test, by part and seed.
BITS = {
    "ppm": [(2.6, 2.684)],
    "lstm": [(2.0, 2.1), (2.1, 2.2), (2.2, 2.3)],
    "tuned": [(1.9, 2.0), (1.9, 2.1), (1.9, 2.2)],
    "before": [(3.0, 3.1)] * 3,
    "memory_none": [(2.5, 2.7)],
    "width_8_wide": [(2.25, 2.0)],
}
CORE_MINUTES = {"ppm": 0.5, "lstm": 3.0, "tuned": 2.0, "before": 9.0, "memory_none": 1.0, "width_8_wide": 1.0}


def configuration_of(overrides: Sequence[str]) -> dict[str, Any]:
    """Compose as Hydra does: the last override of a key counts."""
    return dict(override.split("=") for override in overrides)


def record_of(
    validation: float, test: float, test_set: str = "abc", split_hash: str = "split1", unseen: str = ""
) -> EvaluationRecord:
    """The evaluation of a run with these bits per note."""
    return evaluation_record(
        bits=[test * N_NOTES + i - 1 for i in range(3)],
        training=training_record(
            validation=validation,
            test=test,
            split_hash=split_hash,
            test_set_hash=test_set,
            unseen=[unseen or split_hash],
        ),
        test_set_hash=test_set,
        diagnosed=diagnosis({"8 or more": 1.11, "none": 3.33, "first quarter": 2.77, "last quarter": 1.55}),
        copied=copying(0.66, 0.78),
    )


def write_run(run: PlannedRun, record: EvaluationRecord) -> None:
    layout = RunLayout(run.directory)
    write_json(layout.results, record.to_json())
    seconds = {"core_seconds": 60 * CORE_MINUTES[run.part]}
    write_json(run.directory / PART_RECORD, seconds | ({"judging_core_seconds": 30.0} if run.part == "ppm" else {}))
    guard: dict[str, Any] = {"guard": {"left_out": [{}] * 1234}} if run.part == "before" else {}
    test = [{"source": record.test_set_hash, "title": "A jig"}]
    write_json(layout.split, {"counts": {"train": 5678}, "test": test, **guard})
    epochs = 1 if run.part == "ppm" else 2
    assert record.training
    assert record.training.validation
    bits = record.training.validation.bits_per_note
    lines = [f"{epoch},{bits + epochs - epoch}" for epoch in range(1, epochs + 1)]
    layout.metrics.write_text("\n".join(["epoch,validation/bits_per_note", *lines]) + "\n")


@pytest.fixture
def workflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workflow:
    monkeypatch.chdir(tmp_path)
    workflow = Workflow.of(Plan.of(PLAN, "plan.yaml"), Path("outputs/results"), configuration_of)
    for run in dict.fromkeys(workflow.runs.values()):
        write_run(run, record_of(*BITS[run.part][run.seed - 1]))
    return workflow


@pytest.fixture
def results(workflow: Workflow) -> StudyResults:
    return StudyResults.read(workflow)


def test_a_variant_that_is_the_same_as_another_run_is_that_run(workflow: Workflow) -> None:
    assert workflow.runs["width_16_wide", 1] == workflow.runs["lstm", 1]
    assert [run.name for run in workflow.with_needs(workflow.runs["tuned", 2])] == [
        "tuned, seed 2",
        "before, seed 2",
    ]


def test_a_second_reference_has_a_margin_beside_the_first(results: StudyResults) -> None:
    lstm = next(row for row in results.rows if row.part.title == "LSTM")
    table = main_table(replace(results, second_reference=lstm))
    assert [column for column in table.columns if column.startswith("below")] == ["below PPM", "below LSTM"]
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert rows["PPM"]["below LSTM"] == f"{2.2 - 2.684:.3f}"
    assert rows["LSTM"]["below LSTM"] == rows["PPM"]["below PPM"] == ""


def test_the_main_table_has_means_spreads_and_margins(results: StudyResults) -> None:
    table = main_table(results)
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert list(rows) == ["Tuned", "LSTM", "PPM", "held-out real tunes"]
    assert rows["LSTM"]["validation"] == "2.100 ± 0.100"
    assert rows["Tuned"]["validation"] == "1.900 ± 0.000"
    assert rows["PPM"]["test"] == "2.684"
    assert rows["LSTM"]["below PPM"] == f"{2.684 - 2.2:.3f}"
    assert rows["PPM"]["below PPM"] == ""
    assert rows["LSTM"]["typicality"] == "0.70 ± 0.00"
    assert rows["PPM"]["typicality"] == "0.70 [0.60, 0.80]"
    assert rows["PPM"]["novelty"] == "0.66"
    assert rows["PPM"]["parameters"] == "12,345"
    assert rows["LSTM"]["core-minutes"] == "3.0"
    assert rows["Tuned"]["core-minutes"] == "2.0 (11.0 in all)"
    assert rows["held-out real tunes"]["typicality"] == "0.85 [0.75, 0.95]"
    assert rows["held-out real tunes"]["novelty"] == "0.78 [0.68, 0.88]"


def test_the_short_table_has_the_chosen_rows_and_real_tunes(results: StudyResults) -> None:
    table = summary_table(results)
    assert [row[:2] for row in table.rows] == [
        ("LSTM", "2.200 ± 0.100"),
        ("PPM", "2.684"),
        ("held-out real tunes", ""),
    ]
    assert table.columns[-1] == "core-minutes"


def test_the_other_tables(results: StudyResults) -> None:
    assert copying_table(results).rows[-1] == ("PPM", "1.11", "3.33", "2.77", "1.55")
    melodies = melodies_table(results)
    assert melodies.columns == ("melodies of", "diversity", "coherence", "musicality", "typicality")
    assert melodies.rows[0] == ("Tuned", *["0.70 ± 0.00"] * 4)
    assert melodies.rows[-1] == ("held-out real tunes", *["0.85 [0.75, 0.95]"] * 4)
    [first, second] = neighbours_table(results).rows
    assert first[0] == "Tuned less LSTM"
    assert first[1].startswith("-0.100 [")
    assert second[0] == "LSTM less PPM"
    assert second[3:5] == ("these runs", "3 of 3")
    assert [row[0] for row in reference_table(results).rows] == ["Tuned less PPM", "LSTM less PPM"]
    assert pretraining_table(results).rows == (("Before", "5,678", "1,234", "3.000 ± 0.000", "9.0"),)


def test_melodies_are_told_from_real_tunes_in_a_table_and_in_words(
    workflow: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert distance_table(StudyResults.read(workflow)).rows == ()  # results of an earlier version
    for run in dict.fromkeys(workflow.runs.values()):
        auc = 0.8 + 0.01 * run.seed
        write_run(run, replace(record_of(*BITS[run.part][run.seed - 1]), distance=real_distance(auc)))
    results = StudyResults.read(workflow)
    table = distance_table(results)
    assert table.rows[1] == ("LSTM", "0.82 ± 0.01", "7.0 ± 0.0", "0.60 ± 0.00", "0.70 ± 0.00")
    assert table.rows[2] == ("PPM", "0.81 [0.71, 0.86]", "7.0 [6.9, 7.1]", "0.60 [0.50, 0.70]", "0.70 [0.60, 0.80]")
    assert table.rows[3][:2] == ("held-out real tunes", "0.50 [0.40, 0.60]")
    rows = {row[0]: dict(zip(main_table(results).columns, row, strict=True)) for row in main_table(results).rows}
    assert rows["LSTM"]["told apart"] == "0.82 ± 0.01"
    assert rows["held-out real tunes"]["told apart"] == "0.50 [0.40, 0.60]"
    assert reasons_list(results)[0] == ("Tuned", ["are longer (length: 36 bars, real tunes 21)"])
    monkeypatch.setattr(page_module, "tunes_of", lambda *_: [])
    write_results(workflow, results, tmp_path / "results.md", Path("plan.yaml"), 512)
    text = (tmp_path / "results.md").read_text()
    assert "| LSTM | 0.82 ± 0.01 | 7.0 ± 0.0 |" in text
    assert "\n* **LSTM**: its melodies are longer (length: 36 bars, real tunes 21).\n" in text
    assert "\n\n\n" not in text


def test_a_teacher_that_has_seen_tunes_its_pupil_is_scored_on_is_noted(workflow: Workflow) -> None:
    for seed in (1, 2, 3):
        write_run(workflow.runs["before", seed], record_of(3.0, 3.1, unseen="another"))
    [row] = pretraining_table(StudyResults.read(workflow)).rows
    assert row[3] == "3.000 ± 0.000 (its teacher has seen some of them)"


def test_processor_time_is_added_up(results: StudyResults) -> None:
    # One run of ppm with its judging, memory_none and width_8_wide, and three each of the others.
    assert results.n_runs == 12
    assert results.core_minutes == pytest.approx(0.5 + 0.5 + 1.0 + 1.0 + 3 * (3.0 + 2.0 + 9.0))


def test_ablations_are_read_beside_their_base_with_the_same_seeds(results: StudyResults) -> None:
    memory, width, pretraining = (ablation_table(*ablation).rows for ablation in results.ablations)
    assert memory == (("LSTM", "2.000", "2.100", "", ""), ("none", "2.500", "2.700", "+0.500", "+0.600"))
    assert width == (("8 wide", "2.250", "2.000", "+0.250", "-0.100"), ("16 wide", "2.000", "2.100", "", ""))
    assert pretraining[0] == ("LSTM", "2.100 ± 0.100", "2.200 ± 0.100", "", "")
    assert pretraining[1] == ("Tuned", "1.900 ± 0.000", "2.100 ± 0.100", "-0.200", "-0.100")


def test_the_page_has_all_tables_and_pictures(
    workflow: Workflow, results: StudyResults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tunes = [ShownTune("Melody 1", "tune_1.png", b"png", "X:1\nK:G\nG4|]")]
    monkeypatch.setattr(page_module, "tunes_of", lambda *_: tunes)
    page, readme = tmp_path / "docs/results.md", tmp_path / "README.md"
    readme.write_text("before\n<!-- results -->\nold\n<!-- /results -->\nafter\n")
    write_results(workflow, results, page, Path("configs/plan.yaml"), 512)
    write_summary(results, readme, page)
    text = page.read_text()
    for words in (
        "`configs/plan.yaml`",
        "All 12 runs of this page took 45 core-minutes",
        "same 5678 tunes",
        "3 test tunes (120 notes)",
        "split `split1`, test set `abc`",
        "seeds 1, 2 and 3. PPM was trained once.",
        "| LSTM | 2.100 ± 0.100 | 2.200 ± 0.100 | 0.484 |",
        "Base: `chromasonic train hidden_size=16 seed=1`",
        "chromasonic train init_from=outputs/results/before/1 seed=1 output_dir=outputs/results/tuned/1",
        "chromasonic generate run=outputs/results/tuned/1 count=3 key=G seed=1",
        "```abc\nX:1\nK:G\nG4|]\n```",
    ):
        assert words in text, words
    assert "findings.md" not in text
    assert "\n\n\n" not in text
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", text):
        assert (page.parent / picture).is_file(), picture
    front = readme.read_text()
    assert front.startswith("before\n<!-- results -->\n| model |")
    assert front.endswith("[docs/results.md](docs/results.md).\n<!-- /results -->\nafter\n")
    assert "\nold\n" not in front
    # Writing it again changes nothing.
    write_summary(results, readme, page)
    assert readme.read_text() == front


def test_findings_and_statistics_are_linked_where_they_are(
    workflow: Workflow, results: StudyResults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "tunes_of", lambda *_: [])
    (tmp_path / "docs").mkdir()
    for name in ("findings", "statistics"):
        (tmp_path / f"docs/{name}.md").touch()
    write_results(workflow, results, tmp_path / "docs/results.md", Path("plan.yaml"), 512)
    text = (tmp_path / "docs/results.md").read_text()
    assert "[findings](findings.md)" in text
    assert "[Statistics](statistics.md)" in text
    assert "| Tuned less PPM |" in text


def test_a_front_page_without_marks_is_refused(results: StudyResults, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("<!-- /results --> <!-- results -->")
    with pytest.raises(InputError, match="has no marks for the table"):
        write_summary(results, readme, tmp_path / "docs/results.md")


def test_missing_results_and_other_tunes_are_refused(workflow: Workflow) -> None:
    run = workflow.runs["memory_none", 1]
    write_run(run, record_of(2.5, 2.7, test_set="other"))
    with pytest.raises(InputError, match="Memory: its runs were scored on different test tunes"):
        StudyResults.read(workflow)
    RunLayout(workflow.runs["lstm", 2].directory).results.unlink()
    with pytest.raises(InputError, match="lstm/2 has no results"):
        StudyResults.read(workflow)


def test_rows_of_different_splits_or_test_tunes_are_refused(
    workflow: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = workflow.runs["tuned", 2]
    monkeypatch.setattr(page_module, "tunes_of", lambda *_: [])
    write_run(run, record_of(1.9, 2.1, split_hash="split2"))
    with pytest.raises(InputError, match="were trained on different splits: split1, split2"):
        write_results(workflow, StudyResults.read(workflow), tmp_path / "results.md", Path("plan.yaml"), 512)
    assert not (tmp_path / "results.md").exists()
    write_run(run, record_of(1.9, 2.1, test_set="other"))
    with pytest.raises(InputError, match="scores of different test tunes cannot be compared"):
        StudyResults.read(workflow)


def test_a_spread_of_undefined_numbers_is_not_defined() -> None:
    assert str(Spread.of([1.0, float("nan")])) == str(Spread.of([])) == str(Spread.of([float("inf")])) == "not defined"


def test_there_is_no_part_of_that_name(workflow: Workflow) -> None:
    with pytest.raises(InputError, match="there is no part nobody: the plan has before, ppm, lstm"):
        workflow.steps_of([], ["nobody"])

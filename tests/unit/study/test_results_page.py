"""The page of results says what was measured: invented runs, whose means, spreads and margins are known."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from chromasonic.melody_generation.atomic_files import write_json
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.runs.layout import RunLayout
from chromasonic.melody_generation.study import results_page as page_module
from chromasonic.melody_generation.study.plan import Plan, PlannedRun
from chromasonic.melody_generation.study.results_page import Tune, write_results, write_summary
from chromasonic.melody_generation.study.results_tables import (
    ablation_table,
    copying_table,
    main_table,
    neighbours_table,
    pretraining_table,
    sound_table,
    summary_table,
)
from chromasonic.melody_generation.study.run_numbers import Numbers, Spread
from chromasonic.melody_generation.study.steps import RECORD
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


def configuration_of(overrides: Sequence[str]) -> Mapping[str, Any]:
    """As Hydra does: what comes last counts."""
    return dict(each.split("=") for each in overrides)


def estimate(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.1, "high": value + 0.1}


def results_of(validation: float, test: float, test_set: str = "abc") -> dict[str, Any]:
    groups = ("diversity", "coherence", "musicality", "overall_score")
    values = {"accuracy": 0.5, "perplexity": 4.0, "pitch_accuracy": 0.6, "duration_accuracy": 0.8}
    values |= {"bits_per_note": test, **dict.fromkeys(groups, 0.7)}

    def part(name: str, bits: float) -> dict[str, Any]:
        return {"name": name, "bits_per_note": bits, "bits": 1.0, "notes": 10}

    return {
        "validation": {"bits_per_note": validation},
        "test": {"bits_per_note": test},
        "hash": "split1",
        "test_set_hash": test_set,
        "accuracy": 0.5,
        "overall_score": 0.7,
        "scores": {name: estimate(each) for name, each in values.items()},
        "real": {name: estimate(0.85) for name in groups},
        "copying": {"samples": {"novelty": estimate(0.66)}, "real": {"novelty": estimate(0.78)}},
        "diagnosis": {
            "copying": [part("8 or more", 1.11), part("under 8", 2.5)],
            "match": [part("none", 3.33)],
            "quarter": [part("first quarter", 2.77), part("last quarter", 1.55)],
        },
        "tunes": [{"hash": f"{i}", "notes": 40, "bits": test * 40 + i - 1} for i in range(3)],
        "n_test_tunes": 3,
        "n_test_notes": 120,
        "calibrated_on": "9 training tunes",
        "samples": {"n_samples": 6, "seed": 0, "temperature": 1.0, "max_notes": 512},
        "typical": {"samples": [], "real": []},
        "cost": {"parameters": 12345, "notes_per_second": 500.0},
        "configuration": {},
    }


def write_run(run: PlannedRun, results: Mapping[str, Any]) -> None:
    write_json(RunLayout(run.directory).results, results)
    seconds = {"core_seconds": 60 * CORE_MINUTES[run.part]}
    write_json(run.directory / RECORD, seconds | ({"judging_core_seconds": 30.0} if run.part == "ppm" else {}))
    guard: dict[str, Any] = {"guard": {"left_out": [{}] * 1234}} if run.part == "before" else {}
    test = [{"source": results["test_set_hash"], "title": "A jig"}]
    write_json(run.directory / "split.json", {"counts": {"train": 5678}, "test": test, **guard})
    epochs = 1 if run.part == "ppm" else 2
    rows = [f"{epoch},{results['validation']['bits_per_note'] + epochs - epoch}" for epoch in range(1, epochs + 1)]
    (run.directory / "metrics.csv").write_text("\n".join(["epoch,validation/bits_per_note", *rows]) + "\n")


@pytest.fixture
def programme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workflow:
    monkeypatch.chdir(tmp_path)
    found = Workflow.of(Plan.of(PLAN, "plan.yaml"), Path("outputs/results"), configuration_of)
    for run in dict.fromkeys(found.runs.values()):
        write_run(run, results_of(*BITS[run.part][run.seed - 1]))
    return found


@pytest.fixture
def numbers(programme: Workflow) -> Numbers:
    return Numbers.of(programme)


def test_a_variant_that_is_the_same_as_another_run_is_that_run(programme: Workflow) -> None:
    assert programme.runs["width_16_wide", 1] == programme.runs["lstm", 1]
    assert [each.name for each in programme.with_needs(programme.runs["tuned", 2])] == [
        "tuned, seed 2",
        "before, seed 2",
    ]


def test_the_main_table_has_means_spreads_and_margins(numbers: Numbers) -> None:
    table = main_table(numbers)
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert list(rows) == ["Tuned", "LSTM", "PPM", "held-out real tunes"]
    assert rows["LSTM"]["validation"] == "2.100 ± 0.100"
    assert rows["Tuned"]["validation"] == "1.900 ± 0.000"
    assert rows["PPM"]["test"] == "2.684"
    assert rows["LSTM"]["below PPM"] == f"{2.684 - 2.2:.3f}"
    assert rows["PPM"]["below PPM"] == ""
    assert rows["LSTM"]["overall"] == "0.70 ± 0.00"
    assert rows["PPM"]["overall"] == "0.70 [0.60, 0.80]"
    assert rows["PPM"]["novelty"] == "0.66"
    assert rows["PPM"]["parameters"] == "12,345"
    assert rows["LSTM"]["core-minutes"] == "3.0"
    assert rows["Tuned"]["core-minutes"] == "2.0 (11.0 in all)"
    assert rows["held-out real tunes"]["overall"] == "0.85 [0.75, 0.95]"
    assert rows["held-out real tunes"]["novelty"] == "0.78 [0.68, 0.88]"


def test_the_short_table_has_the_chosen_rows_and_real_tunes(numbers: Numbers) -> None:
    table = summary_table(numbers)
    assert [row[:2] for row in table.rows] == [
        ("LSTM", "2.200 ± 0.100"),
        ("PPM", "2.684"),
        ("held-out real tunes", ""),
    ]
    assert table.columns[-1] == "core-minutes"


def test_the_other_tables(numbers: Numbers) -> None:
    assert copying_table(numbers).rows[-1] == ("PPM", "1.11", "3.33", "2.77", "1.55")
    sound = sound_table(numbers)
    assert sound.columns == ("melodies of", "diversity", "coherence", "musicality", "overall")
    assert sound.rows[0] == ("Tuned", *["0.70 ± 0.00"] * 4)
    assert sound.rows[-1] == ("held-out real tunes", *["0.85 [0.75, 0.95]"] * 4)
    [first, second] = neighbours_table(numbers).rows
    assert first[0] == "Tuned less LSTM"
    assert first[1].startswith("-0.100 [")
    assert second[0] == "LSTM less PPM"
    assert second[3] == "3 of 3"
    assert pretraining_table(numbers).rows == (("Before", "5,678", "1,234", "3.000 ± 0.000", "9.0"),)


def test_a_teacher_that_has_seen_what_its_pupil_is_scored_on_is_told(programme: Workflow) -> None:
    for seed in (1, 2, 3):
        write_run(programme.runs["before", seed], results_of(3.0, 3.1) | {"unseen": ["another"]})
    [row] = pretraining_table(Numbers.of(programme)).rows
    assert row[3] == "3.000 ± 0.000 (its teacher has seen some of them)"


def test_all_that_was_spent_is_added_up(numbers: Numbers) -> None:
    # One run of ppm with its judging, memory_none and width_8_wide, and three each of the others.
    assert numbers.n_runs == 12
    assert numbers.core_minutes == pytest.approx(0.5 + 0.5 + 1.0 + 1.0 + 3 * (3.0 + 2.0 + 9.0))


def test_ablations_are_read_beside_their_base_with_the_same_seeds(numbers: Numbers) -> None:
    memory, width, pretraining = (ablation_table(*each).rows for each in numbers.ablations)
    assert memory == (("LSTM", "2.000", "2.100", "", ""), ("none", "2.500", "2.700", "+0.500", "+0.600"))
    assert width == (("8 wide", "2.250", "2.000", "+0.250", "-0.100"), ("16 wide", "2.000", "2.100", "", ""))
    assert pretraining[0] == ("LSTM", "2.100 ± 0.100", "2.200 ± 0.100", "", "")
    assert pretraining[1] == ("Tuned", "1.900 ± 0.000", "2.100 ± 0.100", "-0.200", "-0.100")


def test_the_page_has_all_of_it_and_its_pictures(
    programme: Workflow, numbers: Numbers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tunes = [Tune("Melody 1", "tune_1.png", b"png", "X:1\nK:G\nG4|]")]
    monkeypatch.setattr(page_module, "tunes_of", lambda *_: tunes)
    page, readme = tmp_path / "docs/results.md", tmp_path / "README.md"
    readme.write_text("before\n<!-- results -->\nold\n<!-- /results -->\nafter\n")
    write_results(programme, numbers, page, Path("configs/plan.yaml"), 512)
    write_summary(numbers, readme, page)
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
    assert "old" not in front
    # Again is the same.
    write_summary(numbers, readme, page)
    assert readme.read_text() == front


def test_findings_are_linked_where_they_are(
    programme: Workflow, numbers: Numbers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "tunes_of", lambda *_: [])
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/findings.md").touch()
    write_results(programme, numbers, tmp_path / "docs/results.md", Path("plan.yaml"), 512)
    assert "[findings](findings.md)" in (tmp_path / "docs/results.md").read_text()


def test_a_front_page_without_a_place_is_refused(numbers: Numbers, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("<!-- /results --> <!-- results -->")
    with pytest.raises(InputError, match="has no place for the table"):
        write_summary(numbers, readme, tmp_path / "docs/results.md")


def test_holes_and_other_tunes_are_refused(programme: Workflow) -> None:
    run = programme.runs["memory_none", 1]
    write_run(run, results_of(2.5, 2.7, test_set="other"))
    with pytest.raises(InputError, match="Memory: its runs were scored on different test tunes"):
        Numbers.of(programme)
    RunLayout(programme.runs["lstm", 2].directory).results.unlink()
    with pytest.raises(InputError, match="the results of lstm are incomplete"):
        Numbers.of(programme)


def test_rows_of_different_splits_or_test_tunes_are_refused(
    programme: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = programme.runs["tuned", 2]
    monkeypatch.setattr(page_module, "tunes_of", lambda *_: [])
    write_run(run, results_of(1.9, 2.1) | {"hash": "split2"})
    with pytest.raises(InputError, match="were trained on different splits: split1, split2"):
        write_results(programme, Numbers.of(programme), tmp_path / "results.md", Path("plan.yaml"), 512)
    assert not (tmp_path / "results.md").exists()
    write_run(run, results_of(1.9, 2.1, test_set="other"))
    with pytest.raises(InputError, match="scores of different test tunes cannot be compared"):
        Numbers.of(programme)


def test_a_spread_of_what_is_not_defined_is_not_defined() -> None:
    assert str(Spread.of([1.0, None])) == str(Spread.of([])) == str(Spread.of([float("inf")])) == "not defined"


def test_there_is_no_part_of_that_name(programme: Workflow) -> None:
    with pytest.raises(InputError, match="there is no part nobody: the plan has before, ppm, lstm"):
        programme.chosen([], ["nobody"])

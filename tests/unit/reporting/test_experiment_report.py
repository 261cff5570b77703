"""Reports show melodies of median score, the records of a run, and the commands that repeat it."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from tests.evaluation_records import evaluation_record, training_record
from tests.small_networks import batch_of, walks
from torch import nn

from chromasonic.melody_generation.evaluation.evaluate import Evaluation, evaluate
from chromasonic.melody_generation.evaluation.record_parts import SampleSettings
from chromasonic.melody_generation.evaluation.reference_set import ReferenceSet
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.reporting.commands import comparison_command
from chromasonic.melody_generation.reporting.experiment_report import write_evaluation_report
from chromasonic.melody_generation.runs.command_line import training_command
from chromasonic.melody_generation.testing import ModelComparison, ModelTester

pytestmark = pytest.mark.usefixtures("short_samples")
TUNES = walks(40)
TRAIN, TEST = TUNES[15:], TUNES[:15]


def markov() -> nn.Module:
    network = MarkovNetwork()
    network.count(batch_of(TRAIN))
    return network


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return evaluate(markov(), "markov", ReferenceSet.of(TEST, TRAIN), SampleSettings(9, max_notes=40))


def titles(html: str) -> list[str]:
    return [unescape(title) for title in re.findall(r"<h3[^>]*>(.*?)</h3>", html)]


@pytest.mark.slow
def test_the_melodies_shown_are_those_nearest_to_the_median(evaluation: Evaluation, tmp_path: Path) -> None:
    record = evaluation.record()
    assert evaluation.scores
    distance = np.abs(evaluation.scores.overall - np.median(evaluation.scores.overall))
    nearest = sorted(np.argsort(distance, kind="stable")[:4].tolist())
    assert list(record.typical.samples) == nearest
    write_evaluation_report(tmp_path / "report.html", evaluation, record)
    shown = titles((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert shown[:2] == [f"markov, melody {index + 1}" for index in nearest[:2]]
    assert len(shown) == 4 + 3


@pytest.mark.slow
def test_without_scores_the_first_stand_for_the_rest(tmp_path: Path) -> None:
    results = ModelTester(markov(), "markov").run_comprehensive_test(TEST[:3], tmp_path, n_samples=5)
    assert results["typical"] == {"samples": [0, 1, 2, 3], "real": [0, 1]}
    assert len(titles((tmp_path / "report.html").read_text(encoding="utf-8"))) == 4 + 3


def test_the_diagnosis_and_the_easiest_median_and_hardest_tune_are_shown(
    evaluation: Evaluation, tmp_path: Path
) -> None:
    record = evaluation.record()
    write_evaluation_report(tmp_path / "report.html", evaluation, record)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<h2>Where its bits go</h2>" in html
    _, surprisal = html.split(">Surprisal</h2>")
    shown = [float(bits) for bits in re.findall(r"([\d.]+) bits per note · ", surprisal)]
    tunes = sorted(tune.bits / tune.n_notes for tune in record.tunes)
    assert shown == [round(tunes[index], 2) for index in (0, len(tunes) // 2, -1)]
    assert surprisal.count("notation narrow coloured") == surprisal.count("notation wide coloured") == 3


def test_a_report_of_a_model_that_is_no_run_says_how_it_was_tested(evaluation: Evaluation, tmp_path: Path) -> None:
    write_evaluation_report(tmp_path / "report.html", evaluation, evaluation.record())
    html = unescape((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert 'ModelTester(model, "markov").run_comprehensive_test(test_data, n_samples=9, seed=0)' in html
    assert "Learning curves" not in html
    assert "Configuration" not in html


@pytest.mark.slow
def test_many_models_show_fewer_melodies_each(tmp_path: Path) -> None:
    models = {f"model {number}": markov() for number in range(6)}
    ModelComparison().compare_models(models, TEST, tmp_path, n_samples=2)
    shown = titles((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert len(shown) == 6 * 2 + 2


def test_the_command_of_a_comparison_trains_its_runs_and_names_them() -> None:
    known = evaluation_record(training=training_record("lstm", seed=3))
    unknown = evaluation_record(training=training_record(configuration={}))
    directories = [Path("outputs/a b"), Path("outputs/c"), Path("outputs/failed")]
    records = {directories[0]: known, directories[1]: unknown}
    command = comparison_command(records, directories, Path("outputs/comparison"), SampleSettings(5, seed=3))
    assert command.splitlines() == [
        f"{training_command(known.configuration)} 'output_dir=outputs/a b'",
        "chromasonic compare 'runs=[outputs/a b,outputs/c,outputs/failed]' output_dir=outputs/comparison "
        "n_samples=5 seed=3 max_notes=512",
    ]

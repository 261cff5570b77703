"""Judging trained models, and comparing them: from a script's run directories or in a few lines of Python.

Example (any ``nn.Module`` that maps tokens (B, T) to logits (B, T, V) will do):

    tester = ModelTester(model, "MyModel")
    results = tester.run_comprehensive_test(test_data=test_data, save_dir=Path("./test_results"))
    results["overall_score"]

    comparison = ModelComparison()
    results = comparison.compare_models(
        models={"LSTM": lstm, "Transformer": transformer}, test_data=test_data, save_dir=Path("./comparison")
    )
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from chromasonic.melody_generation.atomic_files import write_json, write_text
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.compare import Comparison, compare
from chromasonic.melody_generation.evaluation.compared_models import check_complete
from chromasonic.melody_generation.evaluation.evaluate import SCORES, VERSION, Evaluation, SampleSettings, evaluate
from chromasonic.melody_generation.evaluation.reference_set import ReferenceSet
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.pages.tables import markdown
from chromasonic.melody_generation.plots.comparison_chart import plot_comparison
from chromasonic.melody_generation.plots.figures import figure_to_svg, save_figure
from chromasonic.melody_generation.reporting.diagnosis_report import diagnosis_figure
from chromasonic.melody_generation.reporting.experiment_report import (
    ReportInputs,
    comparison_command,
    write_comparison_report,
    write_evaluation_report,
)
from chromasonic.melody_generation.reporting.result_tables import comparison_tables, feature_tables, named, score_tables
from chromasonic.melody_generation.runs.layout import ComparisonLayout, EvaluationLayout, RunLayout
from chromasonic.melody_generation.runs.split_tunes import save_split_tunes
from chromasonic.melody_generation.runs.sweep import name_directories
from chromasonic.melody_generation.runs.trained_model import TrainedModel, load_run, network_of, read_results
from chromasonic.melody_generation.training.tensorboard import show_in_tensorboard
from chromasonic.melody_generation.vocabulary import NoteVocabulary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ModelComparison", "ModelTester", "compare_runs", "evaluate_run", "is_judged"]


class ModelTester:
    """Judges one model.

    Args:
        model: A trained model, or any module that maps tokens (B, T) to logits (B, T, V), V being
            ``len(NoteVocabulary())``.
        model_name: What tables and pictures call it.
        training_data: The melodies that it was trained on, so that scores are calibrated on them and copying is
            found. Without them the scores are calibrated on the test melodies, and novelty is not defined.
    """

    def __init__(
        self,
        model: nn.Module | TrainedModel,
        model_name: str = "model",
        *,
        training_data: Sequence[Melody] | None = None,
    ) -> None:
        self.model = network_of(model)
        self.model_name = model_name
        self.training_data = training_data

    def run_comprehensive_test(
        self,
        test_data: Sequence[Melody],
        save_dir: str | Path | None = None,
        *,
        n_samples: int = 200,
        seed: int = 0,
    ) -> dict[str, Any]:
        """Let the model predict melodies, and judge melodies that it makes up.

        Args:
            test_data: Melodies that it was not trained on; what the vocabulary lacks is rounded
                (``NoteVocabulary.fit``).
            save_dir: Where ``results.json`` and the rest go; None writes nothing.
            n_samples: How many melodies it makes up.
            seed: Of these.

        Returns:
            What ``results.json`` holds: ``accuracy``, ``perplexity``, ``diversity``, ``coherence``, ``musicality`` and
            ``overall_score``, None where not defined; their intervals under ``scores``, what the test melodies
            themselves score under ``real``, and more (see
            :meth:`~chromasonic.melody_generation.evaluation.evaluate.Evaluation.results`).

        Raises:
            InputError: If there is no test melody, one cannot be encoded, or the model breaks its contract.
        """
        standard = ReferenceSet.of(_fitted(test_data, "test_data"), _known(self.training_data))
        found = evaluate(self.model, self.model_name, standard, SampleSettings(n_samples, seed))
        results = found.results()
        if save_dir is not None:
            write_evaluation(found, results, Path(save_dir))
        return results


class ModelComparison:
    """Judges several models by the same melodies."""

    def compare_models(
        self,
        models: Mapping[str, nn.Module | TrainedModel],
        test_data: Sequence[Melody],
        save_dir: str | Path | None = None,
        *,
        training_data: Sequence[Melody] | None = None,
        n_samples: int = 200,
        seed: int = 0,
    ) -> dict[str, Any]:
        """Test each model, and set them beside each other.

        Args:
            models: Trained models, or modules of the contract, by name.
            test_data: Melodies that none was trained on.
            save_dir: Where ``model_comparison.json``, ``.md``, ``.png`` and ``report.html`` go; None writes nothing.
            training_data: The melodies that all were trained on, if they were the same.
            n_samples: How many melodies each makes up.
            seed: Of these.

        Returns:
            What ``model_comparison.json`` holds: the scores by name under ``models``, the name of the ``best``
            predictor, each pair under ``differences``, and why a model could not be judged under ``failures``.

        Raises:
            InputError: If there is no test melody, one cannot be encoded, or no model can be judged.
        """
        standard = ReferenceSet.of(_fitted(test_data, "test_data"), _known(training_data))
        settings = SampleSettings(n_samples, seed)
        found: dict[str, Evaluation] = {}
        failures: dict[str, str] = {}
        for name, model in models.items():
            try:
                found[name] = evaluate(network_of(model), name, standard, settings)
            except InputError as problem:
                failures[name] = str(problem)
        comparison = compare({name: each.results() for name, each in found.items()}, failures)
        if save_dir is not None:
            exhibits = {name: ReportInputs.of_evaluation(each) for name, each in found.items()}
            command = f"ModelComparison().compare_models(models, test_data, n_samples={n_samples}, seed={seed})"
            write_comparison(comparison, Path(save_dir), exhibits, command)
        return comparison.to_dict()


def _fitted(melodies: Sequence[Melody], name: str) -> list[Melody]:
    others = [] if isinstance(melodies, Melody) else [each for each in melodies if not isinstance(each, Melody)]
    if isinstance(melodies, Melody) or others:
        kind = "one" if isinstance(melodies, Melody) else f"a {type(others[0]).__name__} among them"
        raise InputError(f"{name} is a list of melodies, got {kind}: files.py and create_training_data make such lists")
    fitted = [NoteVocabulary().fit(melody) for melody in melodies]
    for place, each in enumerate(fitted):
        if each.melody is None:
            raise InputError(f"melody {place} of {name} cannot be used: {each.drop_reason}")
    return [each.melody for each in fitted if each.melody is not None]


def _known(training: Sequence[Melody] | None) -> list[Melody] | None:
    return None if training is None else _fitted(training, "training_data")


def evaluate_run(
    directory: str | Path, settings: SampleSettings | None = None, *, anew: bool = False
) -> dict[str, Any]:
    """Judge a run by its own test tunes, and write ``evaluation/`` into it.

    Args:
        directory: The run.
        settings: How melodies are sampled; None for the default where it was not done before in any way.
        anew: Whether to do it again where it was done before in the same way.

    Returns:
        What its ``evaluation/results.json`` holds: what training wrote there, and the scores.

    Raises:
        InputError: If there is no such run, or it has no test tunes.
    """
    run, layout = load_run(directory), RunLayout(Path(directory))
    try:
        before = read_results(layout.directory)
    except InputError:  # which is about to be written anew
        before = {}
    if not anew and is_judged(before, run, settings):
        return before
    settings = settings or SampleSettings()
    standard = ReferenceSet.of(run.tunes["test"], run.tunes["train"], run.calibration)
    found = evaluate(run.network, run.name, standard, settings)
    known = run.metadata.to_results()
    metadata = {key: known.get(key) for key in ("dataset", "seed", "hash", "configuration")}
    results = before | metadata | found.results()
    results |= {"run": layout.directory.name, "checkpoint": run.digest, "is_finished": run.is_finished}
    results["cost"]["minutes"] = before.get("minutes")
    write_evaluation(found, results, layout.evaluation.directory, layout.directory)
    events = layout.tensorboard
    if events.is_dir():  # the run was to have one
        show_in_tensorboard(
            events / "evaluation",
            scores={f"evaluation/{name}": results[name] for name in SCORES if results[name] is not None},
            tables={"evaluation": "\n".join(map(markdown, score_tables(results)))},
        )
    return results


def is_judged(results: Mapping[str, Any], run: TrainedModel, settings: SampleSettings | None) -> bool:
    """Whether the results are of this very model, by the measures of today, and by melodies sampled in this way."""
    now = {"version": VERSION, "checkpoint": run.digest, "is_finished": run.is_finished}
    if any(results.get(name) != value for name, value in now.items()):
        return False
    try:
        check_complete(run.name, results)
    except InputError:
        return False
    wanted = vars(settings) if settings else {}
    return all(results["samples"].get(name) == value for name, value in wanted.items())


def compare_runs(
    directories: Sequence[str | Path],
    save_dir: str | Path,
    settings: SampleSettings | None = None,
    *,
    failures: Mapping[str, str] | None = None,
) -> Comparison:
    """Judge each run that is not judged yet, and write the comparison into ``save_dir``.

    A run that cannot be judged is listed with the reason.

    Args:
        directories: The runs.
        save_dir: Where ``model_comparison.json``, ``.md``, ``.png`` and ``report.html`` go.
        settings: How melodies are sampled; None where each run may keep the way in which it was judged.
        failures: Why further runs cannot be compared, by name.

    Raises:
        InputError: If no run can be judged, or they were tested on different tunes.
    """
    results: dict[str, dict[str, Any]] = {}
    run_of: dict[str, Path] = {}  # by checkpoint
    reasons = dict(failures or {})
    for directory, name in name_directories([Path(each).resolve() for each in directories]).items():
        try:
            results[name] = evaluate_run(directory, settings)
            run_of[results[name]["checkpoint"]] = directory
        except InputError as problem:
            reasons[name] = str(problem)
    comparison = compare(results, reasons)
    exhibits = {each.name: ReportInputs.of_run(run_of[each.results[0]["checkpoint"]]) for each in comparison.contenders}
    judged = {str(run_of[each["checkpoint"]]): each for each in results.values()}
    command = comparison_command(judged, list(map(Path, directories)), Path(save_dir), settings)
    write_comparison(comparison, Path(save_dir), exhibits, command)
    return comparison


def write_evaluation(
    evaluation: Evaluation, results: Mapping[str, Any], directory: Path, run: Path | None = None
) -> None:
    """Write what was measured of a model: the scores, the melodies that were judged, and the report.

    Args:
        evaluation: What was measured.
        results: The same as plain values, with what training wrote there.
        directory: Where to.
        run: The run directory, if the model is from one.
    """
    layout = EvaluationLayout(directory)
    write_json(layout.results, results)
    save_split_tunes(layout.samples, {"samples": evaluation.samples})
    write_text(layout.scores, "\n".join(map(markdown, (*score_tables(results), *feature_tables(results)))))
    write_evaluation_report(layout.report, evaluation, results, run)
    save_figure(diagnosis_figure(results), layout.diagnosis)


def write_comparison(
    comparison: Comparison, directory: Path, exhibits: Mapping[str, ReportInputs], command: str
) -> None:
    """Write a comparison as JSON, as Markdown tables, as a picture, as a report, and for TensorBoard.

    Args:
        comparison: What was measured.
        directory: Where to.
        exhibits: What else the report shows of the models, by their names.
        command: What to type to get it again.
    """
    layout = ComparisonLayout(directory)
    write_json(layout.results, comparison.to_dict())
    tables, figure = "\n".join(map(markdown, comparison_tables(comparison))), _figure_of(comparison)
    write_text(layout.tables, tables)
    save_figure(figure, layout.chart)
    write_comparison_report(layout.report, comparison, figure_to_svg(figure), exhibits, command)
    show_in_tensorboard(layout.tensorboard, tables={"model comparison": tables}, figures={"model comparison": figure})


def _figure_of(comparison: Comparison) -> Figure:
    spread = "; with several seeds, from the least to the most of them" * any(c.spread for c in comparison.contenders)
    return plot_comparison(
        {named(each): each.scores for each in comparison.contenders},
        comparison.real,
        footnote=f"{comparison.n_tunes} test tunes, test set {comparison.test_set_hash}. "
        f"Whiskers: 95 % interval over tunes, or over melodies{spread}.",
    )

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

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from chromasonic.melody_generation.comparison import Comparison, compare
from chromasonic.melody_generation.diagnosis import main_parts
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation import SCORES, Evaluation, SampleSettings, Standard, evaluate
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.rendering.comparison import plot_comparison
from chromasonic.melody_generation.rendering.diagnosis import plot_diagnosis
from chromasonic.melody_generation.rendering.figures import save_figure
from chromasonic.melody_generation.rendering.tables import markdown
from chromasonic.melody_generation.report import comparison_tables, score_tables
from chromasonic.melody_generation.runs import RESULTS, Run, keep_tunes, open_run, read_results, write_json
from chromasonic.melody_generation.tensorboard import show_in_tensorboard
from chromasonic.melody_generation.vocabulary import NoteVocabulary
from chromasonic.melody_generation.whole_files import write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ModelComparison", "ModelTester", "compare_runs", "evaluate_run"]

SAMPLES = "samples.npz"


class ModelTester:
    """Judges one model.

    Args:
        model: Any module that maps tokens (B, T) to logits (B, T, V), V being ``len(NoteVocabulary())``.
        model_name: What tables and pictures call it.
        training_data: The melodies that it was trained on, so that scores are calibrated on them and copying is
            found. Without them the scores are calibrated on the test melodies, and novelty is not defined.
    """

    def __init__(
        self, model: nn.Module, model_name: str = "model", *, training_data: Sequence[Melody] | None = None
    ) -> None:
        self.model = model
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
            :meth:`~chromasonic.melody_generation.evaluation.Evaluation.results`).

        Raises:
            InputError: If there is no test melody, one cannot be encoded, or the model breaks its contract.
        """
        standard = Standard.of(_fitted(test_data, "test_data"), _known(self.training_data))
        found = evaluate(self.model, self.model_name, standard, SampleSettings(n_samples, seed))
        results = found.results()
        if save_dir is not None:
            write_evaluation(found, results, Path(save_dir))
        return results


class ModelComparison:
    """Judges several models by the same melodies."""

    def compare_models(
        self,
        models: Mapping[str, nn.Module],
        test_data: Sequence[Melody],
        save_dir: str | Path | None = None,
        *,
        training_data: Sequence[Melody] | None = None,
        n_samples: int = 200,
        seed: int = 0,
    ) -> dict[str, Any]:
        """Test each model, and set them beside each other.

        Args:
            models: Modules of the contract by name.
            test_data: Melodies that none was trained on.
            save_dir: Where ``model_comparison.json``, ``.md`` and ``.png`` go; None writes nothing.
            training_data: The melodies that all were trained on, if they were the same.
            n_samples: How many melodies each makes up.
            seed: Of these.

        Returns:
            What ``model_comparison.json`` holds: the scores by name under ``models``, the name of the ``best``
            predictor, and each pair under ``differences``.

        Raises:
            InputError: As :meth:`ModelTester.run_comprehensive_test`; if there is no model.
        """
        standard = Standard.of(_fitted(test_data, "test_data"), _known(training_data))
        settings = SampleSettings(n_samples, seed)
        found = {name: evaluate(model, name, standard, settings) for name, model in models.items()}
        comparison = compare({name: each.results() for name, each in found.items()})
        if save_dir is not None:
            write_comparison(comparison, Path(save_dir))
        return comparison.to_dict()


def _fitted(melodies: Sequence[Melody], name: str) -> list[Melody]:
    fitted = [NoteVocabulary().fit(melody) for melody in melodies]
    for place, each in enumerate(fitted):
        if each.melody is None:
            raise InputError(f"melody {place} of {name} cannot be used: {each.dropped_because}")
    return [each.melody for each in fitted if each.melody is not None]


def _known(training: Sequence[Melody] | None) -> list[Melody] | None:
    return None if training is None else _fitted(training, "training_data")


def evaluate_run(
    directory: str | Path, settings: SampleSettings | None = None, *, anew: bool = False
) -> dict[str, Any]:
    """Judge a run by its own test tunes, and write ``evaluation/`` into it.

    Args:
        directory: The run.
        settings: How melodies are sampled.
        anew: Whether to do it again where it was done before in the same way.

    Returns:
        What its ``evaluation/results.json`` holds: what training wrote there, and the scores.

    Raises:
        InputError: If there is no such run, or it has no test tunes.
    """
    settings = settings or SampleSettings()
    run = open_run(directory)
    before = read_results(run.directory)
    if not anew and _is_done(before, run, settings):
        return before
    standard = Standard.of(run.tunes["test"], run.tunes["train"], run.calibration)
    found = evaluate(run.network, run.name, standard, settings)
    facts = {key: run.facts.get(key) for key in ("dataset", "seed", "hash", "configuration")}
    results = before | facts | found.results()
    results |= {"run": run.directory.name, "checkpoint": run.checkpoint, "is_finished": run.is_finished}
    results["cost"]["minutes"] = before.get("minutes")
    write_evaluation(found, results, run.directory / RESULTS.parent)
    events = run.directory / "tensorboard"
    if events.is_dir():  # the run was to have one
        show_in_tensorboard(
            events / "evaluation",
            scores={f"evaluation/{name}": results[name] for name in SCORES if results[name] is not None},
            tables={"evaluation": "\n".join(map(markdown, score_tables(results)))},
        )
    return results


def _is_done(results: Mapping[str, Any], run: Run, settings: SampleSettings) -> bool:
    samples = results.get("samples")
    if not isinstance(samples, Mapping) or "diagnosis" not in results or results.get("checkpoint") != run.checkpoint:
        return False
    if results.get("is_finished") != run.is_finished:
        return False
    return all(samples.get(name) == value for name, value in vars(settings).items())


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
        save_dir: Where ``model_comparison.json``, ``.md`` and ``.png`` go.
        settings: How melodies are sampled.
        failures: Why further runs cannot be compared, by name.

    Raises:
        InputError: If no run can be judged, or they were tested on different tunes.
    """
    results: dict[str, dict[str, Any]] = {}
    reasons = dict(failures or {})
    for directory in map(Path, directories):
        name = directory.name if directory.name not in results else str(directory)
        try:
            results[name] = evaluate_run(directory, settings)
        except InputError as problem:
            reasons[name] = str(problem)
    comparison = compare(results, reasons)
    write_comparison(comparison, Path(save_dir))
    show_in_tensorboard(
        Path(save_dir, "tensorboard"),
        tables={"model comparison": _tables_of(comparison)},
        figures={"model comparison": _figure_of(comparison)},
    )
    return comparison


def write_evaluation(evaluation: Evaluation, results: Mapping[str, Any], directory: Path) -> None:
    """Write what was measured of a model: the scores, and the melodies that were judged."""
    write_json(directory / RESULTS.name, results)
    keep_tunes(directory / SAMPLES, {"samples": evaluation.samples})
    write_text(directory / "scores.md", "\n".join(map(markdown, score_tables(results))))
    save_figure(_figure_of_diagnosis(results), directory / "diagnosis.png")


def write_comparison(comparison: Comparison, directory: Path) -> None:
    """Write a comparison as JSON, as Markdown tables and as a picture."""
    write_json(directory / "model_comparison.json", comparison.to_dict())
    write_text(directory / "model_comparison.md", _tables_of(comparison))
    save_figure(_figure_of(comparison), directory / "model_comparison.png")


def _tables_of(comparison: Comparison) -> str:
    return "\n".join(map(markdown, comparison_tables(comparison)))


def _figure_of_diagnosis(results: Mapping[str, Any]) -> Figure:
    panels = {
        title: [
            (part["name"], math.nan if part["bits_per_note"] is None else part["bits_per_note"], part["notes"])
            for part in main_parts(results["diagnosis"][division])
        ]
        for division, title in (
            ("quarter", "By quarter of the tune"),
            ("match", "By length of the longest earlier match"),
            ("metre", "By metre"),
            ("key", "By key"),
        )
    }
    whole = results["test"]["bits_per_note"]
    return plot_diagnosis(panels, math.nan if whole is None else whole, f"Where the bits of {results['model']} go")


def _figure_of(comparison: Comparison) -> Figure:
    return plot_comparison(
        {each.name: each.scores for each in comparison.contenders},
        comparison.real,
        footnote=f"{comparison.n_tunes} test tunes, test set {comparison.test_set_hash}",
    )

"""Evaluate and compare networks in a few lines of Python.

Any ``nn.Module`` that maps tokens (B, T) to logits (B, T, V) will do:

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

from torch import nn

from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.compare import compare
from chromasonic.melody_generation.evaluation.evaluate import Evaluation, evaluate
from chromasonic.melody_generation.evaluation.record_parts import SampleSettings
from chromasonic.melody_generation.evaluation.records import EvaluationRecord
from chromasonic.melody_generation.evaluation.reference_set import ReferenceSet
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.reporting.experiment_report import ReportInputs
from chromasonic.melody_generation.reporting.run_evaluation import write_comparison, write_evaluation
from chromasonic.melody_generation.runs.directory_lock import lock_directory
from chromasonic.melody_generation.runs.layout import EvaluationLayout
from chromasonic.melody_generation.runs.trained_model import TrainedModel, network_of
from chromasonic.melody_generation.vocabulary import NoteVocabulary

__all__ = ["ModelComparison", "ModelTester"]


class ModelTester:
    """Evaluates one network.

    Args:
        model: A trained model, or any module that maps tokens (B, T) to logits (B, T, V), V being
            ``len(NoteVocabulary())``.
        model_name: Name of the model in tables and charts.
        training_data: The melodies that it was trained on. Scores are calibrated on them, and copies of them are
            found. Without them, scores are calibrated on the test melodies, and novelty is not defined.
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
    ) -> JsonObject:
        """Predict the test melodies, generate melodies, and score both.

        Args:
            test_data: Melodies that the network was not trained on. Notes outside the vocabulary are rounded
                (``NoteVocabulary.fit``).
            save_dir: Directory for ``results.json``, tables, chart and report; None writes nothing.
            n_samples: Number of generated melodies.
            seed: Seed of the generated melodies.

        Returns:
            The content of ``results.json``: ``accuracy``, ``perplexity``, ``diversity``, ``coherence``, ``musicality``
            and ``overall_score``, None if not defined; their intervals under ``scores``, the scores of the test
            melodies themselves under ``real``, and more (see
            :class:`~chromasonic.melody_generation.evaluation.records.EvaluationRecord`).

        Raises:
            InputError: If there is no test melody, one cannot be encoded, or the network breaks its contract.
        """
        reference = _reference_set(test_data, self.training_data)
        evaluation = evaluate(self.model, self.model_name, reference, SampleSettings(n_samples, seed))
        record = evaluation.record()
        if save_dir is not None:
            with lock_directory(Path(save_dir), "evaluating"):
                record = write_evaluation(evaluation, record, EvaluationLayout(Path(save_dir)))
        return record.to_json()


class ModelComparison:
    """Evaluates several networks on the same melodies."""

    def compare_models(
        self,
        models: Mapping[str, nn.Module | TrainedModel],
        test_data: Sequence[Melody],
        save_dir: str | Path | None = None,
        *,
        training_data: Sequence[Melody] | None = None,
        n_samples: int = 200,
        seed: int = 0,
    ) -> JsonObject:
        """Evaluate each network, and compare them.

        Args:
            models: Trained models, or networks, by name.
            test_data: Melodies that no network was trained on.
            save_dir: Directory for ``model_comparison.json``, ``.md``, ``.png`` and ``report.html``; None writes
                nothing.
            training_data: The melodies that all were trained on, if they are the same.
            n_samples: Number of generated melodies of each network.
            seed: Seed of the generated melodies.

        Returns:
            The content of ``model_comparison.json``: the scores by name under ``models``, the name of the ``best``
            predictor, each pair under ``differences``, and why a network could not be evaluated under ``failures``.

        Raises:
            InputError: If there is no test melody, one cannot be encoded, or no network can be evaluated.
        """
        reference = _reference_set(test_data, training_data)
        settings = SampleSettings(n_samples, seed)
        evaluations: dict[str, Evaluation] = {}
        records: dict[str, EvaluationRecord] = {}
        failures: dict[str, str] = {}
        for name, model in models.items():
            try:
                evaluations[name] = evaluate(model, name, reference, settings)
                records[name] = evaluations[name].record()
            except InputError as problem:
                failures[name] = str(problem)
            except Exception as problem:  # a fault of one module must not cost the results of the others
                failures[name] = f"{type(problem).__name__}: {problem}"
        comparison = compare(records, failures)
        if save_dir is not None:
            report_inputs = {name: ReportInputs.of_evaluation(evaluations[name]) for name in records}
            command = f"ModelComparison().compare_models(models, test_data, n_samples={n_samples}, seed={seed})"
            with lock_directory(Path(save_dir), "comparing"):
                return write_comparison(comparison, Path(save_dir), report_inputs, command)
        return comparison.to_json()


def _reference_set(test_data: Sequence[Melody], training_data: Sequence[Melody] | None) -> ReferenceSet:
    training = None if training_data is None else _fitted(training_data, "training_data")
    return ReferenceSet.of(_fitted(test_data, "test_data"), training)


def _fitted(melodies: Sequence[Melody], name: str) -> list[Melody]:
    """Return the melodies with all notes in the vocabulary.

    Raises:
        InputError: If one is no melody, or cannot be encoded.
    """
    no_melodies = [] if isinstance(melodies, Melody) else [item for item in melodies if not isinstance(item, Melody)]
    if isinstance(melodies, Melody) or no_melodies:
        kind = "one" if isinstance(melodies, Melody) else f"a {type(no_melodies[0]).__name__} among them"
        raise InputError(f"{name} is a list of melodies, got {kind}: files.py and create_training_data make such lists")
    fits = [NoteVocabulary().fit(melody) for melody in melodies]
    for index, fit in enumerate(fits):
        if fit.melody is None:
            raise InputError(f"melody {index} of {name} cannot be used: {fit.drop_reason}")
    return [fit.melody for fit in fits if fit.melody is not None]

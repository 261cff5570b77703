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
from chromasonic.melody_generation.corpora.files import read_music
from chromasonic.melody_generation.corpora.nottingham import NottinghamCorpus
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.compare import compare
from chromasonic.melody_generation.evaluation.evaluate import Evaluation, evaluate
from chromasonic.melody_generation.evaluation.judged_melodies import JudgedMelodies
from chromasonic.melody_generation.evaluation.record_parts import SampleSettings
from chromasonic.melody_generation.evaluation.records import EvaluationRecord
from chromasonic.melody_generation.evaluation.reference_set import ReferenceSet, reference_of_corpus
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.reporting.experiment_report import ReportInputs
from chromasonic.melody_generation.reporting.run_evaluation import write_comparison, write_evaluation
from chromasonic.melody_generation.runs.directory_lock import lock_directory
from chromasonic.melody_generation.runs.layout import EvaluationLayout
from chromasonic.melody_generation.runs.trained_model import TrainedModel, network_of
from chromasonic.melody_generation.vocabulary import NoteVocabulary

__all__ = ["ModelComparison", "ModelTester", "score_melodies"]


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


def score_melodies(
    melodies: Sequence[Melody] | str | Path,
    reference: ReferenceSet | TrainedModel | str = "nottingham",
) -> JsonObject:
    """Score melodies that any system, or person, has made, beside held-out real tunes.

    Args:
        melodies: The melodies, or a file or folder of ABC, MIDI, MusicXML or kern files.
        reference: The real tunes: ``"nottingham"``, a trained model that knows its tunes, or a set of one's own
            (:class:`~chromasonic.melody_generation.evaluation.reference_set.ReferenceSet`).

    Returns:
        The content of ``results.json``: under ``scores`` each score with ``value``, ``low`` and ``high``, under
        ``melodies`` the file and the scores of each, None if it has fewer than two notes, and the same under ``real``
        for the held-out tunes; under ``left_out`` what could not be read.

    Raises:
        InputError: If there is no melody, or no such reference.
    """
    real = _reference_of(reference)
    if isinstance(melodies, str | Path):
        return judge_files(melodies, real).to_json()
    return JudgedMelodies.of(_melodies_only(melodies, "melodies"), real).to_json()


def judge_files(path: str | Path, reference: ReferenceSet) -> JudgedMelodies:
    """Score the tunes of a file or of the files of a folder.

    Raises:
        InputError: If there is no such file or folder, or none of its tunes can be read.
    """
    tunes = list(read_music(path))
    read = [tune for tune in tunes if isinstance(tune, WrittenTune)]
    dropped = [(_file_of(tune.source), tune.reason) for tune in tunes if isinstance(tune, DroppedTune)]
    if not read:
        reason = f": {dropped[0][0]} {dropped[0][1]}" if dropped else ""
        raise InputError(f"no tune of {path} can be read{reason}")
    return JudgedMelodies.of(
        [tune.melody for tune in read], reference, [_file_of(tune.melody.source) for tune in read], dropped
    )


def _file_of(source: str) -> str:
    """Return the file of a tune; after a colon a source may have the tune's number in the file."""
    name, colon, number = source.rpartition(":")
    return name if colon and number.isdigit() else source


def _reference_of(reference: ReferenceSet | TrainedModel | str) -> ReferenceSet:
    if isinstance(reference, ReferenceSet):
        return reference
    if isinstance(reference, TrainedModel):
        if not reference.tunes.get("test"):
            raise InputError("the model does not know its tunes: load it from its run directory")
        return ReferenceSet.of(reference.tunes["test"], reference.tunes["train"], reference.calibration)
    if reference != "nottingham":
        raise InputError(f"reference is 'nottingham', a trained model or a ReferenceSet, got {reference!r}")
    return reference_of_corpus(NottinghamCorpus())


def _reference_set(test_data: Sequence[Melody], training_data: Sequence[Melody] | None) -> ReferenceSet:
    training = None if training_data is None else _fitted(training_data, "training_data")
    return ReferenceSet.of(_fitted(test_data, "test_data"), training)


def _fitted(melodies: Sequence[Melody], name: str) -> list[Melody]:
    """Return the melodies with all notes in the vocabulary.

    Raises:
        InputError: If one is no melody, or cannot be encoded.
    """
    melodies = _melodies_only(melodies, name)
    fits = [NoteVocabulary().fit(melody) for melody in melodies]
    for index, fit in enumerate(fits):
        if fit.melody is None:
            raise InputError(f"melody {index} of {name} cannot be used: {fit.drop_reason}")
    return [fit.melody for fit in fits if fit.melody is not None]


def _melodies_only(melodies: Sequence[Melody], name: str) -> list[Melody]:
    """Return the melodies as a list.

    Raises:
        InputError: If it is one melody, or holds something else.
    """
    no_melodies = [] if isinstance(melodies, Melody) else [item for item in melodies if not isinstance(item, Melody)]
    if isinstance(melodies, Melody) or no_melodies:
        kind = "one" if isinstance(melodies, Melody) else f"a {type(no_melodies[0]).__name__} among them"
        raise InputError(f"{name} is a list of melodies, got {kind}: files.py and create_training_data make such lists")
    return list(melodies)

"""Reports of experiments to read and to hear: the pages that ``evaluate`` and ``compare`` write.

A report shows a model's melodies as they usually are: those whose score is nearest to the median of all that were
judged, and two real tunes chosen in the same way to hear them against.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chromasonic.melody_generation.atomic_files import shown_path, write_text
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.compare import Comparison
from chromasonic.melody_generation.evaluation.compared_models import ComparedModel
from chromasonic.melody_generation.evaluation.evaluate import N_TYPICAL_SAMPLES, Evaluation, SampleSettings
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.notation.titles import file_stem
from chromasonic.melody_generation.pages.inline_svg import inline_svg
from chromasonic.melody_generation.pages.listening import ScoredMelodies
from chromasonic.melody_generation.pages.page import Page, PageFigure, PageText, TrackGroup, page_html
from chromasonic.melody_generation.plots.figures import figure_to_svg
from chromasonic.melody_generation.reporting.diagnosis_report import diagnosis_figure
from chromasonic.melody_generation.reporting.result_tables import comparison_tables, feature_tables, score_tables
from chromasonic.melody_generation.reporting.surprisal_report import surprise_track
from chromasonic.melody_generation.runs.command_line import training_command
from chromasonic.melody_generation.runs.layout import CheckpointLayout, RunLayout
from chromasonic.melody_generation.runs.split_tunes import load_split_tunes
from chromasonic.melody_generation.training.history import TrainingHistory

_MOST_SAMPLES = 16  # on a page, of all models together, but one of each at least
_LEADS = {
    False: "How well it predicts tunes that it never saw, and what its own melodies are like beside them.",
    True: "Which predicts tunes better that none of them saw, and whose melodies come closer to real ones.",
}
_TYPICAL = (
    "Melodies of its own whose overall score is nearest to the median of all {n} that were judged: neither its best "
    "nor its worst."
)
_REAL = "Real tunes that no model was trained on, chosen in the same way."
_SURPRISE = (
    "The test tunes that took it the fewest bits per note, the median and the most, each note in the colour of its "
    "bits. evaluate.py draws others: surprise= takes their numbers."
)


@dataclass(frozen=True)
class ReportInputs:
    """What there is of a run besides its results.

    Attributes:
        samples: All melodies of its own that were judged.
        real: The held-out tunes.
        history: What training looked like, if it was recorded.
        configuration: The text of its configuration; empty if there is none.
    """

    samples: ScoredMelodies
    real: ScoredMelodies
    history: TrainingHistory | None = None
    configuration: str = ""

    @classmethod
    def of_evaluation(cls, evaluation: Evaluation, directory: Path | None = None) -> ReportInputs:
        """From what was just measured, and the run directory if there is one."""
        standard = evaluation.standard
        samples = ScoredMelodies(evaluation.samples, evaluation.scores, evaluation.copying, standard)
        real = ScoredMelodies(standard.test, standard.real, standard.real_copying, standard)
        return cls(samples, real, *_background(directory))

    @classmethod
    def of_run(cls, directory: Path) -> ReportInputs:
        """From a run that was judged before; its melodies come without their scores.

        Raises:
            InputError: If its files are damaged, or its tunes are missing.
        """
        layout = RunLayout(directory)
        kept = layout.evaluation.samples
        samples = load_split_tunes(kept).get("samples", ()) if kept.is_file() else ()  # copied without it
        real = load_split_tunes(layout.tunes).get("test", ())
        return cls(ScoredMelodies(samples), ScoredMelodies(real), *_background(directory))


def _background(directory: Path | None) -> tuple[TrainingHistory | None, str]:
    if directory is None:
        return None, ""
    path = RunLayout(directory).configuration
    configuration = path.read_text(encoding="utf-8") if path.is_file() else ""
    try:
        return TrainingHistory.load(CheckpointLayout.find(directory).history), configuration
    except InputError:  # copied without it: the report goes without curves
        return None, configuration


def write_evaluation_report(
    path: Path, evaluation: Evaluation, results: Mapping[str, Any], directory: Path | None = None
) -> None:
    """Write the report of one model.

    Args:
        path: Where.
        evaluation: What was measured.
        results: The same as plain values, with what training wrote there.
        directory: The run, if it is one.
    """
    exhibit = ReportInputs.of_evaluation(evaluation, directory)
    command = _evaluation_command(results, directory)
    page = Page(
        title=f"{results['model']} on {results['dataset']}" if results.get("dataset") else str(results["model"]),
        lead=_LEADS[False],
        facts=_facts(results),
        command=command,
        tables=(*score_tables(results), *feature_tables(results)),
        figures=(*_curves("Learning curves", exhibit), _diagnosis(results)),
        groups=(
            _own_melodies("Melodies to hear", results, exhibit, str(results["model"])),
            _real_tunes(results, exhibit),
            _surprises(evaluation),
        ),
        texts=_configuration("Configuration", exhibit),
    )
    write_text(path, page_html(page))


def write_comparison_report(
    path: Path, comparison: Comparison, picture: str, exhibits: Mapping[str, ReportInputs], command: str
) -> None:
    """Write the report of several models.

    Args:
        path: Where.
        comparison: What was measured.
        picture: The same as a picture, an SVG document.
        exhibits: What there is of the models besides, by the names of the contenders; some may be missing.
        command: What to type to get it again.
    """
    known = [(each, exhibits[each.name]) for each in comparison.contenders if each.name in exhibits]
    n = max(1, min(N_TYPICAL_SAMPLES, _MOST_SAMPLES // max(1, len(known))))
    groups = [_own_melodies(each.name, each.results[0], exhibit, each.name, n) for each, exhibit in known]
    page = Page(
        title=_comparison_title(comparison.contenders),
        lead=_LEADS[len(comparison.contenders) > 1],
        facts=_comparison_facts(comparison),
        command=command,
        tables=comparison_tables(comparison),
        figures=(
            PageFigure("The models beside each other", inline_svg(picture, label="The models beside each other")),
            *(
                curves
                for each, exhibit in known
                for curves in _curves(f"Learning curves: {each.name}", exhibit, is_folded=True)
            ),
        ),
        groups=(*groups, *(_real_tunes(each.results[0], exhibit) for each, exhibit in known[:1])),
        texts=tuple(text for each, exhibit in known for text in _configuration(f"Configuration: {each.name}", exhibit)),
    )
    write_text(path, page_html(page))


def comparison_command(
    runs: Mapping[str, Mapping[str, Any]], directories: Sequence[Path], save_dir: Path, settings: SampleSettings | None
) -> str:
    """What to type to train these runs and compare them again.

    Args:
        runs: The results of those that could be judged, by their directories.
        directories: All of them.
        save_dir: Where the comparison goes.
        settings: How melodies are sampled; None where each run keeps its own way.
    """
    trained = [line for directory, results in runs.items() for line in _training_lines(results, Path(directory))]
    listed = ",".join(map(shown_path, directories))
    options = [
        f"runs=[{listed}]",
        f"output_dir={shown_path(save_dir)}",
        *(_options(vars(settings)) if settings else []),
    ]
    return "\n".join([*trained, shlex.join(["python", "scripts/compare.py", *options])])


def _training_lines(results: Mapping[str, Any], directory: Path) -> list[str]:
    """The command that trains a run, if its configuration is known."""
    configuration = results.get("configuration")
    if not isinstance(configuration, Mapping):
        return []
    return [f"{training_command(configuration)} {shlex.quote(f'output_dir={shown_path(directory)}')}"]


def _options(samples: Mapping[str, Any]) -> list[str]:
    return [f"{name}={samples[name]}" for name in ("n_samples", "seed", "max_notes")]


def _comparison_title(contenders: Sequence[ComparedModel]) -> str:
    names = [each.name for each in contenders]
    return " and ".join(names) if len(names) < 3 else f"{len(names)} models compared"


def _comparison_facts(comparison: Comparison) -> tuple[tuple[str, str], ...]:
    runs = [results for each in comparison.contenders for results in each.results]

    def all_of(name: str) -> str:
        return ", ".join(sorted({str(results[name]) for results in runs if results.get(name) is not None}))

    facts = {
        "Best predictor": comparison.contenders[0].name,
        "Dataset": all_of("dataset"),
        "Seeds": all_of("seed"),
        "Test tunes": str(comparison.n_tunes),
        "Split": all_of("hash"),
        "Test set": comparison.test_set_hash,
    }
    return tuple((name, value) for name, value in facts.items() if value)


def _facts(results: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What identifies a run, as far as it is known."""
    epochs = f"{results['best_epoch']} of {results.get('n_epochs', '?')}" if results.get("best_epoch") else None
    minutes = results["cost"].get("minutes")
    facts = {
        "Model": results["model"],
        "Dataset": results.get("dataset"),
        "Seed": results.get("seed"),
        "Best epoch": epochs,
        "Minutes": None if minutes is None else f"{minutes:.1f}",
        "Parameters": f"{results['cost']['parameters']:,}",
        "Split": results.get("hash"),
        "Test set": results["test_set_hash"],
        "Checkpoint": results.get("checkpoint"),
    }
    return tuple((name, str(value)) for name, value in facts.items() if value is not None)


def _evaluation_command(results: Mapping[str, Any], directory: Path | None) -> str:
    samples = results["samples"]
    if directory is None:
        return (
            f'ModelTester(model, "{results["model"]}").run_comprehensive_test('
            f"test_data, n_samples={samples['n_samples']}, seed={samples['seed']})"
        )
    judge = shlex.join(["python", "scripts/evaluate.py", f"run={shown_path(directory)}", *_options(samples)])
    return "\n".join([*_training_lines(results, directory), judge])


def _curves(title: str, exhibit: ReportInputs, *, is_folded: bool = False) -> tuple[PageFigure, ...]:
    if not exhibit.history:
        return ()
    drawing = inline_svg(figure_to_svg(exhibit.history.plot_curves(title="")), label=title)
    return (PageFigure(title, drawing, is_folded),)


def _diagnosis(results: Mapping[str, Any]) -> PageFigure:
    title = "Where its bits go"
    return PageFigure(title, inline_svg(figure_to_svg(diagnosis_figure(results)), label=title))


def _surprises(evaluation: Evaluation) -> TrackGroup:
    tunes, readings = evaluation.standard.test, evaluation.readings
    by_bits = sorted(range(len(tunes)), key=lambda place: readings[place].bits_per_note)
    chosen = dict.fromkeys((by_bits[0], by_bits[len(by_bits) // 2], by_bits[-1]))
    tracks = tuple(surprise_track(tunes[place], readings[place], place) for place in chosen)
    return TrackGroup("What surprised it", _SURPRISE, tracks)


def _configuration(title: str, exhibit: ReportInputs) -> tuple[PageText, ...]:
    return (PageText(title, exhibit.configuration),) if exhibit.configuration else ()


def _own_melodies(
    title: str, results: Mapping[str, Any], exhibit: ReportInputs, name: str, n: int = N_TYPICAL_SAMPLES
) -> TrackGroup:
    places = _within(results, "samples", exhibit.samples.melodies)[:n]
    titles = [f"{name}, melody {place + 1}" for place in places]
    stems = [f"{file_stem(name) or 'model'}_{place + 1:03}" for place in places]
    note = _TYPICAL.format(n=len(exhibit.samples.melodies))
    return TrackGroup(title, note, exhibit.samples.tracks(places, titles, stems))


def _real_tunes(results: Mapping[str, Any], exhibit: ReportInputs) -> TrackGroup:
    places = _within(results, "real", exhibit.real.melodies)
    titles = [exhibit.real.melodies[place].title or f"Tune {place + 1}" for place in places]
    stems = [file_stem(title) or f"tune_{place + 1}" for title, place in zip(titles, places, strict=True)]
    return TrackGroup("Real tunes", _REAL, exhibit.real.tracks(places, titles, stems))


def _within(results: Mapping[str, Any], name: str, melodies: Sequence[Melody]) -> list[int]:
    """The places that results call typical, as far as there is a melody at each."""
    found = results.get("typical")
    places = found.get(name, ()) if isinstance(found, Mapping) else ()
    return [place for place in places if 0 <= place < len(melodies)]

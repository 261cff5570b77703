"""Write the page of results, its pictures, and the table in README.md."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chromasonic.melody_generation.atomic_files import atomic_file, remove_unfinished, write_text
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.generation.generate import generate
from chromasonic.melody_generation.io.export import render
from chromasonic.melody_generation.pages.generated_set import GeneratedSet
from chromasonic.melody_generation.pages.tables import markdown
from chromasonic.melody_generation.plots.figures import model_color, save_figure
from chromasonic.melody_generation.plots.results_charts import SeedScores, plot_bits, plot_validation_curves
from chromasonic.melody_generation.runs.command_line import path_option, shell_command
from chromasonic.melody_generation.runs.trained_model import load_run
from chromasonic.melody_generation.study.markdown_page import markdown_page, with_section
from chromasonic.melody_generation.study.plan import PlannedRun
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
from chromasonic.melody_generation.study.run_files import SplitSummary
from chromasonic.melody_generation.study.study_results import StudyResults
from chromasonic.melody_generation.study.workflow import Workflow

_IMAGES, _FINDINGS, _STATISTICS = Path("images", "results"), "findings.md", "statistics.md"
_MARK = "results"
# Of the melodies that are shown.
_COUNT, _SEED, _KEY = 3, 1, "G"


@dataclass(frozen=True)
class ShownTune:
    """A melody on the page.

    Attributes:
        title: Title of the melody.
        picture: File name of its notation.
        png: Content of that file.
        abc: The melody in ABC notation.
    """

    title: str
    picture: str
    png: bytes
    abc: str


def write_results(workflow: Workflow, results: StudyResults, page: Path, plan: Path, max_notes: int) -> None:
    """Write the page of results with its pictures.

    Args:
        workflow: The runs of the plan.
        results: Their results.
        page: Path of the page; its pictures are written to ``images/results`` beside it.
        plan: Path of the plan in the text of the page.
        max_notes: A melody that the model has not ended by then ends at the next bar line.

    Raises:
        InputError: If something that the page needs is missing.
    """
    images = page.parent / _IMAGES
    tunes = tunes_of(results.rows[0].runs[0], max_notes)
    all_curves = {model.part.title: model.curves() for model in results.rows}
    # Models that are fitted in one pass have no curve.
    learning = {title: curves for title, curves in all_curves.items() if len(curves[0][0]) > 1}
    colors = {title: model_color(index) for index, title in enumerate(learning)}
    values = _values(workflow, results) | {
        "plan": plan.as_posix(),
        "has_findings": (page.parent / _FINDINGS).is_file(),
        "has_statistics": (page.parent / _STATISTICS).is_file(),
        "learning": bool(learning),
        "tunes": tunes,
    }
    text = markdown_page("results", values)  # everything is ready before anything is written
    remove_unfinished(images)
    remove_unfinished(page.parent, pattern=page.stem)
    save_figure(plot_bits(_seed_scores(results), colors), images / "bits_per_note.png")
    if learning:
        save_figure(plot_validation_curves(learning), images / "learning.png")
    for tune in tunes:
        with atomic_file(images / tune.picture) as unfinished:
            unfinished.write_bytes(tune.png)
    write_text(page, text)


def check_front_page(readme: Path) -> None:
    """Check that README.md exists and has the marks of its table, before hours of work.

    Raises:
        InputError: If it does not exist, or has no marks.
    """
    _front_page(readme, "")


def _front_page(readme: Path, content: str) -> str:
    try:
        text = readme.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not text"
        raise InputError(f"readme={readme} cannot be read ({reason}): readme=null leaves it out") from problem
    return with_section(text, _MARK, content, str(readme))


def write_summary(results: StudyResults, readme: Path, page: Path) -> None:
    """Write the short table and a link to the page between the marks of the front page.

    Raises:
        InputError: If the front page is not there, or has no marks.
    """
    remove_unfinished(readme.parent, pattern=readme.stem)
    record = results.rows[0].first
    link = Path(os.path.relpath(page, readme.parent)).as_posix()
    note = (
        f"Measured on {record.n_test_tunes} test tunes that no model saw (split `{record.metadata.split_hash}`, "
        f"test set `{record.test_set_hash}`); ± is the standard deviation over seeds, [ ] the 95 % interval. "
        f"All numbers: [{link}]({link})."
    )
    write_text(readme, _front_page(readme, f"{markdown(summary_table(results))}\n{note}"))


def tunes_of(run: PlannedRun, max_notes: int) -> list[ShownTune]:
    """Generate the first melodies of a run, the same as by :func:`tunes_command`."""
    model = load_run(run.directory)
    melodies = generate(model, count=_COUNT, key=_KEY, seed=_SEED, max_notes=max_notes)
    tunes = []
    for number, melody in enumerate(GeneratedSet.of(model, melodies).melodies, 1):
        contents = render(melody, None, ["png", "abc"])
        tunes.append(ShownTune(melody.title, f"tune_{number}.png", contents["png"], contents["abc"].decode().strip()))
    return tunes


def tunes_command(run: PlannedRun) -> str:
    """Return the command that generates the melodies of the page."""
    options = [path_option("run", run.directory), f"count={_COUNT}", f"key={_KEY}", f"seed={_SEED}"]
    return shell_command("chromasonic", "generate", *options)


def train_command(run: PlannedRun) -> str:
    """Return the command that trains a run."""
    overrides = [*run.overrides, path_option("output_dir", run.directory)]
    return shell_command("chromasonic", "train", *overrides)


def _seed_scores(results: StudyResults) -> list[SeedScores]:
    return [
        SeedScores(
            model.part.title,
            [training.test.bits_per_note for training in model.trainings if training.test],
            model is results.reference,
        )
        for model in results.rows
    ]


def _values(workflow: Workflow, results: StudyResults) -> dict[str, object]:
    """Return the values of the template that depend on the results."""
    best = results.rows[0]
    record, run = best.first, best.runs[0]
    base_seeds = {base.runs[0].seed for _, base, _ in results.ablations}
    return {
        "n_train": SplitSummary.read(run.directory).n_train,
        "n_test_tunes": record.n_test_tunes,
        "n_test_notes": f"{record.n_test_notes:,}",
        "split_hash": _split_hash(results),
        "test_set_hash": record.test_set_hash,
        "seeds_sentence": _seeds_sentence(results),
        "n_runs": results.n_runs,
        "core_minutes": f"{results.core_minutes:.0f}",
        "n_samples": record.samples.n_samples,
        "reference": results.reference.part.title,
        "main_table": markdown(main_table(results)),
        "copying_table": markdown(copying_table(results)),
        "sound_table": markdown(melodies_table(results)),
        "distance_table": markdown(distance_table(results)) if distance_table(results).rows else "",
        "reasons": reasons_list(results),
        "neighbours_table": markdown(neighbours_table(results)),
        "reference_table": markdown(reference_table(results)),
        "pretraining_table": markdown(pretraining_table(results)) if results.pretraining else "",
        "ablation_seed": ", ".join(map(str, sorted(base_seeds))),
        "ablations": [
            {
                "title": ablation.title,
                "question": ablation.question,
                "base": train_command(base.runs[0]).partition(" output_dir=")[0],
                "table": markdown(ablation_table(ablation, base, variants)),
            }
            for ablation, base, variants in results.ablations
        ],
        "best": best.part.title,
        "best_seed": run.seed,
        "tunes_command": tunes_command(run),
        "commands": _commands(workflow),
    }


def _split_hash(results: StudyResults) -> str:
    """Return the hash of the split of all rows.

    Raises:
        InputError: If they were trained on different splits.
    """
    splits = {training.metadata.split_hash for model in results.rows for training in model.trainings}
    if len(splits) > 1:
        raise InputError(f"the rows of the table were trained on different splits: {', '.join(sorted(splits))}")
    return splits.pop()


def _seeds_sentence(results: StudyResults) -> str:
    several = sorted({seed for model in results.rows if len(model.runs) > 1 for seed in model.part.seeds})
    single = [model.part.title for model in results.rows if len(model.runs) == 1]
    sentences = []
    if several:
        sentences.append(f"Rows with ± were trained with the seeds {_listed(list(map(str, several)))}.")
    if single:
        sentences.append(f"{_listed(single)} {'was' if len(single) == 1 else 'were'} trained once.")
    return " ".join(sentences)


def _listed(words: Sequence[str]) -> str:
    """Join words with commas and "and".

    Example:
        >>> _listed(["1", "2", "3"]), _listed(["PPM"])
        ('1, 2 and 3', 'PPM')
    """
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _commands(workflow: Workflow) -> list[str]:
    """Return the commands that train the first run of each part."""
    firsts: Mapping[Path, PlannedRun] = {
        run.directory: run for part in workflow.plan.parts.values() for run in workflow.runs_of(part)[:1]
    }
    return [train_command(run) for run in firsts.values()]

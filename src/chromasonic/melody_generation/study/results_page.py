"""The page of results, its pictures, and the table on the front page."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chromasonic.melody_generation.atomic_files import atomic_file, write_text
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.generation.generate import generate
from chromasonic.melody_generation.io.export import render
from chromasonic.melody_generation.pages.generated_set import GeneratedSet
from chromasonic.melody_generation.pages.tables import markdown
from chromasonic.melody_generation.plots.figures import model_color, save_figure
from chromasonic.melody_generation.plots.results_charts import SeedScores, plot_bits, plot_validation_curves
from chromasonic.melody_generation.runs.trained_model import load_run
from chromasonic.melody_generation.study.markdown_page import markdown_page, with_section
from chromasonic.melody_generation.study.plan import PlannedRun, as_typed
from chromasonic.melody_generation.study.results_tables import (
    ablation_table,
    copying_table,
    main_table,
    neighbours_table,
    pretraining_table,
    sound_table,
    summary_table,
)
from chromasonic.melody_generation.study.run_numbers import Numbers, manifest
from chromasonic.melody_generation.study.workflow import Workflow

_IMAGES, _FINDINGS = Path("images", "results"), "findings.md"
_MARK = "results"
# Of the melodies that are shown.
_COUNT, _SEED, _KEY = 3, 1, "G"


@dataclass(frozen=True)
class Tune:
    """A melody as the page shows it.

    Attributes:
        title: Of the melody.
        picture: Name of the file of its notation.
        png: What that file holds.
        abc: The melody as text.
    """

    title: str
    picture: str
    png: bytes
    abc: str


def write_results(programme: Workflow, numbers: Numbers, page: Path, plan: Path, max_notes: int) -> None:
    """Write the page of results with its pictures.

    Args:
        programme: What was run.
        numbers: What it has reached.
        page: Where the page goes; its pictures go into ``images/results`` beside it.
        plan: The file of the plan, as the page names it.
        max_notes: Where melodies end at the latest.

    Raises:
        InputError: If something that the page needs is not there.
    """
    images = page.parent / _IMAGES
    tunes = tunes_of(numbers.rows[0].runs[0], max_notes)
    curves = {model.part.title: model.curves() for model in numbers.rows}
    learning = {title: found for title, found in curves.items() if len(found[0][0]) > 1}  # those that learn in epochs
    colors = {title: model_color(place) for place, title in enumerate(learning)}
    values = _values(programme, numbers) | {
        "plan": plan.as_posix(),
        "has_findings": (page.parent / _FINDINGS).is_file(),
        "learning": bool(learning),
        "tunes": tunes,
    }
    text = markdown_page("results", values)  # all is ready before anything is written
    save_figure(plot_bits(_dots(numbers), colors), images / "bits_per_note.png")
    if learning:
        save_figure(plot_validation_curves(learning), images / "learning.png")
    for tune in tunes:
        with atomic_file(images / tune.picture) as unfinished:
            unfinished.write_bytes(tune.png)
    write_text(page, text)


def check_front_page(readme: Path) -> None:
    """See that a front page is there and has the marks of its table, before hours of work end in vain.

    Raises:
        InputError: If it is not, or has not.
    """
    _front_page(readme, "")


def _front_page(readme: Path, content: str) -> str:
    try:
        text = readme.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is no text"
        raise InputError(f"readme={readme} cannot be read ({reason}): readme=null leaves it out") from problem
    return with_section(text, _MARK, content, str(readme))


def write_summary(numbers: Numbers, readme: Path, page: Path) -> None:
    """Write the short table and a link to the page between the marks of the front page.

    Raises:
        InputError: If the front page is not there, or has no marks.
    """
    results = numbers.rows[0].results[0]
    link = Path(os.path.relpath(page, readme.parent)).as_posix()
    note = (
        f"Measured on {results['n_test_tunes']} test tunes that no model saw (split `{results['hash']}`, test set "
        f"`{results['test_set_hash']}`); ± is the standard deviation over seeds, [ ] the 95 % interval. All numbers: "
        f"[{link}]({link})."
    )
    write_text(readme, _front_page(readme, f"{markdown(summary_table(numbers))}\n{note}"))


def tunes_of(run: PlannedRun, max_notes: int) -> list[Tune]:
    """The first melodies of a run, as ``chromasonic generate`` makes them by :func:`tunes_command`."""
    model = load_run(run.directory)
    melodies = generate(model, _COUNT, key=_KEY, seed=_SEED, max_notes=max_notes)
    book = GeneratedSet.of(model, melodies)
    found = []
    for place, melody in enumerate(book.melodies, 1):
        contents = render(melody, None, ["png", "abc"])
        found.append(Tune(melody.title, f"tune_{place}.png", contents["png"], contents["abc"].decode().strip()))
    return found


def tunes_command(run: PlannedRun) -> str:
    """What to type for these melodies."""
    options = [f"run={run.directory}", f"count={_COUNT}", f"key={_KEY}", f"seed={_SEED}"]
    return shlex.join(["chromasonic", "generate", *options])


def training_command(run: PlannedRun) -> str:
    """What to type to train a run."""
    typed = [*run.overrides, f"output_dir={as_typed(run.directory)}"]
    return shlex.join(["chromasonic", "train", *typed])


def _dots(numbers: Numbers) -> list[SeedScores]:
    return [
        SeedScores(
            model.part.title,
            [results["test"]["bits_per_note"] for results in model.results],
            model is numbers.reference,
        )
        for model in numbers.rows
    ]


def _values(programme: Workflow, numbers: Numbers) -> dict[str, Any]:
    """What the template asks for that hangs on numbers."""
    best = numbers.rows[0]
    results = best.results[0]
    run = best.runs[0]
    bases = {base.runs[0].seed for _, base, _ in numbers.ablations}
    return {
        "n_train": manifest(run)["counts"]["train"],
        "n_test_tunes": results["n_test_tunes"],
        "n_test_notes": f"{results['n_test_notes']:,}",
        "split_hash": _the_split(numbers),
        "test_set_hash": results["test_set_hash"],
        "seeds_said": _seeds_said(numbers),
        "n_runs": numbers.n_runs,
        "core_minutes": f"{numbers.core_minutes:.0f}",
        "n_samples": results["samples"]["n_samples"],
        "reference": numbers.reference.part.title,
        "main_table": markdown(main_table(numbers)),
        "copying_table": markdown(copying_table(numbers)),
        "sound_table": markdown(sound_table(numbers)),
        "neighbours_table": markdown(neighbours_table(numbers)),
        "pretraining_table": markdown(pretraining_table(numbers)) if numbers.pretraining else "",
        "ablation_seed": ", ".join(map(str, sorted(bases))),
        "ablations": [
            {
                "title": ablation.title,
                "question": ablation.question,
                "base": training_command(base.runs[0]).partition(" output_dir=")[0],
                "table": markdown(ablation_table(ablation, base, variants)),
            }
            for ablation, base, variants in numbers.ablations
        ],
        "best": best.part.title,
        "best_seed": run.seed,
        "tunes_command": tunes_command(run),
        "commands": _commands(programme),
    }


def _the_split(numbers: Numbers) -> str:
    """The split of all rows.

    Raises:
        InputError: If they were trained on different ones.
    """
    splits = {str(results["hash"]) for model in numbers.rows for results in model.results}
    if len(splits) > 1:
        raise InputError(f"the rows of the table were trained on different splits: {', '.join(sorted(splits))}")
    return splits.pop()


def _seeds_said(numbers: Numbers) -> str:
    several = sorted({seed for model in numbers.rows if len(model.runs) > 1 for seed in model.part.seeds})
    single = [model.part.title for model in numbers.rows if len(model.runs) == 1]
    sentences = []
    if several:
        sentences.append(f"Rows with ± were trained with the seeds {_listed(list(map(str, several)))}.")
    if single:
        sentences.append(f"{_listed(single)} {'was' if len(single) == 1 else 'were'} trained once.")
    return " ".join(sentences)


def _listed(words: Sequence[str]) -> str:
    """Words with commas and an and.

    Example:
        >>> _listed(["1", "2", "3"]), _listed(["PPM"])
        ('1, 2 and 3', 'PPM')
    """
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _commands(programme: Workflow) -> list[str]:
    """Of the first run of each part that begins with nothing that stands below it."""
    firsts: Mapping[Path, PlannedRun] = {
        run.directory: run for part in programme.plan.parts.values() for run in programme.runs_of(part)[:1]
    }
    return [training_command(run) for run in firsts.values()]

"""Evaluate a trained run, or melodies of any origin.

``chromasonic evaluate run=outputs/<run>``, or ``melodies=my_melodies output_dir=outputs/my_scores``; ``--help`` lists
all options.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chromasonic.app.launch import start
from chromasonic.app.pretrained_run import run_directory
from chromasonic.config.command_options import EvaluateOptions
from chromasonic.config.location import configs_directory
from chromasonic.melody_generation.errors import InputError


def run(options: EvaluateOptions) -> None:
    """Evaluate a run, or score melodies of any origin."""
    if options.melodies:
        _score_melodies(options)
    else:
        _evaluate_run(options)


def _evaluate_run(options: EvaluateOptions) -> None:
    """Evaluate a run, write and print its scores, and draw the surprisal of the test tunes that were asked for."""
    from chromasonic.melody_generation.atomic_files import shown_path
    from chromasonic.melody_generation.evaluation.record_parts import SampleSettings
    from chromasonic.melody_generation.reporting.run_evaluation import evaluate_run
    from chromasonic.melody_generation.reporting.surprisal_report import check_numbers, draw_surprisal
    from chromasonic.melody_generation.reporting.terminal import print_remark, print_scores

    if not options.run:
        raise InputError("run must be given: run=..., or melodies=... and output_dir=...")
    settings = SampleSettings(options.n_samples, options.seed, max_notes=options.max_notes, outline=options.outline)
    numbers = [options.surprise] if isinstance(options.surprise, int) else options.surprise
    run = run_directory(options.run)
    if numbers is not None:
        check_numbers(run, numbers)
    # With surprise=, existing scores are kept: the command only draws tunes.
    print_scores(evaluate_run(run, settings, force=numbers is None), run)
    for picture in draw_surprisal(run, numbers) if numbers is not None else ():
        print_remark(f"Surprise     {shown_path(picture)}")


def _score_melodies(options: EvaluateOptions) -> None:
    """Score melodies beside the held-out tunes of a dataset, and write and print their scores."""
    if options.run:
        raise InputError("give run=... or melodies=..., not both: a run generates its own melodies")
    if not options.output_dir or not options.melodies:
        raise InputError("output_dir must be given with melodies: output_dir=...")
    from hydra.utils import instantiate

    from chromasonic.config.compose import compose_training
    from chromasonic.melody_generation.atomic_files import write_json
    from chromasonic.melody_generation.evaluation.reference_set import reference_of_corpus
    from chromasonic.melody_generation.reporting.judged_tables import check_judged_folder
    from chromasonic.melody_generation.reporting.terminal import print_judged
    from chromasonic.melody_generation.runs.directory_lock import lock_directory
    from chromasonic.melody_generation.runs.layout import EvaluationLayout
    from chromasonic.melody_generation.testing import judge_files

    layout = EvaluationLayout(Path(options.output_dir))
    check_judged_folder(layout.results)
    dataset = compose_training(configs_directory(), [f"dataset={options.dataset}"])["dataset"]
    reference = reference_of_corpus(
        instantiate(dataset["corpus"], _convert_="all"),
        min_notes=dataset["min_melody_length"],
        split_seed=dataset["split_seed"],
        held_out=dataset["held_out"],
    )
    judged = judge_files(options.melodies, reference)
    with lock_directory(layout.directory, "evaluating"):
        write_json(layout.results, judged.to_json())
    print_judged(judged, layout.results)


def main(arguments: Sequence[str]) -> None:
    """Run the command.

    Args:
        arguments: Options as ``name=value``.
    """
    start(run, configs_directory() / "evaluate.yaml", EvaluateOptions, arguments)

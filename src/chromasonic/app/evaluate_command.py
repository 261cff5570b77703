"""Evaluate a trained run: ``chromasonic evaluate run=outputs/<run>``; ``--help`` lists all options."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chromasonic.app.launch import start
from chromasonic.config.command_options import EvaluateOptions
from chromasonic.config.location import configs_directory


def run(options: EvaluateOptions) -> None:
    """Evaluate a run, write and print its scores, and draw the surprisal of the test tunes that were asked for."""
    from chromasonic.melody_generation.atomic_files import shown_path
    from chromasonic.melody_generation.evaluation.record_parts import SampleSettings
    from chromasonic.melody_generation.reporting.run_evaluation import evaluate_run
    from chromasonic.melody_generation.reporting.surprisal_report import check_numbers, draw_surprisal
    from chromasonic.melody_generation.reporting.terminal import print_remark, print_scores

    settings = SampleSettings(options.n_samples, options.seed, max_notes=options.max_notes)
    numbers = [options.surprise] if isinstance(options.surprise, int) else options.surprise
    if numbers is not None:
        check_numbers(options.run, numbers)
    # With surprise=, existing scores are kept: the command only draws tunes.
    print_scores(evaluate_run(options.run, settings, force=numbers is None), Path(options.run))
    for picture in draw_surprisal(options.run, numbers) if numbers is not None else ():
        print_remark(f"Surprise     {shown_path(picture)}")


def main(arguments: Sequence[str]) -> None:
    """Run the command.

    Args:
        arguments: Options as ``name=value``.
    """
    start(run, configs_directory() / "evaluate.yaml", EvaluateOptions, arguments)

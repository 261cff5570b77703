"""Read the answers to a listening test: ``chromasonic judge answers=<folder> key=key.json``; see ``--help``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chromasonic.app.launch import start
from chromasonic.config.command_options import JudgeOptions
from chromasonic.config.location import configs_directory


def run(options: JudgeOptions) -> None:
    """Write and print what the answers show.

    Raises:
        InputError: If no answers can be counted; and at the end, if some cannot.
    """
    from chromasonic.melody_generation.errors import InputError
    from chromasonic.melody_generation.io.export import check_folder
    from chromasonic.melody_generation.reporting.listening_test_report import report_judgements
    from chromasonic.melody_generation.reporting.terminal import print_judgements
    from chromasonic.melody_generation.runs.directory_lock import lock_directory

    key = Path(options.key)
    output_dir = Path(options.output_dir) if options.output_dir else key.parent
    check_folder(output_dir)
    with lock_directory(output_dir, "reading answers"):
        judgements = report_judgements(
            Path(options.answers), key, output_dir, incomplete=options.incomplete, seed=options.seed
        )
    print_judgements(judgements, output_dir)
    if judgements.refused:
        raise InputError(
            f"not counted: {', '.join(judgements.refused)}; the reasons are printed above, and the results of the "
            "others are complete"
        )


def main(arguments: Sequence[str]) -> None:
    """Run the command.

    Args:
        arguments: Options as ``name=value``.
    """
    start(run, configs_directory() / "judge.yaml", JudgeOptions, arguments)

"""Make a blind listening test: ``chromasonic listen runs=[outputs/a,outputs/b]``; ``--help`` lists all options."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chromasonic.app.launch import start
from chromasonic.app.pretrained_run import run_directory
from chromasonic.config.command_options import ListenOptions
from chromasonic.config.location import configs_directory


def run(options: ListenOptions) -> None:
    """Sample tunes that match real ones, and write the page of the test, its tunes as ABC, and its key."""
    from chromasonic.melody_generation.evaluation.listening_test.matched_tunes import TOLERANCE
    from chromasonic.melody_generation.io.export import check_folder
    from chromasonic.melody_generation.reporting.listening_test_report import (
        check_no_other_test,
        make_listening_test,
        write_listening_test,
    )
    from chromasonic.melody_generation.reporting.terminal import print_listening_test, print_remark
    from chromasonic.melody_generation.runs.directory_lock import lock_directory
    from chromasonic.melody_generation.runs.layout import ListeningTestLayout
    from chromasonic.melody_generation.runs.sweep import find_runs

    config = options.generation_config()
    layout = ListeningTestLayout(Path(options.output_dir))
    check_folder(layout.directory)
    paths = [options.runs] if isinstance(options.runs, str) else options.runs
    runs = [run for path in paths for run in find_runs(run_directory(path))]
    test, sets = make_listening_test(runs, options.n_tunes, config, has_real=options.real)
    with lock_directory(layout.directory, "making a listening test"):
        check_no_other_test(layout, test)
        write_listening_test(test, layout, options.title)
    if n_unequal := sum(not each.is_equal for each in sets):
        n_far = sum(not each.is_close for each in sets)
        print_remark(
            f"{n_unequal} of {len(sets)} real tunes have made ones of more or fewer bars, {n_far} by more than "
            f"{TOLERANCE:.0%}, which may give them away: a model seldom ends where real tunes end"
        )
    print_listening_test(layout)


def main(arguments: Sequence[str]) -> None:
    """Run the command.

    Args:
        arguments: Options as ``name=value``.
    """
    start(run, configs_directory() / "listen.yaml", ListenOptions, arguments)

"""Compare trained runs: ``chromasonic compare runs=[outputs/a,outputs/b]``; ``--help`` lists all options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from chromasonic.app.launch import start
from chromasonic.app.pretrained_run import run_directory
from chromasonic.config.command_options import CompareOptions
from chromasonic.config.location import configs_directory


def run(options: CompareOptions) -> None:
    """Evaluate runs without scores, write the comparison, and print it.

    Raises:
        InputError: If no run can be compared; and at the end, if some cannot.
    """
    from chromasonic.melody_generation.errors import InputError
    from chromasonic.melody_generation.evaluation.record_parts import SampleSettings
    from chromasonic.melody_generation.reporting.run_evaluation import compare_runs
    from chromasonic.melody_generation.reporting.terminal import print_comparison
    from chromasonic.melody_generation.runs.directory_lock import lock_directory
    from chromasonic.melody_generation.runs.layout import SweepLayout
    from chromasonic.melody_generation.runs.sweep import failed_jobs, find_runs

    paths = [run_directory(path) for path in ([options.runs] if isinstance(options.runs, str) else options.runs)]
    runs = [run for path in paths for run in find_runs(path)]
    is_sweep = len(paths) == 1 and runs != [paths[0]]
    failures = {
        name if is_sweep else str(Path(path, name)): reason
        for path in paths
        for name, reason in failed_jobs(path).items()
    }
    default = SweepLayout(paths[0]).comparison.directory if is_sweep else Path("outputs", "comparison")
    output_dir = Path(options.output_dir) if options.output_dir else default
    typed = {name: getattr(options, name) for name in ("n_samples", "seed", "max_notes", "outline")}
    given = {name: value for name, value in typed.items() if value is not None}
    settings = replace(SampleSettings(), **given) if given else None
    with lock_directory(output_dir, "comparing"):
        comparison = compare_runs(runs, output_dir, settings, failures=failures)
    print_comparison(comparison, output_dir)
    if missing := comparison.failures.keys() - failures.keys():  # known failures of a sweep's jobs are no news
        raise InputError(
            f"not compared: {', '.join(sorted(missing))}; the reasons are printed above, and the comparison of the "
            "others is complete"
        )


def main(arguments: Sequence[str]) -> None:
    """Run the command.

    Args:
        arguments: Options as ``name=value``.
    """
    start(run, configs_directory() / "compare.yaml", CompareOptions, arguments)

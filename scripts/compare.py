"""Compare trained runs: ``python scripts/compare.py runs=[outputs/a,outputs/b]``; ``--help`` lists all options."""

from __future__ import annotations

import os

# Threads that wait must sleep: spinning ones slow a busy machine down by an order of magnitude. Torch reads this
# when it is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import sys
from dataclasses import replace
from pathlib import Path

from chromasonic.commands import start
from chromasonic.options import CompareOptions

DEFAULTS = Path(__file__).parents[1] / "configs" / "compare.yaml"


def run(options: CompareOptions) -> None:
    """Judge what is not judged yet, write the comparison, and print it."""
    from chromasonic.melody_generation.evaluation import SampleSettings
    from chromasonic.melody_generation.report import print_comparison
    from chromasonic.melody_generation.runs import COMPARISON, failed_jobs, find_runs
    from chromasonic.melody_generation.testing import compare_runs

    given = [options.runs] if isinstance(options.runs, str) else options.runs
    runs = [found for each in given for found in find_runs(each)]
    is_sweep = len(given) == 1 and runs != [Path(given[0])]
    failures = {
        name if is_sweep else str(Path(each, name)): reason
        for each in given
        for name, reason in failed_jobs(Path(each)).items()
    }
    default = Path(given[0]) / COMPARISON if is_sweep else Path("outputs", "comparison")
    output_dir = Path(options.output_dir) if options.output_dir else default
    typed = {"n_samples": options.n_samples, "seed": options.seed, "max_notes": options.max_notes}
    known = {name: value for name, value in typed.items() if value is not None}
    settings = replace(SampleSettings(), **known) if known else None
    print_comparison(compare_runs(runs, output_dir, settings, failures=failures), output_dir)


if __name__ == "__main__":
    start(run, DEFAULTS, CompareOptions, sys.argv[1:])

"""Judge a trained run: ``python scripts/evaluate.py run=outputs/<run>``; ``--help`` lists all options."""

from __future__ import annotations

import os

# Threads that wait must sleep: spinning ones slow a busy machine down by an order of magnitude. Torch reads this
# when it is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import sys
from pathlib import Path

from chromasonic.commands import start
from chromasonic.options import EvaluateOptions

DEFAULTS = Path(__file__).parents[1] / "configs" / "evaluate.yaml"


def run(options: EvaluateOptions) -> None:
    """Judge the run, write its scores into it, and print them; draw what surprised it if asked to."""
    from chromasonic.melody_generation.evaluation import SampleSettings
    from chromasonic.melody_generation.report import print_scores, shown
    from chromasonic.melody_generation.surprise import draw_surprise
    from chromasonic.melody_generation.testing import evaluate_run

    settings = SampleSettings(options.n_samples, options.seed, max_notes=options.max_notes)
    numbers = [options.surprise] if isinstance(options.surprise, int) else options.surprise
    pictures = () if numbers is None else draw_surprise(options.run, numbers)
    # A picture of one more tune is no reason to judge the run again.
    print_scores(evaluate_run(options.run, settings, anew=not pictures), Path(options.run))
    for picture in pictures:
        print(f"Surprise     {shown(picture)}")


if __name__ == "__main__":
    start(run, DEFAULTS, EvaluateOptions, sys.argv[1:])

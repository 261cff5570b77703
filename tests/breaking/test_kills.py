"""Runs that are killed and resumed equal uninterrupted runs.

``python -m tests.breaking.kills`` tests every model and scheduler.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.breaking.forked import warm_up
from tests.breaking.kills import Setting, kill_at_random, kill_in_windows

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True, scope="module")
def _warm() -> None:
    warm_up()


def test_kills_at_random_moments_change_nothing(tmp_path: Path) -> None:
    tally = kill_at_random(Setting("lstm", "reduce_on_plateau", ("epochs=3",)), 2, seed=0, folder=tmp_path / "runs")
    assert tally.n_kills == 2
    assert tally.lost == []


def test_a_kill_before_the_first_and_after_the_last_checkpoint_changes_nothing(tmp_path: Path) -> None:
    # File 6 is the first best checkpoint, file 7 the first last checkpoint. Curves and final checkpoint follow.
    setting = Setting("transformer", "one_cycle", ("epochs=2",))
    tally = kill_in_windows(setting, tmp_path / "runs", [(7, False), (12, True)])
    assert tally.n_kills == 2
    assert tally.lost == []


def test_a_run_killed_after_early_stopping_trains_no_further(tmp_path: Path) -> None:
    setting = Setting("lstm", "constant", ("patience=1", "learning_rate=1e-12"))  # stops after two epochs
    tally = kill_in_windows(setting, tmp_path / "runs", [(11, False)])
    assert tally.n_kills == 1
    assert tally.lost == []

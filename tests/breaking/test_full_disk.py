"""A disk that is full ends a run with one sentence and leaves what was written before (about 10 seconds).

``python -m tests.breaking.disks`` fills it at every file that a run writes.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.breaking.disks import fill_at
from tests.breaking.forked import warm_up
from tests.breaking.kills import Setting


@pytest.mark.slow
def test_a_disk_that_is_full_loses_nothing(tmp_path: Path) -> None:
    warm_up()
    # The configuration, the first history, a checkpoint of the second epoch, the scores.
    tally = fill_at(Setting("lstm", "step", ("epochs=2",)), tmp_path / "runs", [1, 4, 10, 14])
    assert tally.n_kills == 4
    assert tally.lost == []

"""A disk that is full ends a run with one sentence and leaves what was written before (about 7 seconds).

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
    # The first history, and the scores at the end.
    tally = fill_at(Setting("lstm", "step", ("epochs=2",)), tmp_path / "runs", [4, 14])
    assert tally.n_kills == 2
    assert tally.lost == []

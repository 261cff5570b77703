"""A full disk ends a run with one sentence and damages no file.

``python -m tests.breaking.disks`` fills the disk at every file of a run.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.breaking.disks import fill_at
from tests.breaking.forked import warm_up
from tests.breaking.kills import Setting


@pytest.mark.slow
def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    warm_up()
    # File 4 is the first history, file 14 the scores at the end.
    tally = fill_at(Setting("lstm", "step", ("epochs=2",)), tmp_path / "runs", [4, 14])
    assert tally.n_kills == 2
    assert tally.lost == []

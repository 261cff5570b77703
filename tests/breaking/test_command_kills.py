"""A command that is killed while it replaces files leaves nothing that the next command takes for whole.

``python -m tests.breaking.command_kills`` kills all commands at every file.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.breaking.command_kills import commands, kill_everywhere
from tests.breaking.forked import warm_up


@pytest.mark.slow
@pytest.mark.parametrize(("name", "number"), [("evaluate", 5), ("compare", 5), ("generate", 4)])
def test_the_next_command_repairs_what_a_killed_one_left(
    name: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm_up()
    workplace = tmp_path / "workplace"
    workplace.mkdir()
    monkeypatch.chdir(workplace)
    command = commands(workplace)[name]
    others = () if name == "compare" else command.others[-1:]  # another comparison is much like the same one
    tally = kill_everywhere(replace(command, others=others), [number], disks=name == "generate")
    assert tally.n_kills == 2
    assert tally.faults == []

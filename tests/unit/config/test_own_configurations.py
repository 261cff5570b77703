from __future__ import annotations

from pathlib import Path

import pytest

from chromasonic.config.own_configurations import is_own_configuration, remember_configuration


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def test_a_configuration_is_remembered_by_its_content(state: Path) -> None:
    assert not is_own_configuration(b"a: 1")
    remember_configuration(b"a: 1")
    assert is_own_configuration(b"a: 1")
    assert not is_own_configuration(b"a: 2")
    assert [path.stat().st_size for path in state.rglob("*") if path.is_file()] == [0]


def test_without_a_place_for_it_a_configuration_is_forgotten(state: Path) -> None:
    state.write_text("a file in place of the folder")
    remember_configuration(b"a: 1")
    assert not is_own_configuration(b"a: 1")

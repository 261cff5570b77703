"""The provenance of a run is written, read and compared (under a second)."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.running import ROOT

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.runs import provenance as provenance_module
from chromasonic.melody_generation.runs.provenance import (
    Provenance,
    commit,
    differences,
    differences_from_run,
    note_resume,
    read_provenance,
    save_provenance,
)


def collected() -> Provenance:
    return Provenance.collect(
        command=["chromasonic", "train", "seed=1"],
        configuration={"seed": 1, "model": {"order": 2}},
        split_hash="abc",
        test_set_hash="def",
        device=torch.device("cpu"),
    )


def record(**others: Any) -> dict[str, Any]:
    return collected().to_values() | others


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    save_provenance(tmp_path, collected())
    assert read_provenance(tmp_path) == record() | {"gone_on_with": []}
    assert differences_from_run(tmp_path, collected()) == []
    assert record()["packages"]["torch"] == torch.__version__
    assert record()["threads"] == torch.get_num_threads()
    assert collected().summary()["torch"] == torch.__version__
    json.dumps(collected().summary())


def test_the_keys_of_the_file_stay_as_they_are() -> None:
    assert list(record()) == [
        *("command", "chromasonic", "python", "packages", "git", "device", "platform", "threads"),
        *("hash", "test_set_hash", "configuration"),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"python": "2.7"}, "python 2.7 is now "),
        ({"packages": {"torch": "0.4"}}, "packages.torch 0.4 is now "),
        ({"device": "abacus"}, "device abacus is now cpu"),
        ({"threads": 99}, "threads 99 is now "),
        ({"hash": "xyz"}, "hash xyz is now abc"),
        ({"git": {"commit": "0" * 40, "clean": True}}, f"git.commit {'0' * 40} is now "),
        ({"configuration": {"seed": 2, "model": {"order": 2}}}, "configuration.seed 2 is now 1"),
        ({"configuration": {"seed": 1}}, "configuration.model.order None is now 2"),
        ({"device": "\x1b[31m\nred" + "x" * 500}, "device ?[31m?red"),
    ],
)
def test_every_difference_is_named(change: dict[str, Any], message: str) -> None:
    differing = differences(record(**change), record())
    assert any(line.startswith(message) for line in differing), differing
    assert all(line.isprintable() and len(line) < 300 for line in differing)


def test_the_command_is_not_compared() -> None:
    assert differences(record(command=["else"]), record()) == []


def test_a_missing_record_is_reported_as_a_difference(tmp_path: Path) -> None:
    assert read_provenance(tmp_path) == {}
    assert differences({}, record()) == ["its provenance was not recorded"]


def test_every_resume_is_recorded(tmp_path: Path) -> None:
    save_provenance(tmp_path, replace(collected(), python="3.11.0"))
    for number in range(2):
        note_resume(tmp_path, replace(collected(), command=("train", f"resume={number}"), python="3.12.0"))
    saved = read_provenance(tmp_path)
    assert saved["python"] == "3.11.0"
    assert [resume["command"][1] for resume in saved["gone_on_with"]] == ["resume=0", "resume=1"]
    assert saved["gone_on_with"][1]["differs"] == ["python 3.11.0 is now 3.12.0"]


@pytest.mark.parametrize("text", ["", "[1]", "[" * 100_000, '{"a": '])
def test_a_damaged_record_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "provenance.json").write_text(text)
    with pytest.raises(InputError, match=r"provenance\.json"):
        read_provenance(tmp_path)


def test_the_commit_is_that_of_the_clone_or_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commit.cache_clear()
    recorded = commit()
    if (ROOT / ".git").exists():
        head = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        assert recorded is not None
        assert recorded["commit"] == head.stdout.strip()
    else:
        assert recorded is None
    for project, finds_git in ((tmp_path, "/usr/bin/git"), (ROOT, None)):
        commit.cache_clear()
        monkeypatch.setattr(provenance_module, "_PROJECT", project)
        monkeypatch.setattr("shutil.which", lambda _, git=finds_git: git)
        assert commit() is None
    commit.cache_clear()


def test_a_failing_git_gives_no_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(provenance_module, "_PROJECT", tmp_path)
    commit.cache_clear()
    assert commit() is None
    commit.cache_clear()


def test_a_package_that_is_not_installed_has_no_version() -> None:
    assert provenance_module._version("no-package-of-this-name") is None


@pytest.mark.parametrize("configuration", [[1], "x", 7])
def test_a_configuration_of_another_type_is_a_difference(configuration: Any) -> None:
    (phrase,) = provenance_module.differences({"configuration": configuration}, {"threads": None})
    assert phrase.startswith("configuration ")

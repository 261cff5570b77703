"""A run directory that a stranger made is resumed or repeated: its configuration runs and reads nothing of its own."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tests.breaking.audited import watched
from tests.running import QUIET, ROOT, SCRIPT, Ending, run_script

Change = Callable[[dict[str, Any], Path], None]
SECRET = "only-the-environment-has-this"
CSV = "lightning.pytorch.loggers.CSVLogger"
# Modules that are needed for the first time, and the serialised options of generated code.
HARMLESS = ("import", "pickle.find_class")
OWN = "chromasonic.melody_generation."


class Evil:
    """An object whose pickle runs a program."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch PWNED",)


def _joined(values: dict[str, Any], text: str) -> str:
    """A reference that two harmless references are joined to."""
    values["choices"] |= {"a": "$", "b": "{" + text + "}"}
    return "${choices.a}${choices.b}"


def runs_a_pickle(values: dict[str, Any], run: Path) -> None:
    torch.save(Evil(), run / "notes.bin")
    text = f"oc.create:{{_target_:torch.load,f:'{run / 'notes.bin'}',weights_only:false}}"
    values["trainer"]["plugins"] = _joined(values, text)


def runs_a_program(values: dict[str, Any], run: Path) -> None:
    del run
    values["trainer"]["max_epochs"] = _joined(values, "oc.create:{_target_:os.popen,_args_:['touch PWNED']}")


def replaces_a_class(values: dict[str, Any], run: Path) -> None:
    del run
    values["choices"] |= {"a": "os", "b": ".system"}
    values["model"] = {"_target_": "${choices.a}${choices.b}", "_args_": ["touch PWNED"]}


def names_a_folder_by_a_secret(values: dict[str, Any], run: Path) -> None:
    del run
    values["logger"] = {"mine": {"_target_": CSV, "prefix": _joined(values, "oc.env:SECRET_TOKEN")}}


def sends_a_secret(values: dict[str, Any], run: Path) -> None:
    del run
    address = "http://127.0.0.1:9/" + _joined(values, "oc.env:SECRET_TOKEN")
    values["dataset"]["corpus"] = {"_target_": f"{OWN}corpora.nottingham.NottinghamCorpus", "base_url": address}


def asks_another_host(values: dict[str, Any], run: Path) -> None:
    del run
    corpus = {"_target_": f"{OWN}corpora.nottingham.NottinghamCorpus", "base_url": "http://127.0.0.1:9/"}
    values["dataset"]["corpus"] = corpus


def reads_a_folder(values: dict[str, Any], run: Path) -> None:
    values["dataset"]["corpus"] = {"_target_": f"{OWN}corpora.files.FilesCorpus", "folder": str(run.parent)}


def names_another_teacher(values: dict[str, Any], run: Path) -> None:
    values["teacher"] = str(run.parent)


def names_files_outside(values: dict[str, Any], run: Path) -> None:
    del run
    values["choices"]["model"] = "../../theirs"


HOSTILE: tuple[Change, ...] = (
    runs_a_pickle,
    runs_a_program,
    replaces_a_class,
    names_a_folder_by_a_secret,
    sends_a_secret,
    asks_another_host,
    reads_a_folder,
    names_another_teacher,
    names_files_outside,
)


@pytest.fixture
def train(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[..., Ending]]:
    """Return a function that runs the training script in the test's folder, and checks that it changes no other."""
    monkeypatch.setenv("SECRET_TOKEN", SECRET)
    monkeypatch.chdir(tmp_path)

    def run(*overrides: str, script: Path = SCRIPT) -> Ending:
        with watched(tmp_path) as watch:
            ending = run_script(*overrides, capture=capsys, patch=monkeypatch, script=script)
        elsewhere = [deed for deed in watch.deeds if not deed.startswith(HARMLESS)]
        assert ending.code == 0 or elsewhere == []
        return ending

    yield run
    assert not list(tmp_path.rglob("PWNED"))
    assert not list(tmp_path.rglob(f"*{SECRET}*"))


def changed(run: Path, target: Path, change: Change) -> Path:
    """Copy a run, and change its configuration."""
    shutil.copytree(run, target)
    path = target / "config.yaml"
    values = yaml.safe_load(path.read_text())
    change(values, target)
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    return target


@pytest.mark.slow
@pytest.mark.parametrize("change", HOSTILE)
def test_a_hostile_configuration_is_refused_and_changes_nothing(
    change: Change, trained_run: Callable[..., Path], tmp_path: Path, train: Callable[..., Ending]
) -> None:
    run = changed(trained_run("model=lstm", *QUIET, "hidden_size=16", "num_layers=1"), tmp_path / "theirs", change)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and ".hydra" not in path.parts}
    for overrides in ([f"resume={run}", "epochs=2"], [f"repeat={run}", f"output_dir={tmp_path / 'again'}"]):
        ending = train(*overrides)
        assert ending.code == 1, ending.out
        assert ending.err.startswith(f"{run / 'config.yaml'}"), ending.err
        assert SECRET not in ending.out + ending.err
        assert "Traceback" not in ending.err
        assert len(ending.err.splitlines()) == 1
    after = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and ".hydra" not in path.parts}
    assert before == after
    assert not (tmp_path / "again").exists()


@pytest.mark.slow
def test_a_logger_deletes_no_file_of_another_run(
    trained_run: Callable[..., Path], tmp_path: Path, train: Callable[..., Ending]
) -> None:
    (tmp_path / "mine").mkdir()
    mine = tmp_path / "mine" / "metrics.csv"
    mine.write_text("a year's work")

    def logs_there(values: dict[str, Any], run: Path) -> None:
        del run
        there = {"_target_": CSV, "save_dir": str(tmp_path), "name": "mine", "version": ""}
        values["logger"] = {"mine": there}

    run = changed(trained_run("model=lstm", *QUIET, "hidden_size=16", "num_layers=1"), tmp_path / "theirs", logs_there)
    assert train(f"resume={run}", "epochs=2").code == 0
    assert mine.read_text() == "a year's work"
    assert (run / "mine" / "metrics.csv").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [".hydra", ".hydra/config.yaml", ".hydra/x.yaml", "evaluation", "lstm_checkpoints", "csv/metrics.csv", ".lock"],
)
@pytest.mark.parametrize("command", ["train", "evaluate", "generate"])
def test_a_link_in_a_run_directory_leads_no_file_elsewhere(
    name: str, command: str, trained_run: Callable[..., Path], tmp_path: Path, train: Callable[..., Ending]
) -> None:
    run = tmp_path / "theirs"
    shutil.copytree(trained_run("model=lstm", *QUIET, "hidden_size=16", "num_layers=1"), run)
    there = tmp_path / "there"
    path = run / name
    path.parent.mkdir(exist_ok=True)
    if path.exists():
        shutil.move(path, there)
    else:
        there.write_text("a year's work")
    path.symlink_to(there, target_is_directory=there.is_dir())
    before = contents(there)
    if command != "train":
        (run / "config.yaml").unlink()  # which these commands do not need
    given = [f"resume={run}", "epochs=2"] if command == "train" else [f"run={run}"]
    ending = train(*given, script=ROOT / "scripts" / f"{command}.py")
    assert ending.code == 1
    assert f"{path} is " in ending.err
    assert before == contents(there)


def contents(path: Path) -> dict[Path, bytes]:
    return {each: each.read_bytes() for each in (path, *path.rglob("*")) if each.is_file()}


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_in_a_run_directory_keeps_nobody_waiting(
    trained_run: Callable[..., Path], tmp_path: Path, train: Callable[..., Ending]
) -> None:
    run = tmp_path / "theirs"
    shutil.copytree(trained_run("model=lstm", *QUIET, "hidden_size=16", "num_layers=1"), run)
    (run / ".hydra" / "config.yaml").unlink()
    os.mkfifo(run / ".hydra" / "config.yaml")
    ending = train(f"resume={run}", "epochs=2")
    assert "is neither a file nor a folder" in ending.err


def test_the_watch_sees_what_it_must(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    with watched(inside) as watch:
        (inside / "a").write_text("x")
        (inside / "a").rename(inside / "b")
        assert watch.deeds == []
        outside.write_text("x")
        (inside / "b").rename(tmp_path / "c")
        os.system("true")
        os.chmod(outside, 0o600)
        pickle.loads(pickle.dumps(Path))
    kinds = [deed.split()[0] for deed in watch.deeds]
    assert kinds[:4] == ["open", "os.rename", "os.system", "os.chmod"]
    assert "pickle.find_class" in kinds

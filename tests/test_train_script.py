"""The train command: its files, its messages, and the input that it refuses."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from chromasonic.melody_generation.runs.directory_lock import lock_directory
from chromasonic.melody_generation.runs.layout import RunLayout
from chromasonic.melody_generation.training.history import TrainingHistory
from tests.running import ROOT, SCRIPT, TINY, Ending, run_script

Train = Callable[..., Ending]


@pytest.fixture
def train(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Train:
    """Return a function that runs the script in this process."""

    def run(*overrides: str) -> Ending:
        return run_script(*overrides, capture=capsys, patch=monkeypatch)

    return run


def show_refused(ending: Ending, *words: str, lines: int = 1) -> None:
    """Check for exit code 1 and one line for each fault with all these words."""
    assert ending.code == 1
    assert "Traceback" not in ending.err
    assert len(ending.err.strip().splitlines()) == lines, ending.err
    for word in words:
        assert word in ending.err, ending.err


def show_nothing_written(directory: Path) -> None:
    """Check that there is not even a folder."""
    assert not directory.exists()


@pytest.fixture(scope="module")
def finished(trained_run: Callable[..., Path]) -> Path:
    """A run of two epochs; no test changes it."""
    return trained_run(*TINY, "epochs=2")


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, to be resumed and broken."""
    return Path(shutil.copytree(finished, tmp_path / "copied"))


@pytest.mark.slow
def test_a_run_directory_has_the_documented_files(finished: Path) -> None:
    files = {path.relative_to(finished).as_posix() for path in finished.rglob("*") if path.is_file()}
    assert files - {each for each in files if each.startswith(("tensorboard/", ".hydra/"))} == {
        "config.yaml",
        "provenance.json",
        "split.json",
        "tunes.npz",
        "metrics.csv",
        "evaluation/results.json",
        *(f"lstm_checkpoints/melody_lstm_{each}.pt" for each in ("best", "last", "final")),
        "lstm_checkpoints/melody_lstm_history.json",
        "lstm_checkpoints/melody_lstm_curves.png",
    }
    assert {".hydra/config.yaml", ".hydra/overrides.yaml"} <= files
    assert {Path(each).parent.name for each in files if "tfevents" in each} >= {"train", "validation", "test"}
    assert OmegaConf.select(OmegaConf.load(finished / "config.yaml"), "hidden_size") == 16


@pytest.mark.slow
def test_the_scores_in_all_files_agree(finished: Path) -> None:
    results = json.loads((finished / "evaluation/results.json").read_text())
    history = TrainingHistory.load(finished / "lstm_checkpoints/melody_lstm_history.json")
    rows = list(csv.DictReader((finished / "metrics.csv").read_text().splitlines()))
    assert isinstance(results["test"]["bits_per_note"], float)
    assert history.epoch == [1, 2] == [float(row["epoch"]) for row in rows]
    assert history.val_loss == [float(row["validation/loss"]) for row in rows]
    assert results["best_epoch"] == history.best_epoch
    assert results["validation"]["loss"] == history.best_val_loss
    split = json.loads((finished / "split.json").read_text())
    for name in ("best", "last", "final"):
        checkpoint = torch.load(finished / f"lstm_checkpoints/melody_lstm_{name}.pt", weights_only=True)
        assert checkpoint["hash"] == split["hash"] == results["hash"]
        assert checkpoint["epoch"] == (history.best_epoch if name == "best" else 2)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["modell=lstm"], ["modell", "did you mean model?"]),
        (["model=lstmm"], ["model=lstmm", "countmix, lstm, markov, mixture, ppm, transformer"]),
        (["learnig_rate=0.1"], ["learnig_rate", "did you mean learning_rate?"]),
        (["trainer.max_epoch=3"], ["trainer.max_epoch"]),
        (["+model.hidden=3"], ["model.hidden", "did you mean hidden_size?"]),
        (["+frobnicate=1"], ["frobnicate"]),
        (["epochs"], ["epochs", "name=value"]),
        (["learning_rate=abc"], ["learning_rate=abc", "number"]),
        (["learning_rate=-1"], ["learning_rate=-1"]),
        (["learning_rate=inf"], ["learning_rate=inf"]),
        (["dropout=1.5"], ["dropout=1.5"]),
        (["epochs=2.5"], ["epochs=2.5"]),
        (["epochs='10'"], ["epochs=10"]),
        (["min_melody_length=200", "max_melody_length=128"], ["min_melody_length=200", "max_melody_length=128"]),
        (["optimizer.lr=abc"], ["optimizer.lr=abc"]),
        (["scheduler.factor=2"], ["factor", "got 2"]),
        (["model.memory=7"], ["model.memory=7"]),
        (["trainer.accelerator=abacus"], ["abacus"]),
        (["optimizer._target_=torch.optim.Nothing"], ["torch.optim.Nothing"]),
        (["optimizer.lr=${nothing}"], ["nothing"]),
        (["num_sequences=2"], ["too few to split"]),
        (["min_melody_length=5000"], ["min_melody_length"]),
    ],
    ids=" ".join,
)
def test_bad_input_is_refused_in_one_line(train: Train, tmp_path: Path, overrides: list[str], words: list[str]) -> None:
    run = tmp_path / "run"
    show_refused(train(*TINY, f"output_dir={run}", *overrides), *words)
    show_nothing_written(run)


def test_all_faults_are_named_at_once(train: Train, tmp_path: Path) -> None:
    faults = ["learning_rate=abc", "dropout=1.5", "batch_size=0", "max_melody_length=3", "optimizer.weight_decay=x"]
    ending = train(*TINY, f"output_dir={tmp_path / 'run'}", *faults)
    show_refused(ending, *faults, lines=len(faults))


def test_a_setting_that_the_dataset_does_not_have_is_refused(train: Train, tmp_path: Path) -> None:
    show_refused(train("dataset=folk", "num_sequences=40", f"output_dir={tmp_path}"), "num_sequences", "leave it out")


def test_a_folder_must_be_named_must_exist_and_must_hold_music(train: Train, tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "song.txt").write_text("la la la")
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise" / "broken.mid").write_bytes(b"not midi")
    run = f"output_dir={tmp_path / 'run'}"
    show_refused(train("dataset=files", run), "dataset.corpus.folder")
    show_refused(train("dataset=files", run, f"dataset.corpus.folder={tmp_path / 'none'}"), str(tmp_path / "none"))
    show_refused(train("dataset=files", run, f"dataset.corpus.folder={tmp_path / 'words'}"), ".abc", ".mid")
    show_refused(train("dataset=files", run, f"dataset.corpus.folder={tmp_path / 'noise'}"), "broken.mid")
    show_nothing_written(tmp_path / "run")


def test_a_failed_download_is_reported_with_alternatives(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHROMASONIC_DATA_DIR", str(tmp_path / "data"))
    for variable in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):  # a port on which nobody listens
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    ending = train("dataset=nottingham", f"output_dir={tmp_path / 'run'}")
    show_refused(ending, "CHROMASONIC_DATA_DIR", "synthetic", "folk", "files")
    show_nothing_written(tmp_path / "run")


def test_tunes_with_another_hash_are_refused(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nottingham_directory: Path
) -> None:
    copy = shutil.copytree(nottingham_directory, tmp_path / "data" / "nottingham")
    tunes = copy / "jigs.abc"
    tunes.chmod(0o644)
    content = bytearray(tunes.read_bytes())
    content[1000] ^= 1
    tunes.write_bytes(content)
    monkeypatch.setenv("CHROMASONIC_DATA_DIR", str(tmp_path / "data"))
    show_refused(train("dataset=nottingham", f"output_dir={tmp_path / 'run'}"), str(tunes), "SHA-256", "remove it")
    show_nothing_written(tmp_path / "run")


def test_an_output_folder_that_cannot_be_made_is_refused(train: Train, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    show_refused(train(*TINY, f"output_dir={tmp_path / 'file' / 'run'}"), str(tmp_path / "file"))


@pytest.mark.slow
def test_a_folder_with_a_run_is_not_overwritten(train: Train, copied: Path) -> None:
    before = (copied / "config.yaml").read_bytes()
    show_refused(train(*TINY, f"output_dir={copied}"), f"resume={copied}", "output_dir")
    assert (copied / "config.yaml").read_bytes() == before


def test_resuming_a_missing_run_is_refused(train: Train, tmp_path: Path) -> None:
    show_refused(train(f"resume={tmp_path / 'none'}"), str(tmp_path / "none"), "no run to continue")
    show_nothing_written(tmp_path / "none")


@pytest.mark.slow
def test_resuming_a_complete_or_damaged_run_is_refused(train: Train, copied: Path, tmp_path: Path) -> None:
    show_refused(train(f"resume={copied}"), "complete", "2 of 2")
    show_refused(train(f"resume={copied}", "hidden_size=32"), "hidden_size=32", "cannot take")
    show_refused(train("-m", f"resume={copied}", "epochs=3,4", f"output_dir={tmp_path / 'sweep'}"), "without -m")
    checkpoint = copied / "lstm_checkpoints/melody_lstm_last.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    show_refused(train(f"resume={copied}", "epochs=3"), str(checkpoint))
    shutil.rmtree(copied / "lstm_checkpoints")
    show_refused(train(f"resume={copied}", "epochs=3"), "no checkpoint")


@pytest.mark.slow
def test_a_complete_run_is_resumed_with_more_epochs_and_its_own_settings(train: Train, copied: Path) -> None:
    evaluation = RunLayout(copied).evaluation
    names = ("report.html", "scores.md", "samples.npz", "diagnosis.png", "surprise.html", "surprise_12.svg")
    for name in (*names, "surprises.md", ".report.unfinished-x.html"):
        (evaluation.directory / name).write_text("of an earlier epoch")
    events = RunLayout(copied).evaluation_events / "events.out.tfevents.1"
    events.parent.mkdir()
    events.write_text("of an earlier epoch")
    ending = train(f"resume={copied}", "epochs=3")
    assert ending.code == 0, ending.err
    assert not events.exists()
    assert {path.name for path in evaluation.directory.iterdir()} == {"results.json", "surprises.md"}
    history = TrainingHistory.load(copied / "lstm_checkpoints/melody_lstm_history.json")
    assert history.epoch == [1, 2, 3]
    results = json.loads((copied / "evaluation/results.json").read_text())
    assert results["n_epochs"] == 3
    assert results["best_epoch"] == history.best_epoch
    show_refused(train(f"resume={copied}", "epochs=3"), "complete")


@pytest.mark.slow
def test_no_two_programs_train_in_one_directory(train: Train, finished: Path, tmp_path: Path) -> None:
    run = shutil.copytree(finished, tmp_path / "run")
    before = {path: path.read_bytes() for path in run.rglob("*_checkpoints/*") if path.is_file()}
    with lock_directory(run):
        show_refused(train(f"resume={run}", "epochs=3"), "another program is training in", str(run))
    assert {path: path.read_bytes() for path in before} == before
    assert train(f"resume={run}", "epochs=3").code == 0


@pytest.mark.slow
def test_one_cycle_is_not_resumed_with_other_epochs(train: Train, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert train(*TINY, "scheduler=one_cycle", "logger=none", f"output_dir={run}").code == 0
    show_refused(train(f"resume={run}", "epochs=2"), "OneCycle", "epochs=2")
    assert not (run / "tensorboard").exists()


@pytest.mark.slow
def test_a_loss_that_is_not_finite_ends_the_run(train: Train, tmp_path: Path) -> None:
    run = tmp_path / "run"
    ending = train(*TINY, f"output_dir={run}", "optimizer=sgd", "learning_rate=1e30", "trainer.gradient_clip_val=null")
    show_refused(ending, "epoch 1", "learning rate of 1e+30", "lower learning_rate")
    # The first epoch never ended: the same command can be given again with a better rate.
    assert train(*TINY, f"output_dir={run}").code == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "problem",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
    ids=["gpu", "cpu", "numpy"],
)
def test_a_lack_of_memory_is_reported_in_one_line(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    def exhaust(*_: object) -> None:
        raise problem

    monkeypatch.setattr("chromasonic.melody_generation.training.lightning_module.MelodyModule.training_step", exhaust)
    show_refused(train(*TINY, f"output_dir={tmp_path / 'run'}"), "memory", "batch_size", "hidden_size")


def test_help_lists_all_options_without_heavy_imports() -> None:
    program = (
        "import runpy, sys\n"
        f"sys.argv = [{str(SCRIPT)!r}, '--help']\n"
        "try:\n"
        f"    runpy.run_path({str(SCRIPT)!r}, run_name='__main__')\n"
        "except SystemExit as ending:\n"
        "    assert not ending.code\n"
        "print('heavy:', sorted({'torch', 'music21', 'matplotlib', 'pydantic', 'hydra'} & set(sys.modules)))\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "heavy: []" in ended.stdout
    assert "???" not in ended.stdout
    for text in ("chromasonic train experiment=first_run", "reduce_on_plateau (default)", "learning_rate=0.001"):
        assert text in ended.stdout
    # Every option of every group has its row with a meaning.
    composed = [path for path in (ROOT / "configs").glob("*/*.yaml") if path.parent.name not in {"experiment", "guard"}]
    meanings = {found for path in composed for found in re.findall(r" # (?!@)(.+)$", path.read_text(), re.MULTILINE)}
    assert [
        each for each in meanings - {"no loggers", "the collection, set by each dataset"} if each not in ended.stdout
    ] == []

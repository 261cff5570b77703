"""Pretraining, fine-tuning and distillation with the train command."""

from __future__ import annotations

import json
import runpy
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from chromasonic.app import training_run
from chromasonic.app.pretrained_run import PretrainedSplit
from chromasonic.melody_generation.data.leakage import GuardedSplit
from chromasonic.melody_generation.runs.checkpoint import read_checkpoint
from chromasonic.melody_generation.runs.trained_model import load_model, load_run
from tests.leaking import grams, title_of
from tests.running import ROOT, TINY, Ending, composed, run_script

Train = Callable[..., Ending]
SIZES = (*TINY[1:], "batch_size=8", "logger=none", "callbacks=quiet")


def abc_of(number: int, seed: int, title: str) -> str:
    bars = ["".join(np.random.default_rng((seed, bar)).choice(list("CDEFGABcdefg"), 8)) for bar in range(4)]
    return f"X:{number}\nT:{title}\nM:4/4\nL:1/8\nK:G\n{'|'.join(bars)}|\n"


def named(seed: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list("bcdfgh"), 10))


def write_tunes(folder: Path, seeds: range, first: int = 0) -> Path:
    folder.mkdir(exist_ok=True)
    text = "\n".join(abc_of(seed, seed + first, named(seed)) for seed in seeds)
    (folder / f"tunes{seeds.start}.abc").write_text(text)
    return folder


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two collections, the larger with copies of all tunes of the smaller; and a run that was pretrained on it."""
    folder = tmp_path_factory.mktemp("world")
    write_tunes(folder / "small", range(1, 25))
    write_tunes(folder / "large", range(101, 125))
    text = "\n".join(abc_of(seed, seed, named(1000 + seed)) for seed in range(1, 25))  # copies by other names
    (folder / "large" / "copies.abc").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        guard = ("guard=files", f"guard.corpus.folder={folder / 'small'}")
        data = ("dataset=files", f"dataset.corpus.folder={folder / 'large'}")
        patch.setattr(sys, "argv", ["train.py", *SIZES, *data, *guard, f"output_dir={folder / 'pretrained'}"])
        runpy.run_path(str(ROOT / "scripts/train.py"), run_name="__main__")
    return folder


@pytest.fixture
def fine_tune(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Train:
    """Fine-tunes the pretrained run on the smaller collection, in this process."""

    def run(*overrides: str) -> Ending:
        data = ("dataset=files", f"dataset.corpus.folder={world / 'small'}", f"init_from={world / 'pretrained'}")
        place = f"output_dir={tmp_path / 'tuned'}"
        return run_script(*SIZES, *data, place, *overrides, capture=capsys, patch=monkeypatch)

    return run


@pytest.mark.slow
def test_tunes_left_out_are_listed_and_the_checkpoint_names_the_split(world: Path, tmp_path: Path) -> None:
    split = json.loads((world / "pretrained/split.json").read_text())
    guard, n_train = split["guard"], len(split["train"]) + len(split["validation"]) + len(split["test"])
    assert len(guard["left_out"]) == sum(guard["counts"].values()) > 0
    assert n_train + len(guard["left_out"]) == 48
    # All that was left out is a copy of a held-out tune, and every held-out tune had one copy.
    assert all(each["source"].startswith("copies.abc") for each in guard["left_out"])
    with composed("dataset=files", f"dataset.corpus.folder={world / 'small'}", directory=tmp_path) as config:
        target = training_run.build_data(config)
    target.setup()
    held_out = [melody.source for side in ("validation", "test") for melody in target.melodies[side]]
    assert sorted(each["with"]["source"] for each in guard["left_out"]) == sorted(held_out)
    assert {each["with"]["side"] for each in guard["left_out"]} == {"validation", "test"}
    lineage = read_checkpoint(world / "pretrained").metadata.lineage
    assert lineage.guard == GuardedSplit.from_dict(guard)
    assert lineage.unseen == (split["hash"], guard["hash"])


@pytest.mark.slow
def test_fine_tuning_starts_from_the_weights_and_records_the_model(
    fine_tune: Train, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = fine_tune("learning_rate=1e-12", "dropout=0.5", "optimizer.weight_decay=0.0", "epochs=2")
    assert ended.code == 0, ended.err
    before, after = (load_model(path).network.state_dict() for path in (world / "pretrained", tmp_path / "tuned"))
    assert all(torch.allclose(after[name], value, atol=1e-6) for name, value in before.items())
    results = json.loads((tmp_path / "tuned/evaluation/results.json").read_text())
    assert results["hash"] in read_checkpoint(world / "pretrained").metadata.lineage.unseen
    assert results["configuration"]["init_from"] == results["pretrained"]
    assert results["pretrained"].startswith("lstm on files (")

    # Gone on with later, also where what it began with is gone.
    shutil.rmtree(tmp_path / "tuned/evaluation")
    saved = (tmp_path / "tuned/config.yaml").read_text()
    (tmp_path / "tuned/config.yaml").write_text(saved.replace(str(world / "pretrained"), "gone"))
    resume = [f"resume={tmp_path / 'tuned'}", "epochs=3"]
    ended = run_script(*resume, capture=capsys, patch=monkeypatch)
    assert "add trust_paths=true" in ended.err  # the configuration has been changed by hand
    ended = run_script(*resume, "trust_paths=true", capture=capsys, patch=monkeypatch)
    assert ended.code == 0, ended.err
    assert json.loads((tmp_path / "tuned/evaluation/results.json").read_text())["pretrained"] == results["pretrained"]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["dataset.split_seed=1"], ["guarded against split", "split_seed"]),
        (["hidden_size=24"], ["hidden_size=16", "hidden_size=24"]),
        (["model=transformer"], ["lstm", "transformer"]),
        (["init_from=nowhere"], ["init_from=nowhere", "name a run"]),
    ],
)
def test_a_model_that_does_not_fit_is_refused_and_nothing_is_written(
    fine_tune: Train, tmp_path: Path, overrides: list[str], words: list[str]
) -> None:
    ended = fine_tune(*overrides)
    assert ended.code == 1
    assert len(ended.err.strip().splitlines()) == 1, ended.err
    for word in words:
        assert word in ended.err
    assert not list((tmp_path / "tuned").glob("*_checkpoints"))


def tunes_and_sides(node: DictConfig) -> dict[Any, Any]:
    """Return the settings that choose the tunes and their sides."""
    values = OmegaConf.to_container(node, resolve=True)
    assert isinstance(values, dict)
    return {name: value for name, value in values.items() if name != "batch_size"}


@pytest.mark.parametrize("kind", ["", "_transformer"])
def test_pretraining_experiments_are_guarded_against_the_split_of_fine_tuning(tmp_path: Path, kind: str) -> None:
    with composed(f"experiment=folk_pretrain{kind}", directory=tmp_path) as before:
        guard = tunes_and_sides(before.guard)
    for experiment in ("nottingham_finetune", "nottingham_distilled"):
        with composed(f"experiment={experiment}{kind}", directory=tmp_path) as after:
            assert tunes_and_sides(after.dataset) == guard
            assert after.min_melody_length == before.min_melody_length


@pytest.mark.slow
@pytest.mark.usefixtures("nottingham_directory")
def test_no_pretraining_tune_resembles_a_held_out_tune(tmp_path: Path) -> None:
    """Checked without the guard's code: sequences of intervals, and titles of three words or more, in plain Python."""
    with composed("experiment=folk_pretrain", "dataset.corpus.essen=false", directory=tmp_path) as config:
        pretraining = training_run.build_data(config)
    with composed("experiment=nottingham_finetune", directory=tmp_path) as config:
        target = training_run.build_data(config)
    for data in (pretraining, target):
        data.setup()
    held_out = [melody for side in ("validation", "test") for melody in target.melodies[side]]
    learned = [melody for side in pretraining.melodies.values() for melody in side]
    assert len(learned) > 3_000
    assert {"oneills", "airds", "ryans", "nottingham"} <= {melody.corpus for melody in learned}
    known = set().union(*map(grams, held_out))
    assert all(known.isdisjoint(grams(melody)) for melody in learned)
    titles = {title_of(melody) for melody in held_out}
    same = {title_of(melody) for melody in learned} & titles
    assert not [title for title in same if len(title.split()) > 2]  # "spanish dance" tells no two tunes apart
    assert pretraining.guarded is not None
    assert pretraining.guarded.split.hash == target.manifest()["hash"]


@pytest.mark.parametrize(
    ("overrides", "asked_for"),
    [
        (["experiment=nottingham_finetune"], "init_from=a run of experiment=folk_pretrain: "),
        (["experiment=nottingham_finetune_transformer"], "init_from=a run of experiment=folk_pretrain_transformer: "),
        (["experiment=nottingham_distilled"], "init_from=a run of experiment=folk_pretrain: "),
        (["experiment=nottingham_distilled_transformer", "init_from=."], "teacher=a mixture of runs: "),
    ],
)
def test_an_experiment_that_needs_another_run_asks_for_it(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    overrides: list[str],
    asked_for: str,
) -> None:
    ended = run_script(*overrides, f"output_dir={tmp_path / 'run'}", capture=capsys, patch=monkeypatch)
    assert ended.code == 1
    assert ended.err.startswith(asked_for), ended.err


@pytest.fixture
def small(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Train:
    """Trains on the smaller collection, in this process, in the folder of the first argument."""

    def run(name: str, *overrides: str) -> Ending:
        data = ("dataset=files", f"dataset.corpus.folder={world / 'small'}")
        place = f"output_dir={tmp_path / name}"
        sizes = SIZES if "model=markov" not in overrides else ("epochs=1", "logger=none", "callbacks=quiet")
        return run_script(*sizes, *data, place, *overrides, capture=capsys, patch=monkeypatch)

    return run


def weights(run: Path) -> dict[str, torch.Tensor]:
    return dict(load_model(next(run.glob("*_checkpoints/*_last.pt"))).network.state_dict())


@pytest.mark.slow
def test_a_run_is_distilled_from_another_and_resumed_with_the_same_teacher(
    small: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = tmp_path / "teacher"
    assert small("teacher", "hidden_size=24", "epochs=1").code == 0
    distilled = ("dropout=0.5", f"teacher={teacher}", "distillation_weight=0.9")
    ended = small("whole", *distilled, "epochs=2")
    assert ended.code == 0, ended.err
    assert "distilled from lstm on files (" in ended.out
    assert "with a weight of 0.9" in ended.out
    results = json.loads((tmp_path / "whole/evaluation/results.json").read_text())
    assert results["taught_by"] == results["configuration"]["teacher"]
    assert results["taught_by"].startswith("lstm on files (")
    assert "pretrained" not in results

    assert small("stopped", *distilled, "epochs=1").code == 0
    assert small("less", *distilled[:2], "distillation_weight=0.1", "epochs=1").code == 0
    less, more = weights(tmp_path / "less"), weights(tmp_path / "stopped")
    assert any(not torch.equal(value, more[name]) for name, value in less.items())
    resumed = run_script(f"resume={tmp_path / 'stopped'}", "epochs=2", capture=capsys, patch=monkeypatch)
    assert resumed.code == 0, resumed.err
    whole, stopped = weights(tmp_path / "whole"), weights(tmp_path / "stopped")
    assert all(torch.equal(stopped[name], value) for name, value in whole.items())

    # Another teacher in its place, and none at all.
    shutil.rmtree(teacher)
    assert small("teacher", "model=markov").code == 0
    other = run_script(f"resume={tmp_path / 'stopped'}", "epochs=3", capture=capsys, patch=monkeypatch)
    assert (other.code, len(other.err.strip().splitlines())) == (1, 1)
    assert "not the model that the run was distilled from" in other.err
    shutil.rmtree(teacher)
    gone = run_script(f"resume={tmp_path / 'stopped'}", "epochs=3", capture=capsys, patch=monkeypatch)
    assert (gone.code, len(gone.err.strip().splitlines())) == (1, 1)
    assert gone.err.startswith(f"teacher={teacher}: ")


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["teacher={pretrained}", "dataset.split_seed=1"], "teacher: that model may have seen"),
        (["teacher={pretrained}", "model=markov"], "teacher is for models trained by gradient descent"),
        (["teacher=nowhere"], "teacher=nowhere: there is no"),
        (["teacher={pretrained}", "distillation_weight=0"], "distillation_weight=0"),
    ],
)
def test_an_unsuitable_teacher_is_refused_in_one_sentence(
    small: Train, world: Path, tmp_path: Path, overrides: list[str], says: str
) -> None:
    ended = small("distilled", *(each.format(pretrained=world / "pretrained") for each in overrides))
    assert (ended.code, len(ended.err.strip().splitlines())) == (1, 1), ended.err
    assert ended.err.startswith(says), ended.err
    assert not list((tmp_path / "distilled").glob("*_checkpoints"))


@pytest.mark.slow
def test_a_run_from_the_shipped_model_is_scored_on_tunes_that_are_new_to_it(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    learned = list(load_run(world / "pretrained").tunes["train"][::2])
    monkeypatch.setattr(
        training_run, "pretrained_split", lambda: PretrainedSplit({"train": learned, "validation": []}, {})
    )
    data = (
        "dataset=files",
        f"dataset.corpus.folder={world / 'large'}",
        "init_from=pretrained",
        f"output_dir={tmp_path}",
    )
    ended = run_script(*data, *SIZES[len(TINY) - 1 :], "epochs=1", capture=capsys, patch=monkeypatch)
    assert ended.code == 0, ended.err
    split = json.loads((tmp_path / "split.json").read_text())
    held_out = {tune["title"] for side in ("validation", "test") for tune in split[side]}
    assert held_out
    assert split["seen"]
    assert not held_out & {melody.title for melody in learned}
    assert {tune["with"]["title"] for tune in split["seen"]} <= {melody.title for melody in learned}
    assert f"left out {len(split['seen'])} validation and test tunes that resemble tunes" in " ".join(ended.out.split())
    metadata = read_checkpoint(tmp_path).metadata
    assert metadata.lineage.unseen == (split["hash"],)
    assert metadata.lineage.pretrained.startswith("lstm on folk (")
    assert "O'Neill's Music of Ireland (1903)" in [source.title for source in metadata.lineage.sources]

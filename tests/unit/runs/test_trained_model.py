"""A run directory is read completely, or refused in a sentence that names the fault."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.global_state import changes, global_state
from tests.in_threads import call_in_thread
from tests.small_networks import small_lstm, walks

from chromasonic.melody_generation.atomic_files import write_json
from chromasonic.melody_generation.data.splits import test_set_hash as hash_of
from chromasonic.melody_generation.data_loader import DividedMelodies
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.measures.calibration import Calibration, fit_if_enough
from chromasonic.melody_generation.runs.layout import RunLayout, SweepLayout
from chromasonic.melody_generation.runs.model_metadata import ModelMetadata
from chromasonic.melody_generation.runs.split_tunes import load_split_tunes, save_split_tunes
from chromasonic.melody_generation.runs.sweep import failed_jobs, find_runs
from chromasonic.melody_generation.runs.trained_model import load_model, load_run, load_source_model
from chromasonic.melody_generation.runs.training_record import read_results
from chromasonic.melody_generation.training.fit import fit, run_callbacks
from chromasonic.melody_generation.training.lightning_module import module_for

WALKS = walks(30)
SIDES = {"train": tuple(WALKS[:20]), "validation": tuple(WALKS[20:25]), "test": tuple(WALKS[25:])}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one epoch; no test changes it."""
    import lightning as L

    directory = tmp_path_factory.mktemp("runs") / "0_lstm"
    files = RunLayout(directory).checkpoints_of("lstm")
    metadata = ModelMetadata(
        model="my_lstm", test_set_hash=hash_of(SIDES["test"]), calibration=fit_if_enough(SIDES["train"])
    )
    trainer = L.Trainer(
        max_epochs=1,
        logger=False,
        callbacks=run_callbacks(files, metadata),
        enable_progress_bar=False,
        accelerator="cpu",
    )
    fit(module_for(small_lstm()), DividedMelodies(SIDES["train"], SIDES["validation"], 8, 0), trainer, files)
    save_split_tunes(RunLayout(directory).tunes, SIDES)
    return directory


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of the run that a test may damage."""
    return Path(shutil.copytree(finished, tmp_path / finished.name))


def test_a_run_directory_may_be_called_like_a_checkpoint(run: Path) -> None:
    directory = run.rename(run.with_suffix(".pt"))
    model = load_model(directory)
    assert (model.directory, model.tunes["test"]) == (directory, SIDES["test"])


@pytest.mark.parametrize("name", ["nothing", "nothing.pt"])
def test_a_path_that_names_nothing_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=name):
        load_model(tmp_path / name)


def test_reading_a_model_loads_no_compiler(finished: Path) -> None:
    code = f"import sys, torch\nfrom chromasonic import load_model\nload_model({str(finished)!r})\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(run.stdout.split())
    assert "torch" in loaded
    assert not loaded & {"torch._dynamo", "sympy", "lightning", "matplotlib"}


def test_a_run_is_read_with_its_tunes_weights_and_calibration(finished: Path) -> None:
    model = load_run(finished)
    best = torch.load(finished / "lstm_checkpoints/melody_lstm_best.pt", weights_only=True)
    assert model.tunes == SIDES
    assert model.name == "my_lstm"
    assert model.is_finished
    assert model.calibration is not None
    assert model.calibration.to_dict() == Calibration.fit(SIDES["train"]).to_dict()
    for name, weight in model.network.state_dict().items():
        assert torch.equal(weight, best["model_state_dict"][name])


def test_the_digest_changes_with_the_best_checkpoint(run: Path) -> None:
    before = load_run(run)
    assert load_run(run).digest == before.digest
    best = run / "lstm_checkpoints/melody_lstm_best.pt"
    torch.save(torch.load(best, weights_only=True) | {"epoch": 2}, best)
    (run / "lstm_checkpoints/melody_lstm_final.pt").unlink()
    after = load_run(run)
    assert after.digest != before.digest
    assert not after.is_finished


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (shutil.rmtree, "no run|no folder"),
        (lambda run: shutil.rmtree(run / "lstm_checkpoints"), "lstm_checkpoints|checkpoint"),
        (lambda run: (run / "lstm_checkpoints/melody_lstm_best.pt").unlink(), "melody_lstm_best.pt|checkpoint"),
        (lambda run: (run / "lstm_checkpoints/melody_lstm_best.pt").write_bytes(b"junk"), "melody_lstm_best.pt"),
        (lambda run: (RunLayout(run).tunes).unlink(), "tunes.npz cannot be read"),
        (lambda run: (RunLayout(run).tunes).write_bytes(b"junk"), "tunes.npz is damaged"),
        (lambda run: save_split_tunes(RunLayout(run).tunes, {"train": WALKS}), "it has no validation tunes"),
        (
            lambda run: save_split_tunes(RunLayout(run).tunes, SIDES | {"test": WALKS[:5]}),
            "one of the two is from another run",
        ),
    ],
    ids=["no run", "no checkpoints", "no best", "damaged best", "no tunes", "damaged tunes", "no side", "other tunes"],
)
def test_a_broken_run_is_refused(run: Path, break_it: object, message: str) -> None:
    break_it(run)  # type: ignore[operator]
    with pytest.raises(InputError, match=message):
        load_run(run)


def test_saved_tunes_are_loaded_by_side(tmp_path: Path) -> None:
    save_split_tunes(tmp_path / "tunes.npz", SIDES | {"test": ()})
    assert load_split_tunes(tmp_path / "tunes.npz") == SIDES | {"test": ()}


@pytest.mark.parametrize("sides", [{"train": 31}, {"train": 40, "test": -10}, {"train": "many"}, [30], None])
def test_sides_that_do_not_add_up_are_refused(tmp_path: Path, sides: object) -> None:
    from chromasonic.melody_generation.corpora.packing import pack_melodies

    (tmp_path / "tunes.npz").write_bytes(pack_melodies(WALKS, {"sides": sides}))
    with pytest.raises(InputError, match=r"tunes.npz is damaged"):
        load_split_tunes(tmp_path / "tunes.npz")


def test_missing_results_are_empty_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    assert read_results(tmp_path) == {}
    write_json(tmp_path / "evaluation/results.json", {"a": 1})
    assert read_results(tmp_path) == {"a": 1}
    for damaged in ("{", "[1]", "[" * 100_000):
        (tmp_path / "evaluation/results.json").write_text(damaged)
        with pytest.raises(InputError, match="evaluate the run again"):
            read_results(tmp_path)


def test_runs_of_a_sweep_are_in_the_order_of_its_jobs(tmp_path: Path) -> None:
    for name in ("10_lstm", "2_ppm", "0_lstm", "extra"):
        (tmp_path / name / "x_checkpoints").mkdir(parents=True)
    (tmp_path / "comparison_results").mkdir()
    assert [run.name for run in find_runs(tmp_path)] == ["0_lstm", "2_ppm", "10_lstm", "extra"]
    assert find_runs(tmp_path / "2_ppm") == [tmp_path / "2_ppm"]


def test_a_folder_that_holds_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no run and holds none"):
        find_runs(tmp_path)
    with pytest.raises(InputError, match="there is no folder"):
        find_runs(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"several are written runs=\[a,b\]"):
        find_runs("a,b")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file"):
        find_runs(tmp_path / "file")


def test_a_sweep_is_refused_as_a_run(finished: Path) -> None:
    with pytest.raises(InputError, match=r"holds several runs: name one of them, or compare them"):
        load_run(finished.parent)


def test_failed_jobs_are_read_from_their_records(tmp_path: Path) -> None:
    assert failed_jobs(tmp_path) == {}
    write_json(SweepLayout(tmp_path).jobs / "0_lstm.json", {"status": "completed", "reason": ""})
    write_json(SweepLayout(tmp_path).jobs / "1_ppm.json", {"status": "failed", "reason": "no memory"})
    assert failed_jobs(tmp_path) == {"1_ppm": "no memory"}
    # A failed job that was later resumed to its end is not listed.
    final = tmp_path / "1_ppm/ppm_checkpoints/melody_ppm_final.pt"
    final.parent.mkdir(parents=True)
    final.touch()
    assert find_runs(tmp_path) == [tmp_path / "1_ppm"]
    assert failed_jobs(tmp_path) == {}
    write_json(SweepLayout(tmp_path).jobs / "1_ppm.json", {"status": "failed", "reason": "no memory"})
    assert failed_jobs(tmp_path) == {"1_ppm": "no memory"}
    assert find_runs(tmp_path) == []
    for damaged in ("{", json.dumps([]), json.dumps({"status": "failed"})):
        (SweepLayout(tmp_path).jobs / "0_lstm.json").write_text(damaged)
        with pytest.raises(InputError, match=r"0_lstm\.json (is no record of a job|cannot be read|holds no values)"):
            failed_jobs(tmp_path)


def test_loading_changes_nothing_that_threads_share(finished: Path) -> None:
    state = global_state()
    models = [load_model(finished), load_run(finished), call_in_thread(lambda: load_model(finished))]
    assert changes(state) == []
    weights = [model.network.state_dict() for model in models]
    assert all(torch.equal(weights[0][name], other[name]) for other in weights[1:] for name in other)


def test_loading_a_model_to_learn_from_draws_the_numbers_of_new_weights(finished: Path) -> None:
    torch.manual_seed(1)
    small_lstm()
    expected = torch.get_rng_state()
    torch.manual_seed(1)
    load_source_model(finished)
    assert torch.equal(torch.get_rng_state(), expected)

"""A sweep ends with the comparison of its jobs, also when one of them failed, and is resumed where it was stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # type: ignore[import-untyped]

from tests.running import SHORT, TINY, Ending, run_script

pytestmark = pytest.mark.slow

Train = Callable[..., Ending]
FEW = ("hydra.callbacks.comparison.n_samples=2", "hydra.callbacks.comparison.max_notes=24")


@pytest.fixture
def train(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Train:
    """Return a function that runs the training script in this process."""

    def run(*overrides: str) -> Ending:
        return run_script(*overrides, capture=capsys, patch=monkeypatch)

    return run


def comparison_of(sweep: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((sweep / "comparison_results/model_comparison.json").read_text())
    return found


@pytest.mark.usefixtures("drawn")
def test_a_sweep_with_a_failed_job_compares_the_others(train: Train, tmp_path: Path) -> None:
    sweep = tmp_path / "sweep"
    # The transformer's width must be a multiple of its four heads.
    ended = train("-m", "model=transformer,lstm", *TINY, "hidden_size=18", *FEW, f"output_dir={sweep}")
    assert ended.code == 1
    assert "Traceback" not in ended.err
    assert "num_heads" in ended.err
    jobs = ["0_transformer", "1_lstm"]
    assert sorted(path.name for path in sweep.iterdir() if path.is_dir()) == [*jobs, "comparison_results"]
    complete = {path.parent.parent.name for path in sweep.glob("*/evaluation/results.json")}
    assert complete == {"1_lstm"}
    assert {path.name for path in (sweep / "0_transformer").iterdir()} <= {".hydra"}

    results = comparison_of(sweep)
    assert results["models"].keys() == {"lstm"}  # type: ignore[attr-defined]
    assert results["failures"].keys() == {"0_transformer"}  # type: ignore[attr-defined]
    table = (sweep / "comparison_results/model_comparison.md").read_text()
    assert "| 0_transformer | failed |" in table
    assert "0_transformer is not compared: " in table
    assert "num_heads" in table
    assert "0_transformer" in ended.out
    assert (sweep / "comparison_results/model_comparison.png").stat().st_size > 20_000
    for run in complete:
        assert json.loads((sweep / run / "evaluation/results.json").read_text())["samples"]["n_samples"] == 2

    events = EventAccumulator(str(sweep / "comparison_results/tensorboard"))
    events.Reload()
    assert events.Tags()["images"] == ["comparison as a figure"]
    scores = EventAccumulator(str(sweep / "1_lstm/tensorboard/evaluation"))
    scores.Reload()
    assert "evaluation/typicality" in scores.Tags()["scalars"]


def test_a_sweep_over_seeds_shows_their_mean_and_spread_and_repeats_nothing(train: Train, tmp_path: Path) -> None:
    sweep = ("-m", "seed=1,2", "model=lstm", *TINY, "logger=none", *FEW, f"output_dir={tmp_path}")
    ended = train(*sweep)
    assert ended.code == 0, ended.err
    models = comparison_of(tmp_path)["models"]
    assert models.keys() == {"lstm"}  # type: ignore[attr-defined]
    lstm = models["lstm"]  # type: ignore[index]
    assert (lstm["n_runs"], lstm["seeds"]) == (2, [1, 2])
    assert lstm["spread"]["bits_per_note"] > 0
    assert lstm["scores"]["bits_per_note"]["low"] < lstm["perplexity"]
    assert "lstm (2 seeds)" in ended.out
    assert "±" in ended.out

    files = [tmp_path / "0_lstm" / name for name in ("metrics.csv", "lstm_checkpoints/melody_lstm_best.pt")]
    before = [(file.read_bytes(), file.stat().st_mtime_ns) for file in files]
    ended = train(*sweep)
    assert ended.code == 0, ended.err
    assert ended.out.count("complete already") == 2
    assert [(file.read_bytes(), file.stat().st_mtime_ns) for file in files] == before


def test_a_sweep_of_other_settings_in_the_same_folder_is_refused(train: Train, tmp_path: Path) -> None:
    sweep = ("-m", "model=markov", *SHORT, "logger=none", *FEW, f"output_dir={tmp_path}")
    assert train(*sweep).code == 0
    counted = tmp_path / "0_markov/markov_checkpoints/melody_markov_best.pt"
    before = counted.stat().st_mtime_ns
    assert "complete already" in train(*sweep).out
    assert counted.stat().st_mtime_ns == before
    ended = train(*sweep, "model.order=3")
    assert ended.code == 1
    assert "0_markov" in ended.err


def test_a_sweep_over_datasets_has_no_comparison(train: Train, tmp_path: Path) -> None:
    ended = train("-m", "model=markov", "dataset.split_seed=0,5", *SHORT, "logger=none", *FEW, f"output_dir={tmp_path}")
    assert ended.code == 0, ended.err
    assert "no comparison: scores of different test tunes cannot be compared" in ended.out
    assert "0_markov" in ended.out
    assert not list((tmp_path / "comparison_results").glob("model_comparison.*"))


def test_a_run_that_cannot_be_evaluated_leaves_the_comparison_of_the_others(train: Train, tmp_path: Path) -> None:
    """A network of the user's own is trained, but nothing can rebuild it from its checkpoint."""
    networks = "chromasonic.melody_generation.networks.lstm.LSTMNetwork,tests.small_networks.OwnNetwork"
    few = (*TINY, "logger=none", *FEW, f"output_dir={tmp_path}")
    ended = train("-m", f"model._target_={networks}", *few)
    assert ended.code == 1
    assert "Traceback" not in ended.err
    assert "1_lstm was trained but cannot be evaluated: " in ended.err
    results = comparison_of(tmp_path)
    assert results["models"].keys() == {"lstm"}  # type: ignore[attr-defined]
    assert results["failures"].keys() == {"1_lstm"}  # type: ignore[attr-defined]


def test_a_single_run_is_not_compared(train: Train, tmp_path: Path) -> None:
    assert train("model=markov", *SHORT, "logger=none", f"output_dir={tmp_path / 'run'}").code == 0
    assert not list(tmp_path.rglob("comparison_results"))

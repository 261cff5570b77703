"""The Python examples of README.md and docs/ run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from chromasonic.melody_generation.networks.lstm import LSTMNetwork
from chromasonic.melody_generation.training import ModelTrainer, create_training_data
from tests.docs.markdown_files import README, ROOT, code_blocks

pytestmark = pytest.mark.usefixtures("short_samples")
DOCS = ROOT / "docs"


def shortened(code: str, **changes: str) -> str:
    """Return code with arguments replaced, each of which it must contain."""
    for old, new in changes.items():
        before = code
        code = code.replace(f"{old}={new.split('->')[0]}", f"{old}={new.split('->')[1]}")
        assert code != before, old
    return code


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def trained_lstm(folder: Path) -> None:
    """A small run, and its best checkpoint alone."""
    train, test = create_training_data(num_sequences=12)
    for directory in ("outputs/run/lstm_checkpoints", "production"):
        network = LSTMNetwork(hidden_size=8, num_layers=1)
        ModelTrainer(network, "melody_lstm").train(
            train, test, epochs=1, checkpoint_dir=folder / directory, show_progress=False
        )


def test_the_example_of_the_readme_trains_scores_and_generates(capsys: pytest.CaptureFixture[str]) -> None:
    [example] = code_blocks(README, "python")
    exec(shortened(example, num_sequences="200->20", epochs="10->2", n_samples="20->3"), {})
    best_epoch, *_ = capsys.readouterr().out.splitlines()[-2].split()
    assert best_epoch in {"1", "2"}
    assert len(list(Path("melodies").glob("jig_*.mid"))) == 4


@pytest.mark.usefixtures("drawn")
def test_the_example_of_extending_trains_and_those_of_the_run_directory_read_it() -> None:
    [training] = code_blocks(DOCS / "extending.md", "python")
    names: dict[str, object] = {}
    exec(shortened(training, num_sequences="200->20", epochs="100->2"), names)
    assert Path("learning_curves.png").stat().st_size > 10_000
    Path("learning_curves.png").unlink()
    reading, history = code_blocks(DOCS / "run-directory.md", "python")
    exec(reading, names)
    assert names["checkpoint"]["epoch"] in (1, 2)  # type: ignore[index]
    exec(history, names)
    assert Path("learning_curves.png").is_file()


@pytest.mark.usefixtures("drawn")
def test_the_example_of_evaluation_writes_scores_and_a_comparison() -> None:
    _, example = code_blocks(DOCS / "evaluation.md", "python")
    names: dict[str, object] = {}
    exec(shortened(example, num_sequences="200->20", n_samples="20->3"), names)
    assert Path("test_results/results.json").is_file()
    assert Path("comparison/model_comparison.png").stat().st_size > 10_000


@pytest.mark.slow
@pytest.mark.usefixtures("nottingham_directory")
def test_the_example_of_judging_scores_a_scale(capsys: pytest.CaptureFixture[str]) -> None:
    judging, _ = code_blocks(DOCS / "evaluation.md", "python")
    exec(judging, {})
    assert "'value': 0.0" in capsys.readouterr().out


@pytest.mark.usefixtures("trained_lstm")
def test_the_example_of_generation_loads_a_run_and_a_checkpoint() -> None:
    [example] = code_blocks(DOCS / "generation.md", "python")
    exec(shortened(example.replace("outputs/<run>", "outputs/run"), count="16->2, bars=2"), {})
    assert sorted(path.name for path in Path("melodies").iterdir()) == [
        f"jig_0{number}.{ending}" for number in (1, 2) for ending in ("abc", "mid")
    ]
    assert torch.is_grad_enabled()


def test_the_examples_of_chords_harmonise_a_melody_and_learn_from_tunes(capsys: pytest.CaptureFixture[str]) -> None:
    harmonising, learning = code_blocks(DOCS / "harmony.md", "python")
    exec(harmonising, {})
    assert "[(0, 7, 'major'), (96, 2, '7'), (192, 7, 'major')]" in capsys.readouterr().out
    assert '"D7"' in Path("outputs/chords/tune.abc").read_text()
    Path("my_tunes").mkdir()
    Path("my_tunes/tune.abc").write_text('X:1\nM:4/4\nL:1/4\nK:C\n"C"CEGE|"F"FAcA|"C"cGEG|"G7"DB,"C"C2|\n')
    names: dict[str, object] = {}
    exec(learning, names)
    chords = names["with_my_chords"].chords  # type: ignore[attr-defined]
    assert [chord.root for chord in chords][:3] == [0, 5, 0]

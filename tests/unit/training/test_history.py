import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.training.history import SERIES, TrainingHistory

numbers = st.floats(-1e6, 1e6) | st.just(math.nan)
LISTS = ("epoch", *SERIES)


def history_of(val_losses: list[float]) -> TrainingHistory:
    history = TrainingHistory()
    for loss in val_losses:
        history.append(train_loss=1.0, val_loss=loss, train_accuracy=0.5, val_accuracy=0.25, learning_rate=0.001)
    return history


@st.composite
def histories(draw: st.DrawFn) -> TrainingHistory:
    n = draw(st.integers(0, 12))
    columns = [draw(st.lists(numbers, min_size=n, max_size=n)) for _ in SERIES]
    return TrainingHistory(list(range(1, n + 1)), *columns)


def same(first: TrainingHistory, second: TrainingHistory) -> bool:
    """Equal, where NaN equals NaN."""
    return all(repr(getattr(first, name)) == repr(getattr(second, name)) for name in LISTS)


def test_append_counts_epochs_from_1() -> None:
    history = history_of([3.0, 2.0])
    assert history.epoch == [1, 2]
    assert len(history) == 2
    assert (history.train_loss, history.val_loss) == ([1.0, 1.0], [3.0, 2.0])
    assert (history.train_accuracy, history.val_accuracy) == ([0.5, 0.5], [0.25, 0.25])
    assert history.learning_rate == [0.001, 0.001]


def test_histories_do_not_share_their_lists() -> None:
    history_of([1.0])
    assert TrainingHistory().epoch == []


@pytest.mark.parametrize(
    ("losses", "epoch", "loss"),
    [
        ([], None, None),
        ([3.0, 1.0, 2.0], 2, 1.0),
        ([3.0, 1.0, 1.0], 2, 1.0),
        ([math.nan, 2.0], 2, 2.0),
        ([2.0, -math.inf, math.nan], 1, 2.0),
        ([math.nan], None, None),
    ],
)
def test_the_best_epoch_has_the_lowest_finite_loss_first(
    losses: list[float], epoch: int | None, loss: float | None
) -> None:
    history = history_of(losses)
    assert history.best_epoch == epoch
    assert history.best_val_loss == loss


def test_the_gap_is_training_minus_validation_loss() -> None:
    assert history_of([3.0, 0.5]).generalisation_gap == [-2.0, 0.5]


@given(histories())
def test_a_saved_history_is_loaded_unchanged(
    tmp_path_factory: pytest.TempPathFactory, history: TrainingHistory
) -> None:
    path = tmp_path_factory.mktemp("run") / "checkpoints" / "melody_lstm_history.json"
    history.save(path)
    assert same(TrainingHistory.load(path), history)
    assert same(TrainingHistory.from_dict(history.to_dict()), history)


def test_the_file_has_the_documented_keys_and_no_nan(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    history_of([3.0, 2.0, math.nan, math.inf]).save(path)

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    values = json.loads(path.read_text(), parse_constant=refuse)
    assert set(values) == {*LISTS, "best_epoch", "best_val_loss"}
    assert values["epoch"] == [1, 2, 3, 4]
    assert values["val_loss"] == [3.0, 2.0, None, None]
    assert (values["best_epoch"], values["best_val_loss"]) == (2, 2.0)


def test_a_loaded_history_is_continued() -> None:
    history = TrainingHistory.from_dict(history_of([3.0, 2.0]).to_dict())
    history.append(train_loss=1.0, val_loss=1.0, train_accuracy=0.0, val_accuracy=0.0, learning_rate=0.1)
    assert history.epoch == [1, 2, 3]
    assert history.best_epoch == 3


def test_loaded_histories_do_not_share_lists() -> None:
    values = history_of([3.0]).to_dict()
    history = TrainingHistory.from_dict(values)
    history.append(train_loss=1.0, val_loss=1.0, train_accuracy=0.0, val_accuracy=0.0, learning_rate=0.1)
    assert values["epoch"] == [1]
    assert values["val_loss"] == [3.0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"val_loss": [1.0]}, "differ in length .*epoch 2.*val_loss 1"),
        ({"val_loss": None}, "no list val_loss"),
        ({"val_loss": {"1": 2.0}}, "no list val_loss"),
        ({"train_loss": [1.0, "2"]}, "train_loss holds '2'"),
        ({"train_loss": [1.0, True]}, "train_loss holds True"),
        ({"learning_rate": [1.0, math.nan]}, "learning_rate holds nan"),
        ({"learning_rate": [1.0, math.inf]}, "learning_rate holds inf"),
        ({"epoch": [1, 1]}, "ascending"),
        ({"epoch": [0, 1]}, "ascending"),
        ({"epoch": [1.0, 2.0]}, "whole numbers"),
    ],
)
def test_a_damaged_history_is_refused_with_the_reason(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    values = history_of([3.0, 2.0]).to_dict() | change
    with pytest.raises(ValueError, match=says):
        TrainingHistory.from_dict(values)
    path = tmp_path / "history.json"
    path.write_text(json.dumps(values))
    with pytest.raises(InputError, match=rf"history\.json is no training history \(.*({says}|no finite number)"):
        TrainingHistory.load(path)


@pytest.mark.parametrize("content", [b"", b'{"epoch": [1', b"[1, 2]", b"{}", b"\xff\xfe", b"null"])
def test_another_file_is_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "foreign.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"foreign\.json is no training history") as caught:
        TrainingHistory.load(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json cannot be read: no such file"):
        TrainingHistory.load(tmp_path / "none.json")
    with pytest.raises(InputError, match="cannot be read: is a directory"):
        TrainingHistory.load(tmp_path)


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        TrainingHistory(epoch=[1])


@pytest.mark.usefixtures("drawn")
def test_curves_are_drawn_and_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "curves.png"
    figure = history_of([3.0, 2.0]).plot_curves(path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [each.name for each in path.parent.iterdir()] == ["curves.png"]
    assert len(figure.axes) == 4
    assert len(TrainingHistory().plot_curves().axes) == 0


def test_reading_a_history_imports_neither_matplotlib_nor_torch() -> None:
    program = (
        "import sys\n"
        "from chromasonic.melody_generation.training.history import TrainingHistory\n"
        "print(sorted({'matplotlib', 'torch', 'lightning'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"

import io
from types import SimpleNamespace
from typing import Any

import lightning as L
import pytest
import torch
from torch import nn

from chromasonic.melody_generation.printing.terminal_output import Terminal
from chromasonic.melody_generation.training.lightning_module import MelodyModule
from chromasonic.melody_generation.training.progress import EpochProgress

MODULE = MelodyModule(nn.Linear(1, 1))


def trainer_at(epoch: int, loss: float) -> L.Trainer:
    """What the progress asks a trainer at the end of an epoch of ten."""
    measured = {
        "train/loss": 1.25,
        "validation/loss": loss,
        "validation/bits_per_note": 2.5,
        "validation/accuracy": 0.5,
    }
    values: dict[str, Any] = {
        "callback_metrics": {name: torch.tensor(value) for name, value in measured.items()},
        "current_epoch": epoch,
        "max_epochs": 10,
        "num_training_batches": 4,
    }
    return SimpleNamespace(**values)  # type: ignore[return-value]


def play(progress: EpochProgress, losses: list[float], first: int = 0) -> None:
    progress.on_train_start(trainer_at(first, 0), MODULE)
    for epoch, loss in enumerate(losses, start=first):
        progress.on_train_epoch_start(trainer_at(epoch, loss), MODULE)
        for batch in range(4):
            progress.on_train_batch_end(trainer_at(epoch, loss), MODULE, None, None, batch)
        progress.on_train_epoch_end(trainer_at(epoch, loss), MODULE)


def lines_of(output: io.StringIO) -> list[str]:
    return [line for line in output.getvalue().splitlines() if line.strip()]


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


def test_each_epoch_is_a_line_with_its_measures_and_the_best_so_far_have_a_star(output: io.StringIO) -> None:
    progress = EpochProgress(Terminal(output, width=100))
    play(progress, [2.0, 3.0, 1.5])
    progress.teardown(trainer_at(2, 1.5), MODULE, "fit")
    head, *lines = lines_of(output)
    assert head.split() == ["epoch", "train", "loss", "val", "loss", "bits/note", "accuracy"]
    assert [line.split() for line in lines] == [
        ["1/10", "1.2500", "2.0000*", "2.500", "0.500"],
        ["2/10", "1.2500", "3.0000", "2.500", "0.500"],
        ["3/10", "1.2500", "1.5000*", "2.500", "0.500"],
    ]
    assert len({line.index("2.500") for line in lines}) == 1  # in columns


def test_a_resumed_run_remembers_its_best(output: io.StringIO) -> None:
    first = EpochProgress(Terminal(output, width=100))
    play(first, [2.0, 1.0])
    resumed = EpochProgress(Terminal(output, width=100))
    resumed.load_state_dict(first.state_dict())
    play(resumed, [1.5, 0.5], first=2)
    assert [line.split()[2] for line in lines_of(output)[-2:]] == ["1.5000", "0.5000*"]


def test_only_the_first_process_prints(output: io.StringIO) -> None:
    progress = EpochProgress(Terminal(output, width=100))
    progress.disable()
    play(progress, [2.0, 1.0])
    progress.teardown(trainer_at(1, 1.0), MODULE, "fit")
    assert lines_of(output) == []
    progress.enable()
    play(progress, [2.0])
    assert len(lines_of(output)) == 2


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_the_bar_of_a_terminal_is_removed_at_the_end(is_interrupted: bool) -> None:
    output = io.StringIO()
    progress = EpochProgress(Terminal(output, width=100, is_terminal=True))
    play(progress, [2.0])
    assert "\x1b[?25l" in output.getvalue()  # hides the cursor
    if is_interrupted:
        progress.on_exception(trainer_at(0, 2.0), MODULE, KeyboardInterrupt())
    else:
        progress.teardown(trainer_at(0, 2.0), MODULE, "fit")
    assert output.getvalue().rindex("\x1b[?25h") > output.getvalue().rindex("\x1b[?25l")
    progress.teardown(trainer_at(0, 2.0), MODULE, "fit")  # a second time does no harm


def test_without_a_console_it_prints_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    play(EpochProgress(), [2.0])
    assert "1/10" in capsys.readouterr().out

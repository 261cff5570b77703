"""A reader of the states in a checkpoint: a training that is resumed from it."""

from __future__ import annotations

import io
import random
import shutil
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import torch
from tests.breaking.mutations import mutated_values
from tests.breaking.reader import Reader
from tests.resumed_runs import STATES, layout, train

_TENSORS = (
    torch.zeros(0), torch.zeros(()), torch.zeros(3), torch.full((), torch.nan), torch.full((), torch.inf),
    torch.tensor([-1, 2, 2**62]), torch.zeros(4, dtype=torch.bool), torch.zeros(5056, dtype=torch.uint8),
)  # fmt: skip


@cache
def _files() -> dict[str, bytes]:
    """The files of a training of two epochs."""
    with tempfile.TemporaryDirectory() as folder:
        train(Path(folder), 2)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.suffix == ".pt"}


@cache
def _checkpoint() -> dict[str, Any]:
    values: dict[str, Any] = torch.load(io.BytesIO(_files()["m_last.pt"]), weights_only=True)
    return values


def _make_states(draw: random.Random) -> bytes:
    values = dict(_checkpoint())
    for name in draw.choices(STATES[:4], k=draw.choice((1, 1, 2))) + draw.choices(STATES, k=draw.choice((0, 0, 1))):
        values[name] = mutated_values(draw, values[name], _TENSORS)
    buffer = io.BytesIO()
    torch.save(values, buffer)
    return buffer.getvalue()


def _resume(content: bytes, folder: Path) -> None:
    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir()
    for name, other in _files().items():
        (run / name).write_bytes(other)
    layout(run).last.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trained = train(run, 3)
    assert trained.history.epoch == list(range(1, len(trained.history) + 1))
    assert {"loss", "bits_per_note", "accuracy"} <= trained.scores["validation"].keys()


RESUMED: dict[str, Reader] = {"states": Reader(_make_states, _resume, is_slow=True)}

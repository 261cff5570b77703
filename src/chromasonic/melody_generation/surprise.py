"""The surprise of each note of one of a run's test tunes, drawn."""

from __future__ import annotations

from pathlib import Path

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.likelihood import read_tunes
from chromasonic.melody_generation.rendering.figures import save_figure
from chromasonic.melody_generation.rendering.surprise import plot_surprise
from chromasonic.melody_generation.runs import RESULTS, open_run


def draw_surprise(directory: str | Path, number: int) -> Path:
    """Let a run's model read one of its test tunes, and draw how surprising each note was.

    Args:
        directory: The run.
        number: Which test tune, counted from 1 in the order of ``tunes`` in its ``evaluation/results.json``.

    Returns:
        Where the picture is: ``evaluation/surprise_<number>.png`` in the run.

    Raises:
        InputError: If there is no such run or tune.
    """
    run = open_run(directory)
    tunes = run.tunes["test"]
    if not 1 <= number <= len(tunes):
        raise InputError(f"surprise={number}: the run has {len(tunes)} test tunes, counted from 1")
    tune = tunes[number - 1]
    [reading] = read_tunes(run.network, [tune])
    bits = reading.bits[reading.is_note]
    title = (
        f"{tune.title or tune.source or 'a test tune'}: {reading.bits.sum() / len(tune):.2f} bits per note ({run.name})"
    )
    path = run.directory / RESULTS.parent / f"surprise_{number}.png"
    save_figure(plot_surprise(tune, bits.tolist(), title), path)
    return path

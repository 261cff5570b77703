"""The surprisal of each note of a run's test tunes, as pictures and as tracks of a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chromasonic.melody_generation.atomic_files import replaced_together, write_text
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.likelihood import TuneReading, read_tunes
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.notation.tempo import usual_tempo
from chromasonic.melody_generation.pages.melody_tracks import melody_facts, page_engravings
from chromasonic.melody_generation.pages.page import Page, TrackGroup, page_html
from chromasonic.melody_generation.pages.surprisal_staff import draw_surprisal_sheet, engrave_surprisal
from chromasonic.melody_generation.pages.tracks import Track
from chromasonic.melody_generation.reporting.commands import surprisal_command
from chromasonic.melody_generation.runs.directory_lock import lock_directory
from chromasonic.melody_generation.runs.layout import RunLayout
from chromasonic.melody_generation.runs.trained_model import TrainedModel, load_run

_LEAD = "The surprisal of each note under a model that knows the notes before it."


def draw_surprisal(run: str | Path, numbers: Sequence[int]) -> tuple[Path, ...]:
    """Predict some test tunes with the model of a run, and draw the surprisal of each note over their notation.

    Args:
        run: The run directory.
        numbers: The test tunes, counted from 1 in the order of ``tunes`` in ``evaluation/results.json``.

    Returns:
        The files: ``evaluation/surprise_<number>.svg`` for each tune and, last, ``evaluation/surprise.html``, a page
        with all of them.

    Raises:
        InputError: If there is no such run or tune, no number, or a tune that cannot be written.
    """
    run = Path(run)
    model = load_run(run)
    tunes = model.tunes["test"]
    _check_among(numbers, len(tunes))
    layout = RunLayout(run).evaluation
    indices = [number - 1 for number in dict.fromkeys(numbers)]
    readings = read_tunes(model, [tunes[index] for index in indices])
    paths, tracks = [], []
    with lock_directory(layout.directory, "evaluating"), replaced_together():
        for index, reading in zip(indices, readings, strict=True):
            tune = tunes[index]
            line = ", ".join((*melody_facts(tune)[:2], f"{reading.bits_per_note:.2f} bits per note ({model.name})"))
            path = layout.surprisal_sheet(index + 1)
            write_text(path, draw_surprisal_sheet(tune, _note_bits(reading), _title(tune, index), line))
            paths.append(path)
            tracks.append(surprisal_track(tune, reading, index))
        write_text(layout.surprisal_page, page_html(_page(model, run, tuple(tracks), numbers)))
    return (*paths, layout.surprisal_page)


def check_numbers(run: str | Path, numbers: Sequence[int]) -> None:
    """Raise if a run lacks one of some test tunes.

    Args:
        run: The run directory.
        numbers: The test tunes, counted from 1.

    Raises:
        InputError: If there is no such run or tune, or no number.
    """
    _check_among(numbers, len(load_run(run).tunes["test"]))


def _check_among(numbers: Sequence[int], n_tunes: int) -> None:
    wrong = [number for number in numbers if not 1 <= number <= n_tunes]
    if wrong or not numbers:
        got = wrong[0] if wrong else "[]"
        raise InputError(f"surprise={got}: the run has {n_tunes} test tunes, counted from 1")


def surprisal_track(tune: Melody, reading: TuneReading, index: int) -> Track:
    """Return a test tune to hear, with the surprisal of each note over its notation.

    Args:
        tune: The tune.
        reading: The predictions of a model.
        index: Index of the tune among the test tunes.
    """
    bits = _note_bits(reading)
    return Track(
        title=_title(tune, index),
        facts=(f"{reading.bits_per_note:.2f} bits per note", *melody_facts(tune), f"test tune {index + 1}"),
        melody=tune,
        tempo=usual_tempo(tune),
        engravings=page_engravings(
            tune,
            lambda melody, width: engrave_surprisal(melody, bits, width),
            "Notation in which the colour of each note shows its surprisal",
        ),
        is_coloured=True,
    )


def _note_bits(reading: TuneReading) -> list[float]:
    return [float(bits) for bits in reading.bits[reading.is_note]]


def _title(tune: Melody, index: int) -> str:
    return tune.title or tune.source or f"Test tune {index + 1}"


def _page(model: TrainedModel, run: Path, tracks: tuple[Track, ...], numbers: Sequence[int]) -> Page:
    facts = {"Model": model.name, "Dataset": model.metadata.dataset, "Checkpoint": model.digest}
    return Page(
        title=f"Surprisal under {model.name}",
        lead=_LEAD,
        facts=tuple((name, value) for name, value in facts.items() if value),
        command=surprisal_command(run, numbers),
        groups=(TrackGroup("", "", tracks),),
    )

"""How surprising each note of a run's test tunes was, as pictures and as tracks of a page."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from chromasonic.melody_generation.atomic_files import shown_path, write_text
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.likelihood import TuneReading, read_tunes
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.notation.tempo import usual_tempo
from chromasonic.melody_generation.pages.listening import melody_facts, page_engravings
from chromasonic.melody_generation.pages.page import Page, TrackGroup, page_html
from chromasonic.melody_generation.pages.surprisal_staff import surprise_sheet, surprise_staff
from chromasonic.melody_generation.pages.tracks import Track
from chromasonic.melody_generation.runs.layout import RunLayout
from chromasonic.melody_generation.runs.trained_model import TrainedModel, load_run

_LEAD = "How surprising each note was to the model, which knew of the tune only what came before."


def draw_surprise(directory: str | Path, numbers: Sequence[int]) -> tuple[Path, ...]:
    """Let a run's model read some of its test tunes, and draw over their notation how surprising each note was.

    Args:
        directory: The run.
        numbers: Which test tunes, counted from 1 in the order of ``tunes`` in its ``evaluation/results.json``.

    Returns:
        Where the pictures are: ``evaluation/surprise_<number>.svg`` in the run for each tune, and at the end
        ``evaluation/surprise.html``, a page with all of them.

    Raises:
        InputError: If there is no such run or tune, no number, or a tune that cannot be written.
    """
    model = load_run(directory)
    tunes = model.tunes["test"]
    wrong = [number for number in numbers if not 1 <= number <= len(tunes)]
    if wrong or not numbers:
        got = wrong[0] if wrong else "[]"
        raise InputError(f"surprise={got}: the run has {len(tunes)} test tunes, counted from 1")
    places = [number - 1 for number in dict.fromkeys(numbers)]
    readings = read_tunes(model.network, [tunes[place] for place in places])
    folder, written = RunLayout(Path(directory)).evaluation, list[Path]()
    tracks = []
    for place, reading in zip(places, readings, strict=True):
        tune = tunes[place]
        line = ", ".join((*melody_facts(tune)[:2], f"{reading.bits_per_note:.2f} bits per note ({model.name})"))
        written.append(folder.surprisal_sheet(place + 1))
        write_text(written[-1], surprise_sheet(tune, _note_bits(reading), _title(tune, place), line))
        tracks.append(surprise_track(tune, reading, place))
    written.append(folder.surprisal_page)
    write_text(written[-1], page_html(_page(model, Path(directory), tuple(tracks), numbers)))
    return tuple(written)


def surprise_track(tune: Melody, reading: TuneReading, place: int) -> Track:
    """A test tune to hear, with how surprising each note was over its notation.

    Args:
        tune: The tune.
        reading: How a model read it.
        place: Of the tune among the test tunes, counted from 0.
    """
    bits = _note_bits(reading)
    return Track(
        title=_title(tune, place),
        facts=(f"{reading.bits_per_note:.2f} bits per note", *melody_facts(tune), f"test tune {place + 1}"),
        melody=tune,
        tempo=usual_tempo(tune),
        engravings=page_engravings(
            tune,
            lambda melody, width: surprise_staff(melody, bits, width),
            "Notation in which the colour of each note says how surprising it was",
        ),
        is_coloured=True,
    )


def _note_bits(reading: TuneReading) -> list[float]:
    return [float(each) for each in reading.bits[reading.is_note]]


def _title(tune: Melody, place: int) -> str:
    return tune.title or tune.source or f"Test tune {place + 1}"


def _page(model: TrainedModel, directory: Path, tracks: tuple[Track, ...], numbers: Sequence[int]) -> Page:
    facts = {"Model": model.name, "Dataset": model.metadata.dataset, "Checkpoint": model.digest}
    listed = f"[{','.join(map(str, numbers))}]"
    return Page(
        title=f"What surprised {model.name}",
        lead=_LEAD,
        facts=tuple((name, str(value)) for name, value in facts.items() if value),
        command=shlex.join(["chromasonic", "evaluate", f"run={shown_path(directory)}", f"surprise={listed}"]),
        groups=(TrackGroup("", "", tracks),),
    )

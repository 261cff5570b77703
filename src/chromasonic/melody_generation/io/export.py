"""A melody as files, in every format that people play, print and paste, under one name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from chromasonic.melody_generation.atomic_files import atomic_file
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.engraving import engrave_svg, svg_to_png
from chromasonic.melody_generation.io.write_abc import to_abc
from chromasonic.melody_generation.io.write_audio import to_wav
from chromasonic.melody_generation.io.write_midi import to_midi
from chromasonic.melody_generation.io.write_musicxml import to_musicxml
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.notation.tempo import usual_tempo
from chromasonic.melody_generation.plots.figures import figure_to_png
from chromasonic.melody_generation.plots.piano_roll import plot_piano_roll

# What is added to a stem for each format.
FORMAT_SUFFIXES = {
    "midi": ".mid",
    "musicxml": ".musicxml",
    "abc": ".abc",
    "wav": ".wav",
    "svg": ".svg",
    "png": ".png",
    "roll": "_roll.png",
}
FORMATS = tuple(FORMAT_SUFFIXES)


def check_formats(formats: Sequence[str]) -> None:
    """Refuse formats that there are not.

    Raises:
        InputError: If one is unknown, or there is none.
    """
    for name in formats:
        if name not in FORMAT_SUFFIXES:
            raise InputError(f"there is no format {name!r}: choose of {', '.join(FORMATS)}")
    if not formats:
        raise InputError(f"formats is empty: choose of {', '.join(FORMATS)}")


def check_folder(folder: Path) -> None:
    """Refuse a folder that files cannot be written to, without making it.

    Raises:
        InputError: If it is a file or lies below one, or its owner lets nobody write there.
    """
    standing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not standing.is_dir():
        raise InputError(f"{folder} cannot be written to: {standing} is no folder")
    if not os.access(standing, os.W_OK | os.X_OK):
        raise InputError(f"{folder} cannot be written to: there is no permission to write in {standing}")


def render(melody: Melody, tempo: float | None = None, formats: Sequence[str] = FORMATS) -> dict[str, bytes]:
    """What the files of a melody hold, by format.

    Args:
        melody: The melody, of one note or more.
        tempo: Quarter notes per minute; None for one that is usual in the melody's metre.
        formats: Of ``FORMATS``.

    Raises:
        InputError: If a format is unknown, the melody cannot be written, or the tempo is out of range.

    Example:
        >>> render(Melody([60, 64, 67], [24, 24, 48]), formats=["midi"])["midi"][:4]
        b'MThd'
    """
    check_formats(formats)
    tempo = usual_tempo(melody) if tempo is None else tempo
    svg = engrave_svg(melody, tempo) if {"svg", "png"} & set(formats) else ""
    makers: dict[str, Callable[[], bytes]] = {
        "midi": lambda: to_midi(melody, tempo),
        "musicxml": lambda: to_musicxml(melody, tempo).encode(),
        "abc": lambda: to_abc(melody, tempo).encode(),
        "wav": lambda: to_wav(melody, tempo),
        "svg": svg.encode,
        "png": lambda: svg_to_png(svg),
        "roll": lambda: figure_to_png(plot_piano_roll(melody)),
    }
    return {name: makers[name]() for name in FORMATS if name in formats}


def write_files(contents: Mapping[str, bytes], folder: Path, stem: str) -> dict[str, Path]:
    """Write what :func:`render` gave under one stem; each file appears whole.

    Returns:
        The path of each format's file.

    Raises:
        InputError: If the folder cannot be written to.
    """
    paths = {name: folder / f"{stem}{FORMAT_SUFFIXES[name]}" for name in contents}
    for name, path in paths.items():
        try:
            with atomic_file(path) as unfinished:
                unfinished.write_bytes(contents[name])
        except OSError as problem:
            raise InputError(f"{path} cannot be written: {problem.strerror}") from problem
    return paths


def export(
    melody: Melody, folder: Path, stem: str, *, tempo: float | None = None, formats: Sequence[str] = FORMATS
) -> dict[str, Path]:
    """Write a melody's files; nothing is written before all of them are ready.

    Arguments, result and errors as :func:`render` and :func:`write_files`.
    """
    return write_files(render(melody, tempo, formats), Path(folder), stem)

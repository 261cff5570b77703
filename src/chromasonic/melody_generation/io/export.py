"""Export a melody to files of all formats: MIDI, MusicXML, ABC, WAV, SVG, PNG and piano roll."""

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
from chromasonic.melody_generation.notation.instruments import DEFAULT_INSTRUMENT, instrument_called
from chromasonic.melody_generation.notation.tempo import check_tempo, usual_tempo
from chromasonic.melody_generation.plots.figures import figure_to_png
from chromasonic.melody_generation.plots.piano_roll import plot_piano_roll

# The suffix of the file of each format.
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
    """Raise an error for unknown formats.

    Raises:
        InputError: If a format is unknown, or there is none.
    """
    for name in formats:
        if name not in FORMAT_SUFFIXES:
            raise InputError(f"unknown format {name!r}: choose from {', '.join(FORMATS)}")
    if not formats:
        raise InputError(f"formats is empty: choose from {', '.join(FORMATS)}")


def check_rendering(formats: Sequence[str], tempo: float | None, instrument: str) -> None:
    """Raise an error for arguments that :func:`render` would refuse for any melody.

    Raises:
        InputError: If a format or the instrument is unknown, or the tempo is out of range.
    """
    check_formats(formats)
    instrument_called(instrument)
    if tempo is not None:
        check_tempo(tempo)


def check_folder(folder: Path) -> None:
    """Raise an error for a folder that cannot be written to, without creating it.

    Raises:
        InputError: If it, or a folder above it, is a file or not writable.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise InputError(f"{folder} cannot be written to: {existing} is no folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(f"{folder} cannot be written to: there is no permission to write in {existing}")


def render(
    melody: Melody,
    tempo: float | None = None,
    formats: Sequence[str] = FORMATS,
    *,
    chords: bool = True,
    instrument: str = DEFAULT_INSTRUMENT,
) -> dict[str, bytes]:
    """Render a melody to the contents of its files, by format.

    Args:
        melody: A melody of one note or more.
        tempo: Quarter notes per minute; None for the usual tempo of the metre.
        formats: Members of ``FORMATS``.
        chords: Whether the chord symbols sound in MIDI and WAV files.
        instrument: One of ``INSTRUMENTS``, which plays MIDI and WAV files.

    Raises:
        InputError: If a format or the instrument is unknown, the melody cannot be written, or the tempo is out of
            range.

    Example:
        >>> render(Melody([60, 64, 67], [24, 24, 48]), formats=["midi"])["midi"][:4]
        b'MThd'
    """
    check_formats(formats)
    tempo = usual_tempo(melody) if tempo is None else tempo
    svg = engrave_svg(melody, tempo) if {"svg", "png"} & set(formats) else ""
    renderers: dict[str, Callable[[], bytes]] = {
        "midi": lambda: to_midi(melody, tempo, chords=chords, instrument=instrument),
        "musicxml": lambda: to_musicxml(melody, tempo).encode(),
        "abc": lambda: to_abc(melody, tempo).encode(),
        "wav": lambda: to_wav(melody, tempo, chords=chords, instrument=instrument),
        "svg": svg.encode,
        "png": lambda: svg_to_png(svg),
        "roll": lambda: figure_to_png(plot_piano_roll(melody)),
    }
    return {name: renderers[name]() for name in FORMATS if name in formats}


def write_files(contents: Mapping[str, bytes], folder: Path, stem: str) -> dict[str, Path]:
    """Write the contents of :func:`render` to files of one stem, each atomically.

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
    melody: Melody,
    folder: Path,
    stem: str,
    *,
    tempo: float | None = None,
    formats: Sequence[str] = FORMATS,
    chords: bool = True,
    instrument: str = DEFAULT_INSTRUMENT,
) -> dict[str, Path]:
    """Export a melody to files, which are written when all formats are rendered.

    Arguments, result and errors as in :func:`render` and :func:`write_files`.
    """
    return write_files(render(melody, tempo, formats, chords=chords, instrument=instrument), Path(folder), stem)

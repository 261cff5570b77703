"""Primers: the first notes of a tune, which a model continues."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chromasonic.melody_generation.corpora.files import read_first_tune
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.generation.conditions import refusal_of_metre
from chromasonic.melody_generation.melody import REST, Melody
from chromasonic.melody_generation.vocabulary import HIGHEST, LOWEST, METRES, MIDDLE_C, NoteVocabulary

_COUNTED = ("", "an octave", "two octaves", "three octaves", "four octaves", "five octaves")


@dataclass(frozen=True)
class Primer:
    """The first notes of a tune, with durations of the vocabulary.

    Attributes:
        melody: The notes.
        n_rounded: The number of notes whose durations were rounded.
    """

    melody: Melody
    n_rounded: int


def read_primer(path: str | Path, n_notes: int | None = None) -> Primer:
    """Read the first notes of the first tune in a file, and round their durations to those of the vocabulary.

    Args:
        path: An ABC, MIDI, MusicXML or kern file.
        n_notes: The number of notes and rests; None for all.

    Raises:
        InputError: If the file cannot be read, has fewer notes, or has notes that are too high or too low.
    """
    tune = read_first_tune(path)
    if n_notes is not None:
        if not 1 <= n_notes <= len(tune):
            raise InputError(
                f"the primer {path} has {len(tune)} notes and rests, so primer_notes={n_notes} is not possible"
            )
        tune = tune.window(0, n_notes)
    return fit_primer(tune, f"the primer {path}")


def fit_primer(tune: Melody, name: str) -> Primer:
    """Round the durations of a tune to those of the vocabulary.

    Args:
        tune: The tune.
        name: The tune's name in error messages.

    Raises:
        InputError: If the vocabulary lacks a metre of the tune, or notes are too high or too low.
    """
    unknown_metre = next((metre for _, _, metre, _ in tune.segments if metre not in METRES), None)
    if unknown_metre is not None:
        raise InputError(f"{name} cannot be continued: {refusal_of_metre(unknown_metre)}")
    fit = NoteVocabulary().fit(tune)
    if fit.melody is None:
        raise InputError(f"{name} cannot be continued: {fit.drop_reason}")
    if fit.n_pitches_moved:
        raise InputError(f"{name} cannot be continued: {_out_of_range(tune, fit.n_pitches_moved)}")
    return Primer(fit.melody, fit.n_durations_rounded)


def _out_of_range(tune: Melody, n_notes: int) -> str:
    """Return how many notes are too high or too low, and how far the tune has to be moved."""
    relative = tune.pitches[tune.pitches != REST] - (MIDDLE_C + tune.tonic)
    low, high = int(relative.min()), int(relative.max())
    sides = " and ".join(side for side, is_so in (("high", high > HIGHEST), ("low", low < LOWEST)) if is_so)
    notes = "1 of its notes is" if n_notes == 1 else f"{n_notes} of its notes are"
    message = (
        f"{notes} too {sides} for the range from {-LOWEST} semitones below the tonic above middle C to {HIGHEST} above"
    )
    fits = [octaves for octaves in range(-5, 6) if low + 12 * octaves >= LOWEST and high + 12 * octaves <= HIGHEST]
    if not fits:
        return f"{message}; it spans more than that, so leave out what is too {sides}"
    octaves = min(fits, key=abs)
    return f"{message}; move the tune {_COUNTED[abs(octaves)]} {'up' if octaves > 0 else 'down'}"

"""Pack melodies into arrays: thousands are restored at once, where constructing each would take seconds."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.corpora.packed_arrays import ArrayLayout, read_arrays
from chromasonic.melody_generation.errors import InputError, is_lack_of_memory
from chromasonic.melody_generation.melody import MODES, Departure, IntArray, Melody, Metre
from chromasonic.melody_generation.untrusted_files import parse_json

_LAYOUTS = {
    "pitches": ArrayLayout("<i2"),
    "durations": ArrayLayout("<i4"),
    "tunes": ArrayLayout("<i4", 7),
    "departures": ArrayLayout("<i4", 3),
    "labels": ArrayLayout("|u1"),
}


class MelodyFields(TypedDict):
    """The attributes of a :class:`~chromasonic.melody_generation.melody.Melody`."""

    pitches: IntArray
    durations: IntArray
    metre: Metre
    start: int
    departures: tuple[Departure, ...]
    tonic: int
    mode: str
    title: str
    source: str
    corpus: str


def pack_melodies(melodies: Sequence[Melody], metadata: Mapping[str, object]) -> bytes:
    """Pack melodies, and plain values about them, into bytes."""
    arrays: dict[str, NDArray[Any]] = {
        "pitches": np.concatenate([np.zeros(0), *(melody.pitches for melody in melodies)]).astype(np.int16),
        "durations": np.concatenate([np.zeros(0), *(melody.durations for melody in melodies)]).astype(np.int32),
        "tunes": np.array(
            [
                (
                    len(m),
                    m.metre.beats,
                    m.metre.unit,
                    m.start,
                    m.tonic,
                    MODES.index(m.mode),
                    len(m.departures),
                )
                for m in melodies
            ],
            dtype=np.int32,
        ),
        "departures": np.array(
            [
                (change.note, change.metre.beats, change.metre.unit) if change.metre else (change.note, 0, 0)
                for melody in melodies
                for change in melody.departures
            ],
            dtype=np.int32,
        ),
    }
    labels = {
        "tunes": [(melody.title, melody.source, melody.corpus) for melody in melodies],
        "notes": metadata,
    }
    arrays["labels"] = np.frombuffer(json.dumps(labels).encode(), dtype=np.uint8)
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def unpack_melodies(payload: bytes, restore: Callable[[MelodyFields], Melody]) -> tuple[tuple[Melody, ...], JsonObject]:
    """Unpack the melodies, and the values about them, from bytes of :func:`pack_melodies`.

    Args:
        payload: The packed bytes.
        restore: A function that makes a melody from its fields by name: :func:`restore_unchecked` for trusted bytes.
    """
    arrays = read_arrays(payload, _LAYOUTS)
    pitches, durations = (arrays[name].astype(np.int64) for name in ("pitches", "durations"))
    tunes, departures = arrays["tunes"].tolist(), arrays["departures"].tolist()
    labels = parse_json(arrays["labels"].tobytes())
    _check_counts(tunes, len(pitches), len(durations), len(departures))
    for values in (pitches, durations):
        values.setflags(write=False)  # so are all slices of them
    melodies: list[Melody] = []
    note = departure = 0
    for tune, (title, source, corpus) in zip(tunes, labels["tunes"], strict=True):
        n_notes, beats, unit, start, tonic, mode, n_departures = tune
        end, last_departure = note + n_notes, departure + n_departures
        fields: MelodyFields = {
            "pitches": pitches[note:end],
            "durations": durations[note:end],
            "metre": _metre(beats, unit),
            "start": start,
            "departures": tuple(
                Departure(index, _metre(new_beats, new_unit) if new_unit else None)
                for index, new_beats, new_unit in departures[departure:last_departure]
            ),
            "tonic": tonic,
            "mode": MODES[mode],
            "title": title,
            "source": source,
            "corpus": corpus,
        }
        melodies.append(restore(fields))
        note, departure = end, last_departure
    return tuple(melodies), labels["notes"]


def _check_counts(tunes: list[list[int]], n_pitches: int, n_durations: int, n_departures: int) -> None:
    """Raise if the counts of all tunes do not add up to the notes and departures, each of which belongs to one tune."""
    counts = [(tune[0], tune[-1]) for tune in tunes]
    if any(n < 0 for of_tune in counts for n in of_tune):
        raise ValueError("a tune has fewer than 0 notes or departures")
    n_notes, n_changes = (sum(column) for column in zip(*counts, strict=True)) if counts else (0, 0)
    if (n_notes, n_notes, n_changes) != (n_pitches, n_durations, n_departures):
        raise ValueError("the tunes do not add up to the notes and departures")


_metre = cache(Metre)


def restore_unchecked(fields: MelodyFields) -> Melody:
    """Make a melody without validation, which takes most of the time and which it passed before it was packed."""
    melody = Melody.__new__(Melody)
    melody.__dict__.update(fields)
    return melody


def _restore_checked(fields: MelodyFields) -> Melody:
    if not all(isinstance(label, str) for label in (fields["title"], fields["source"], fields["corpus"])):
        raise TypeError("a title, source or corpus is no text")
    return Melody(**fields)


def unpack_untrusted(payload: bytes) -> tuple[tuple[Melody, ...], JsonObject]:
    """Unpack and validate melodies from untrusted bytes.

    Raises:
        InputError: If the bytes are no packed melodies.
    """
    try:
        melodies, metadata = unpack_melodies(payload, _restore_checked)
        if not isinstance(metadata, dict):
            raise TypeError("the metadata is no mapping")
        return melodies, metadata
    except (
        *(zipfile.BadZipFile, NotImplementedError, MemoryError, RecursionError),
        *(ArithmeticError, AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError, ValueError),
    ) as problem:
        if is_lack_of_memory(problem):
            raise InputError(
                f"there is not enough memory for packed melodies of {len(payload)} bytes: allow more (ulimit -v)"
            ) from problem
        raise InputError(f"the packed melodies are damaged: {problem}") from problem

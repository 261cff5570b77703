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
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.melody import MODES, Departure, IntArray, Melody, Metre


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
    with np.load(io.BytesIO(payload), allow_pickle=False) as arrays:
        pitches, durations = (arrays[name].astype(np.int64) for name in ("pitches", "durations"))
        tunes, departures = arrays["tunes"].tolist(), arrays["departures"].tolist()
        labels = json.loads(arrays["labels"].tobytes())
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


_metre = cache(Metre)


def restore_unchecked(fields: MelodyFields) -> Melody:
    """Make a melody without validation, which takes most of the time and which it passed before it was packed."""
    melody = Melody.__new__(Melody)
    melody.__dict__.update(fields)
    return melody


def unpack_untrusted(payload: bytes) -> tuple[tuple[Melody, ...], JsonObject]:
    """Unpack and validate melodies from untrusted bytes.

    Raises:
        InputError: If the bytes are no packed melodies.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            if any(entry.file_size > len(payload) for entry in archive.infolist()):
                raise ValueError("an array is larger than the file")
        melodies, metadata = unpack_melodies(payload, lambda fields: Melody(**fields))
        if not isinstance(metadata, dict):
            raise TypeError("the metadata is no mapping")
        return melodies, metadata
    except (
        *(zipfile.BadZipFile, NotImplementedError, MemoryError, RecursionError),
        *(ArithmeticError, AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError, ValueError),
    ) as problem:
        raise InputError(f"the packed melodies are damaged: {problem}") from problem

"""Pack melodies into arrays: thousands are restored at once, where constructing each would take seconds."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.corpora.packed_arrays import ArrayLayout, read_arrays
from chromasonic.melody_generation.errors import InputError, is_lack_of_memory
from chromasonic.melody_generation.form import KINDS, MAX_PASSES, QUALITIES, Chord, FormMark, FormSign
from chromasonic.melody_generation.melody import MODES, Departure, IntArray, Melody, Metre
from chromasonic.melody_generation.untrusted_files import parse_json

_LAYOUTS = {
    "pitches": ArrayLayout("<i2"),
    "durations": ArrayLayout("<i4"),
    "tunes": ArrayLayout("<i4", 7),
    "departures": ArrayLayout("<i4", 3),
    "labels": ArrayLayout("|u1"),
}
# Form, chords, kinds and spelling, which files of earlier versions lack.
_ADDED_LAYOUTS = {
    "form": ArrayLayout("<i4", 3),
    "chords": ArrayLayout("<i4", 4),
    "details": ArrayLayout("<i4", 4),
    "spelling": ArrayLayout("|i1"),
}
_SIGNS = tuple(FormSign)


class MelodyDetails(TypedDict):
    """The attributes of a :class:`~chromasonic.melody_generation.melody.Melody` that earlier versions lack."""

    form: tuple[FormMark, ...]
    part_order: str
    chords: tuple[Chord, ...]
    kind: str
    spelling: IntArray


class MelodyFields(MelodyDetails):
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


_NO_SPELLING = np.zeros(0, dtype=np.int64)
_NO_SPELLING.setflags(write=False)


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
    arrays |= _pack_details(melodies)
    labels = {
        "tunes": [(melody.title, melody.source, melody.corpus) for melody in melodies],
        "parts": [_parts(melody) for melody in melodies],
        "notes": metadata,
    }
    arrays["labels"] = np.frombuffer(json.dumps(labels).encode(), dtype=np.uint8)
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def _parts(melody: Melody) -> list[str]:
    """Return the order of the parts, and the name of each sign of form; nothing if there is neither."""
    names = [mark.name for mark in melody.form]
    return [melody.part_order, *names] if melody.part_order or names else []


def _pack_details(melodies: Sequence[Melody]) -> dict[str, NDArray[Any]]:
    """Return the arrays of ``_ADDED_LAYOUTS``; the passes of an ending are the bits of a number."""
    form = [
        (mark.note, _SIGNS.index(mark.sign), sum(1 << number for number in mark.passes))
        for melody in melodies
        for mark in melody.form
    ]
    chords = [
        (chord.onset, chord.root, QUALITIES.index(chord.quality), chord.bass)
        for melody in melodies
        for chord in melody.chords
    ]
    details = [
        (len(melody.form), len(melody.chords), KINDS.index(melody.kind), len(melody.spelling)) for melody in melodies
    ]
    return {
        "form": np.array(form, dtype=np.int32),
        "chords": np.array(chords, dtype=np.int32),
        "details": np.array(details, dtype=np.int32),
        "spelling": np.concatenate([np.zeros(0), *(melody.spelling for melody in melodies)]).astype(np.int8),
    }


class _Details:
    """Takes form, chords, kind and spelling of one tune after the other from arrays, which earlier versions lack."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], parts: list[list[str]]) -> None:
        self._parts = parts
        self._details = arrays["details"].tolist() if "details" in arrays else None
        if self._details is None:
            return
        self._form, self._chords = arrays["form"].tolist(), arrays["chords"].tolist()
        self._spelling = arrays["spelling"].astype(np.int64)
        self._spelling.setflags(write=False)
        self._begins = [0, 0, 0]
        sizes = [sum(column) for column in zip(*((row[0], row[1], row[3]) for row in self._details), strict=True)]
        if min((min(row) for row in self._details), default=0) < 0 or (sizes or [0, 0, 0]) != [
            *(len(self._form), len(self._chords), len(self._spelling))
        ]:
            raise ValueError("the tunes do not add up to the signs, chords and spellings")

    def take(self, tune: int) -> MelodyDetails:
        """Return the details of the tune with this index; tunes are taken in order."""
        if self._details is None:
            return {"form": (), "part_order": "", "chords": (), "kind": KINDS[0], "spelling": _NO_SPELLING}
        n_form, n_chords, kind, n_spelled = self._details[tune]
        form_begin, chord_begin, spelling_begin = self._begins
        self._begins = [form_begin + n_form, chord_begin + n_chords, spelling_begin + n_spelled]
        part_order, *names = self._parts[tune] or [""]
        signs = self._form[form_begin : self._begins[0]]
        return {
            "form": tuple(
                FormMark(note, _SIGNS[sign], _passes(bits), name)
                for (note, sign, bits), name in zip(signs, names, strict=True)
            ),
            "part_order": part_order,
            "chords": tuple(_chord(*chord) for chord in self._chords[chord_begin : self._begins[1]]),
            "kind": KINDS[kind],
            "spelling": self._spelling[spelling_begin : self._begins[2]],
        }


@cache
def _passes(bits: int) -> tuple[int, ...]:
    return tuple(number for number in range(1, MAX_PASSES + 1) if bits >> number & 1)


def _chord(onset: int, root: int, quality: int, bass: int) -> Chord:
    return Chord(onset, root, QUALITIES[quality], bass)


def unpack_melodies(payload: bytes, restore: Callable[[MelodyFields], Melody]) -> tuple[tuple[Melody, ...], JsonObject]:
    """Unpack the melodies, and the values about them, from bytes of :func:`pack_melodies`.

    Args:
        payload: The packed bytes.
        restore: A function that makes a melody from its fields by name: :func:`restore_unchecked` for trusted bytes.
    """
    arrays = read_arrays(payload, _LAYOUTS, _ADDED_LAYOUTS)
    pitches, durations = (arrays[name].astype(np.int64) for name in ("pitches", "durations"))
    tunes, departures = arrays["tunes"].tolist(), arrays["departures"].tolist()
    labels = parse_json(arrays["labels"].tobytes())
    _check_counts(tunes, len(pitches), len(durations), len(departures))
    for values in (pitches, durations):
        values.setflags(write=False)  # so are all slices of them
    details = _Details(arrays, labels.get("parts", []))
    melodies: list[Melody] = []
    note = departure = 0
    for index, (tune, (title, source, corpus)) in enumerate(zip(tunes, labels["tunes"], strict=True)):
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
            **details.take(index),
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


_TEXTS: tuple[Literal["title", "source", "corpus", "part_order"], ...] = ("title", "source", "corpus", "part_order")
_metre = cache(Metre)


def restore_unchecked(fields: MelodyFields) -> Melody:
    """Make a melody without validation, which takes most of the time and which it passed before it was packed."""
    melody = Melody.__new__(Melody)
    melody.__dict__.update(fields)
    return melody


def _restore_checked(fields: MelodyFields) -> Melody:
    names = (mark.name for mark in fields["form"])
    if not all(isinstance(label, str) for label in (*(fields[name] for name in _TEXTS), *names)):
        raise TypeError("a title, a source, a corpus, or the name of a part is no text")
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

"""Messages to and from the reading process: requests, and tunes as JSON.

Not pickle: a file that takes over the reading process must not run code in the process that started it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from chromasonic.melody_generation.form import Chord, FormMark, FormSign
from chromasonic.melody_generation.io.tunes import DroppedTune, Remark, WrittenTune
from chromasonic.melody_generation.melody import Departure, Melody, Metre

OUT_OF_TIME = 124  # the exit code where the system has no timer of processor time
OUT_OF_MEMORY = -1  # instead of the size of an answer


@dataclass(frozen=True)
class ReadingRequest:
    """A file to be read.

    Attributes:
        n_bytes: The size of its content, which follows.
        suffix: The suffix that gives the format, in lower case.
        source: The melodies' ``source``.
        only_first: Whether to stop after the first tune.
        part: The name or the number of the part that carries the melody; None to choose it.
        seconds: The limit of processor time.
    """

    n_bytes: int
    suffix: str
    source: str
    only_first: bool
    part: str | int | None
    seconds: float

    def to_line(self) -> bytes:
        """Convert to a line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> ReadingRequest:
        """Convert a line of JSON to a request."""
        return cls(**json.loads(line))


def pack_tunes(tunes: Iterable[WrittenTune | DroppedTune]) -> bytes:
    """Convert tunes to one line of JSON."""
    return json.dumps([_plain(tune) for tune in tunes], separators=(",", ":")).encode()


def unpack_tunes(content: bytes) -> list[WrittenTune | DroppedTune]:
    """Convert JSON of :func:`pack_tunes` to tunes.

    Raises:
        ValueError: If it is no such JSON.
    """
    try:
        return [_tune(values) for values in json.loads(content)]
    except (KeyError, TypeError) as problem:
        raise ValueError(f"the reading process sent no tune: {problem}") from problem


def _plain(tune: WrittenTune | DroppedTune) -> dict[str, Any]:
    if isinstance(tune, DroppedTune):
        return asdict(tune)
    melody = tune.melody
    return {
        "pitches": melody.pitches.tolist(),
        "durations": melody.durations.tolist(),
        "metre": _plain_metre(melody.metre),
        "start": melody.start,
        "departures": [(change.note, change.metre and _plain_metre(change.metre)) for change in melody.departures],
        "tonic": melody.tonic,
        "mode": melody.mode,
        "title": melody.title,
        "source": melody.source,
        "corpus": melody.corpus,
        "form": [(mark.note, mark.sign.value, mark.passes, mark.name) for mark in melody.form],
        "part_order": melody.part_order,
        "chords": [(chord.onset, chord.root, chord.quality, chord.bass) for chord in melody.chords],
        "kind": melody.kind,
        "spelling": melody.spelling.tolist(),
        "counts": (tune.n_overruns, tune.n_ticks_rounded, tune.n_onsets_moved),
        "left_out": dict(tune.left_out),
        "remarks": [(remark.kind, remark.detail) for remark in tune.remarks],
    }


def _plain_metre(metre: Metre) -> tuple[int, int]:
    return metre.beats, metre.unit


def _tune(values: dict[str, Any]) -> WrittenTune | DroppedTune:
    if "reason" in values:
        return DroppedTune(**values)
    n_overruns, n_ticks_rounded, n_onsets_moved = values.pop("counts")
    left_out = values.pop("left_out")
    remarks = tuple(Remark(kind, detail) for kind, detail in values.pop("remarks"))
    departures = [Departure(note, Metre(*metre) if metre else None) for note, metre in values.pop("departures")]
    form = [FormMark(note, FormSign(sign), tuple(passes), name) for note, sign, passes, name in values.pop("form")]
    chords = [Chord(*chord) for chord in values.pop("chords")]
    melody = Melody(**values | {"metre": Metre(*values["metre"])}, departures=departures, form=form, chords=chords)
    return WrittenTune(melody, n_overruns, n_ticks_rounded, n_onsets_moved, left_out, remarks)

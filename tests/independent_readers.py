"""What programs that are not ours find in the files that we write: notes with onset, duration and pitch, in ticks."""

from __future__ import annotations

import base64
import io
import re
import shutil
import subprocess
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import mido
import verovio
from music21.midi import MidiFile
from music21.midi.translate import getNotesFromEvents, getTimeForEvents

from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER, Melody


class SoundingNote(NamedTuple):
    """A note as it is heard; ticks count from the beginning of the melody."""

    onset: Fraction
    duration: Fraction
    pitch: int


def sounding_notes(melody: Melody) -> list[SoundingNote]:
    """What any reader should find."""
    notes = zip(melody.onsets, melody.durations, melody.pitches, strict=True)
    return [
        SoundingNote(Fraction(int(onset)), Fraction(int(duration)), int(pitch))
        for onset, duration, pitch in notes
        if pitch != REST
    ]


class PlayedTune(NamedTuple):
    """A tune as abc2midi plays it, and what it remarks on it."""

    notes: list[SoundingNote]
    warnings: list[str]


def played_by_abc2midi(texts: Sequence[str], folder: Path) -> list[PlayedTune]:
    """The notes of ABC tunes, numbered from 1, as Debian's abc2midi plays them, and its warnings."""
    program = shutil.which("abc2midi")
    if program is None:
        raise FileNotFoundError("abc2midi is missing: install Debian's package abcmidi (apt-get install abcmidi)")
    (folder / "tunes.abc").write_text("\n".join(texts), encoding="utf-8")
    finished = subprocess.run([program, "tunes.abc"], cwd=folder, check=True, capture_output=True)
    said = (finished.stdout + finished.stderr).decode("utf-8", "replace")
    warnings: list[list[str]] = [[] for _ in texts]
    ends = list(accumulate(text.count("\n") + 1 for text in texts))  # the line that parts a tune from the next
    for line in said.splitlines():
        if re.search(r"\b(warning|error)\b", line, re.IGNORECASE):
            place = re.search(r"line-char (\d+)-", line)
            if not place:
                raise ValueError(f"abc2midi does not say which tune it means: {line}")
            warnings[bisect_left(ends, int(place[1]))].append(line)
    files = [(folder / f"tunes{number}.mid").read_bytes() for number in range(1, len(texts) + 1)]
    # It lets every note begin one MIDI tick late, so that repeated notes are heard apart.
    notes = [_notes_by_mido(each, late=1) for each in files]
    return [PlayedTune(*each) for each in zip(notes, warnings, strict=True)]


def read_by_abc2midi(texts: Sequence[str], folder: Path) -> list[list[SoundingNote]]:
    """The notes alone."""
    return [each.notes for each in played_by_abc2midi(texts, folder)]


def read_by_verovio(musicxml: str) -> list[SoundingNote]:
    """The notes of a MusicXML text as the engraver Verovio plays them."""
    toolkit = _toolkit()
    assert toolkit.loadData(musicxml)
    # It lets every note end one MIDI tick early, likewise, and cuts what floating-point numbers have come to: a MIDI
    # tick, a fifth of ours, may be missing anywhere.
    notes = _notes_by_mido(base64.b64decode(toolkit.renderToMIDI()), early=1)
    bounds = [(round(each.onset), round(each.onset + each.duration), each.pitch) for each in notes]
    return [SoundingNote(Fraction(begin), Fraction(end - begin), pitch) for begin, end, pitch in bounds]


def read_by_music21(content: bytes, begin: int) -> list[SoundingNote]:
    """The notes of a MIDI file, in which the melody begins ``begin`` ticks after the beginning of the file."""
    file = MidiFile()
    file.readstr(content)
    unit = Fraction(TICKS_PER_QUARTER, file.ticksPerQuarterNote)
    return [
        SoundingNote(note.onTime * unit - begin, (note.offTime - note.onTime) * unit, note.event.pitch)
        for track in file.tracks
        for note in getNotesFromEvents(getTimeForEvents(track))
    ]


@cache
def _toolkit() -> verovio.toolkit:
    verovio.enableLog(verovio.LOG_ERROR)
    toolkit = verovio.toolkit()
    toolkit.setOptions({"breaks": "none", "header": "none", "footer": "none"})  # nobody looks at it
    return toolkit


def _notes_by_mido(content: bytes, late: int = 0, early: int = 0) -> list[SoundingNote]:
    """The notes of a MIDI file, which begin so many MIDI ticks late and end so many early."""
    file = mido.MidiFile(file=io.BytesIO(content), charset="utf-8")
    unit = Fraction(TICKS_PER_QUARTER, file.ticks_per_beat)
    found: list[SoundingNote] = []
    for track in file.tracks:
        now = 0
        begun: dict[int, deque[int]] = defaultdict(deque)  # a repeated note may begin where the one before it ends
        for message in track:
            now += message.time
            if message.type == "note_on" and message.velocity:
                begun[message.note].append(now)
            elif message.type in {"note_on", "note_off"} and begun[message.note]:
                onset = begun[message.note].popleft() - late
                found.append(SoundingNote(onset * unit, (now + early - onset) * unit, message.note))
    return sorted(found)

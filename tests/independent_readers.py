"""Readers of written files other than our own: abc2midi, Verovio, music21 and mido; times are in ticks."""

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
    """A sounding note; onset and duration in ticks from the beginning of the melody."""

    onset: Fraction
    duration: Fraction
    pitch: int


def sounding_notes(melody: Melody) -> list[SoundingNote]:
    """Return the sounding notes of a melody, which every reader should return."""
    notes = zip(melody.onsets, melody.durations, melody.pitches, strict=True)
    return [
        SoundingNote(Fraction(int(onset)), Fraction(int(duration)), int(pitch))
        for onset, duration, pitch in notes
        if pitch != REST
    ]


class PlayedTune(NamedTuple):
    """The notes and the warnings of abc2midi for one tune."""

    notes: list[SoundingNote]
    warnings: list[str]


def played_by_abc2midi(texts: Sequence[str], folder: Path) -> list[PlayedTune]:
    """Play ABC tunes, numbered from 1, with Debian's abc2midi."""
    program = shutil.which("abc2midi")
    if program is None:
        raise FileNotFoundError("abc2midi is missing: install Debian's package abcmidi (apt-get install abcmidi)")
    (folder / "tunes.abc").write_text("\n".join(texts), encoding="utf-8")
    finished = subprocess.run([program, "tunes.abc"], cwd=folder, check=True, capture_output=True)
    output = (finished.stdout + finished.stderr).decode("utf-8", "replace")
    warnings: list[list[str]] = [[] for _ in texts]
    ends = list(accumulate(text.count("\n") + 1 for text in texts))  # one line separates a tune from the next
    for line in output.splitlines():
        if re.search(r"\b(warning|error)\b", line, re.IGNORECASE):
            position = re.search(r"line-char (\d+)-", line)
            if not position:
                raise ValueError(f"abc2midi names no tune in its warning: {line}")
            warnings[bisect_left(ends, int(position[1]))].append(line)
    files = [(folder / f"tunes{number}.mid").read_bytes() for number in range(1, len(texts) + 1)]
    # abc2midi begins every note one MIDI tick late, to separate repeated notes.
    notes = [_notes_by_mido(content, late=1) for content in files]
    return [PlayedTune(*played) for played in zip(notes, warnings, strict=True)]


def read_by_abc2midi(texts: Sequence[str], folder: Path) -> list[list[SoundingNote]]:
    """Return the notes of ABC tunes, as abc2midi plays them."""
    return [played.notes for played in played_by_abc2midi(texts, folder)]


def read_by_verovio(musicxml: str) -> list[SoundingNote]:
    """Return the notes of a MusicXML text, as Verovio plays them."""
    toolkit = _toolkit()
    assert toolkit.loadData(musicxml)
    # Verovio ends every note one MIDI tick early to separate repeated notes, and truncates floating-point times: one
    # MIDI tick, a fifth of ours, may be missing anywhere.
    notes = _notes_by_mido(base64.b64decode(toolkit.renderToMIDI()), early=1)
    bounds = [(round(note.onset), round(note.onset + note.duration), note.pitch) for note in notes]
    return [SoundingNote(Fraction(begin), Fraction(end - begin), pitch) for begin, end, pitch in bounds]


def read_by_music21(content: bytes, begin: int) -> list[SoundingNote]:
    """Return the notes of a MIDI file in which the melody begins at ``begin`` ticks, as music21 reads them."""
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
    toolkit.setOptions({"breaks": "none", "header": "none", "footer": "none"})  # the layout does not matter
    return toolkit


def _notes_by_mido(content: bytes, late: int = 0, early: int = 0) -> list[SoundingNote]:
    """Return the notes of a MIDI file that begin ``late`` MIDI ticks late and end ``early`` MIDI ticks early."""
    file = mido.MidiFile(file=io.BytesIO(content), charset="utf-8")
    unit = Fraction(TICKS_PER_QUARTER, file.ticks_per_beat)
    notes: list[SoundingNote] = []
    for track in file.tracks:
        now = 0
        begun: dict[int, deque[int]] = defaultdict(deque)  # a repeated note may begin when the note before ends
        for message in track:
            now += message.time
            if message.type == "note_on" and message.velocity:
                begun[message.note].append(now)
            elif message.type in {"note_on", "note_off"} and begun[message.note]:
                onset = begun[message.note].popleft() - late
                notes.append(SoundingNote(onset * unit, (now + early - onset) * unit, message.note))
    return sorted(notes)

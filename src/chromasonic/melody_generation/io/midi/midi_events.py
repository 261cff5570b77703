"""Split a Standard MIDI File into the events of its tracks (RP-001, Standard MIDI Files 1.0).

An event that cannot be is counted and left out; the track goes on after it. Only where the place of the next event is
unknown does a track end early. Libraries such as mido raise an error instead and lose the whole file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from chromasonic.melody_generation.errors import InputError

_HEADER, _TRACK = b"MThd", b"MTrk"
_MAX_PREFIX = 4096  # bytes before the header, in which a container (RIFF, MacBinary) may wrap the file
_INDEPENDENT_TRACKS = 2  # the format whose tracks are one piece each
_MAX_QUANTITY_BYTES = 4
_SYSTEM_LENGTHS = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # data bytes of system messages; the others have none
_NOTE_OFF, _NOTE_ON, _CONTROL, _PROGRAM, _CHANNEL_PRESSURE = 0x8, 0x9, 0xB, 0xC, 0xD
_SOUND_OFF, _NOTES_OFF = 120, 123  # controllers
_META, _SYSEX, _SYSEX_END, _END_OF_TRACK = 0xFF, 0xF0, 0xF7, 0x2F


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """A key of a keyboard, pressed or released.

    Attributes:
        time: The time in the file's ticks.
        channel: The channel, from 1.
        pitch: The MIDI number; None for the release of all keys of the channel.
        pressed: Whether the key is pressed.
    """

    time: int
    channel: int
    pitch: int | None
    pressed: bool


@dataclass(frozen=True, slots=True)
class MetaEvent:
    """A meta event: text, metre, key and so on.

    Attributes:
        time: The time in the file's ticks.
        kind: The number of its kind, such as 0x58 for a metre.
        data: Its data.
    """

    time: int
    kind: int
    data: bytes


@dataclass
class TrackEvents:
    """The events of a track that matter for a melody, by time.

    Attributes:
        keys: Pressed and released keys.
        metas: Meta events.
        end: The time of the last event.
        n_impossible: Events that are left out because their values are impossible.
        is_cut: Whether the track ends early, where the next event cannot be found.
    """

    keys: list[KeyEvent] = field(default_factory=list)
    metas: list[MetaEvent] = field(default_factory=list)
    end: int = 0
    n_impossible: int = 0
    is_cut: bool = False


@dataclass(frozen=True)
class MidiEvents:
    """The tracks of a file, and the number of its ticks for a quarter note."""

    ticks_per_quarter: int
    tracks: tuple[TrackEvents, ...]


def split_sequences(content: bytes) -> list[bytes]:
    """Return a file for each piece: for each track of a file of format 2, or the whole file.

    Raises:
        InputError: If it is no MIDI file.
    """
    begin = _header_position(content)
    if int.from_bytes(content[begin + 8 : begin + 10]) != _INDEPENDENT_TRACKS:
        return [content]
    header = content[begin : begin + 8] + b"\x00\x00\x00\x01" + content[begin + 12 : begin + 14]
    tracks = list(_track_contents(content, begin))
    return [header + _TRACK + len(track).to_bytes(4) + track for track in tracks] or [content]


def read_events(content: bytes) -> MidiEvents:
    """Read the events of all tracks.

    Raises:
        InputError: If it is no MIDI file, or its time unit is not a part of a quarter note.
    """
    begin = _header_position(content)
    division = int.from_bytes(content[begin + 12 : begin + 14])
    if not division or division & 0x8000:
        raise InputError("its time unit is seconds instead of notes")
    return MidiEvents(division, tuple(_track_events(track) for track in _track_contents(content, begin)))


def _header_position(content: bytes) -> int:
    begin = content.find(_HEADER, 0, _MAX_PREFIX)
    if begin < 0 or len(content) < begin + 14:
        raise InputError("it is no MIDI file: it has no complete header")
    return begin


def _track_contents(content: bytes, begin: int) -> Iterator[bytes]:
    """Yield the content of each track; where a chunk's written length is wrong, the chunk reaches to the next track."""
    position = begin + 8 + int.from_bytes(content[begin + 4 : begin + 8])
    if content[position : position + 4] != _TRACK:
        position = content.find(_TRACK, begin + 14)
    while 0 <= position <= len(content) - 8:
        first = position + 8
        end = first + int.from_bytes(content[position + 4 : first])
        if end != len(content) and not content[end : end + 4].isalnum():  # no name of a chunk
            next_track = content.find(_TRACK, first)
            end = next_track if next_track >= 0 else len(content)
        if content[position : position + 4] == _TRACK:
            yield content[first:end]
        position = end


class _Bytes:
    """Bytes that are read one after the other."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.position = 0

    def byte(self) -> int:
        value = self._content[self.position]
        self.position += 1
        return value

    def take(self, length: int) -> bytes:
        """Return the next bytes.

        Raises:
            IndexError: If there are fewer.
        """
        self.position += length
        if self.position > len(self._content):
            raise IndexError
        return self._content[self.position - length : self.position]

    def quantity(self) -> int:
        """Return a number of variable length.

        Raises:
            IndexError: If it has more than four bytes, or is cut off.
        """
        value = 0
        for _ in range(_MAX_QUANTITY_BYTES):
            byte = self.byte()
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value
        raise IndexError

    def __bool__(self) -> bool:
        return self.position < len(self._content)


def _track_events(content: bytes) -> TrackEvents:
    events, source = TrackEvents(), _Bytes(content)
    running = 0  # the status of channel messages that lack one
    try:
        while source:
            events.end += source.quantity()
            status = source.byte()
            if status < 0x80:
                source.position -= 1
                status = running
            if status == _META:
                kind = source.byte()
                if kind == _END_OF_TRACK:
                    return events
                events.metas.append(MetaEvent(events.end, kind, source.take(source.quantity())))
            elif status in {_SYSEX, _SYSEX_END}:
                source.take(source.quantity())
            elif status > _SYSEX:
                source.take(_SYSTEM_LENGTHS.get(status, 0))
            elif status:
                running = status
                _add_channel_message(events, status, source)
            else:  # without a status, its length is unknown
                raise IndexError
    except IndexError:
        events.is_cut = True
    return events


def _add_channel_message(events: TrackEvents, status: int, source: _Bytes) -> None:
    kind, channel = status >> 4, (status & 0xF) + 1
    if kind in {_PROGRAM, _CHANNEL_PRESSURE}:
        source.take(1)
        return
    number, value = source.take(2)
    if kind in {_NOTE_ON, _NOTE_OFF}:
        if number > 0x7F:
            events.n_impossible += 1
        else:
            events.keys.append(KeyEvent(events.end, channel, number, pressed=kind == _NOTE_ON and value > 0))
    elif kind == _CONTROL and number in {_SOUND_OFF, _NOTES_OFF}:
        events.keys.append(KeyEvent(events.end, channel, None, pressed=False))

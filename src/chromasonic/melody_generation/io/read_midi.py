"""Read MIDI files: each channel of each track is a part; percussion (channel 10) is omitted.

A MIDI file has no bar lines, so they are counted from the metre (4/4 if there is none).
:mod:`~chromasonic.melody_generation.io.midi.played_rhythm` quantises the notes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from chromasonic.melody_generation.io.melody_line import MetreChange, ParsedScore
from chromasonic.melody_generation.io.melody_part import ScorePart, TimedNote
from chromasonic.melody_generation.io.midi.beat_grids import snap_to_grid
from chromasonic.melody_generation.io.midi.midi_events import TrackEvents, read_events
from chromasonic.melody_generation.io.midi.note_pairing import ChannelNotes, pair_keys
from chromasonic.melody_generation.io.midi.played_rhythm import quantise
from chromasonic.melody_generation.io.scores.written_notes import key_of_signature
from chromasonic.melody_generation.io.tunes import GRACE_NOTES, IMPOSSIBLE_EVENTS, PERCUSSION, Remark
from chromasonic.melody_generation.measures.key_estimation import Key
from chromasonic.melody_generation.melody import TICKS_PER_QUARTER, Metre

_PERCUSSION_CHANNEL = 10
_TRACK_NAME, _INSTRUMENT_NAME, _LYRIC, _METRE, _KEY = 0x03, 0x04, 0x05, 0x58, 0x59
_MAX_SHARPS = 7
_MIN_SUNG_SHARE = 0.5  # of the syllables and onsets, those that fall together
_HANGING = "notes that are never released last until the next note"
_CUT = "a damaged track is read up to the damage"


@dataclass(frozen=True)
class _Channel:
    """The notes of a channel of a track, in the file's ticks."""

    track: int
    notes: ChannelNotes

    @property
    def onsets(self) -> set[int]:
        return {onset for onset, _, _ in self.notes.notes}


def parse_midi(content: bytes) -> ParsedScore:
    """Parse a Standard MIDI File.

    Raises:
        InputError: If it is no MIDI file, or its time unit is seconds instead of notes.
    """
    events = read_events(content)
    unit = Fraction(TICKS_PER_QUARTER, events.ticks_per_quarter)
    left_out = Counter[str]()
    channels: list[_Channel] = []
    for number, track in enumerate(events.tracks):
        left_out[IMPOSSIBLE_EVENTS] += track.n_impossible
        for channel, notes in pair_keys(track.keys, track.end, events.ticks_per_quarter).items():
            if channel == _PERCUSSION_CHANNEL:
                left_out[PERCUSSION] += len(notes.notes)
            else:
                channels.append(_Channel(number, notes))
    metas = sorted((meta for track in events.tracks for meta in track.metas), key=lambda meta: meta.time)
    signatures = [meta for meta in metas if meta.kind == _METRE]
    metres = [(meta.time * unit, metre) for meta in signatures if (metre := _metre(meta.data))]
    key_signatures = [meta for meta in metas if meta.kind == _KEY]
    keys = [(meta.time, key) for meta in key_signatures if (key := _key(meta.data))]
    left_out[IMPOSSIBLE_EVENTS] += len(signatures) - len(metres) + len(key_signatures) - len(keys)
    n_lyrics = _n_lyrics(events.tracks, channels)
    return ParsedScore(
        parts=tuple(
            _part(channel, events.tracks[channel.track], n_sung, unit, is_alone=_is_alone(channel, channels))
            for channel, n_sung in zip(channels, n_lyrics, strict=True)
        ),
        metres=tuple(_without_repetitions(metres)),
        key=next((key for time, key in reversed(keys) if time == keys[0][0]), None),
        left_out=left_out,
    )


def _part(channel: _Channel, track: TrackEvents, n_lyrics: int, unit: Fraction, *, is_alone: bool) -> ScorePart:
    """Return the part of a channel; the names of a track of several channels are not those of one part."""
    played = quantise(TimedNote(onset * unit, end * unit, pitch) for onset, end, pitch in channel.notes.notes)
    n_hanging = channel.notes.n_hanging
    remarks = [Remark(_HANGING, f"{n_hanging} of {len(channel.notes.notes)} notes")] if n_hanging else []
    if track.is_cut:
        remarks.append(Remark(_CUT, f"track {channel.track + 1}"))
    return ScorePart(
        notes=played.notes,
        name=_name(track) if is_alone else "",
        n_lyrics=n_lyrics,
        n_onsets_moved=played.n_onsets_moved,
        left_out={GRACE_NOTES: played.n_ornaments},
        remarks=tuple(remarks),
    )


def _is_alone(channel: _Channel, channels: Sequence[_Channel]) -> bool:
    return sum(other.track == channel.track for other in channels) == 1


def _name(track: TrackEvents) -> str:
    """Return the name of a track and of its instrument."""
    names = [
        next((text for meta in track.metas if meta.kind == kind and (text := _text(meta.data))), "")
        for kind in (_TRACK_NAME, _INSTRUMENT_NAME)
    ]
    return ", ".join(dict.fromkeys(name for name in names if name))


def _text(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def _n_lyrics(tracks: Sequence[TrackEvents], channels: Sequence[_Channel]) -> list[int]:
    """Return the number of syllables of each channel.

    A track's lyrics are sung to its notes. Of several channels, and if the track has no notes, they are sung to the
    channel whose onsets agree best with their times.
    """
    n_lyrics = [0] * len(channels)
    onsets = [channel.onsets for channel in channels]
    for number, track in enumerate(tracks):
        times = {meta.time for meta in track.metas if meta.kind == _LYRIC}
        own = [index for index, channel in enumerate(channels) if channel.track == number]
        if len(own) == 1:
            n_lyrics[own[0]] += len(times)
        elif times and channels:
            shares = {i: len(times & onsets[i]) / len(times | onsets[i]) for i in own or range(len(channels))}
            best = max(shares, key=lambda index: shares[index])
            if shares[best] >= _MIN_SUNG_SHARE:
                n_lyrics[best] += len(times)
    return n_lyrics


def _metre(signature: bytes) -> Metre | None:
    """Parse the data of a time signature: number of beats, and the power of two of their unit; None if impossible."""
    if len(signature) < 2 or not signature[0]:
        return None
    try:
        return Metre(signature[0], 2 ** signature[1])
    except ValueError:
        return None


def _key(signature: bytes) -> Key | None:
    """Parse the data of a key signature: number of sharps, negative for flats, and 1 for minor; None if impossible."""
    sharps, mode = int.from_bytes(signature[:1], signed=True), signature[1:2]
    if abs(sharps) > _MAX_SHARPS or mode not in {b"\x00", b"\x01"}:
        return None
    return key_of_signature(sharps, "minor" if mode == b"\x01" else "major")


def _without_repetitions(changes: list[tuple[Fraction, Metre]]) -> list[MetreChange]:
    """Return the changes, without those that repeat the metre in force; of changes at the same time the last."""
    distinct: list[MetreChange] = []
    for time, metre in changes:
        onset = Fraction(snap_to_grid(float(time)))
        if distinct and distinct[-1].onset == onset:
            distinct.pop()
        if not distinct or distinct[-1].metre != metre:
            distinct.append(MetreChange(onset, metre))
    return distinct

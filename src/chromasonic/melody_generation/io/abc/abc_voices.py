"""Select the voice of an ABC tune that carries the melody.

The first of these rules that holds for some voice decides; of several such voices, the first is taken.

1. The user names the voice by its name or id, or gives its number.
2. Its name says that it is the melody, or it has words; a voice of which both is true comes first.
3. It has notes. (Not the highest: ABC is a notation of tunes, and an upper voice is a descant.)

A voice of percussion or of cue notes is taken only if there is no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.melody_part import MIN_SHARE_OF_FULLEST, is_melody_name
from chromasonic.melody_generation.io.tunes import Remark


@dataclass
class AbcVoice:
    """Properties of a voice, and counts of its content.

    Attributes:
        name: Its name; its id if that is no number.
        octaves: Octaves by which its notes sound above the written ones.
        transposition: Semitones by which its instrument sounds above the written notes.
        is_no_melody: Whether it has the clef or the MIDI channel of percussion, or cue notes.
        n_notes: Number of its note letters.
        n_lyrics: Number of lines of words below its notes.
    """

    name: str = ""
    octaves: int | None = None
    transposition: int = 0
    is_no_melody: bool = False
    n_notes: int = 0
    n_lyrics: int = 0


@dataclass(frozen=True)
class SelectedVoice:
    """The id of the voice that carries the melody, with the rule that selected it; None if no other has notes."""

    voice: str
    remark: Remark | None


def select_voice(voices: Mapping[str, AbcVoice], wanted: str | int | None = None) -> SelectedVoice | None:
    """Select the voice that carries the melody; None if no voice has a note.

    Args:
        voices: The voices by their ids, in the order in which the tune names them.
        wanted: The name or the id of a voice, or a piece of its name; or its number, from 1. None to choose it.

    Raises:
        InputError: If there is no such voice.

    Example:
        >>> voices = {"1": AbcVoice("Piano", n_notes=9), "2": AbcVoice("Melody", n_notes=4)}
        >>> select_voice(voices).remark.detail
        "voice 2 of 2, 'Melody'"
    """
    sounding = {voice: known for voice, known in voices.items() if known.n_notes}
    if not sounding:
        return None
    if wanted is not None and wanted != "":
        return _selected(voices, _wanted_voice(sounding, voices, wanted), "the melody is the voice that was asked for")
    pitched = {voice: known for voice, known in sounding.items() if not known.is_no_melody} or sounding
    fullest = max(known.n_notes for known in pitched.values())
    full = {v: known for v, known in pitched.items() if MIN_SHARE_OF_FULLEST * known.n_notes >= fullest}
    named = [voice for voice, known in full.items() if is_melody_name(known.name)]
    sung = [voice for voice, known in full.items() if known.n_lyrics]
    if named:
        both = [voice for voice in named if voice in sung]
        return _selected(voices, (both or named)[0], "the melody is the voice with such a name")
    if sung:
        return _selected(voices, sung[0], "the melody is the first voice with words")
    return _selected(voices, next(iter(pitched)), "the melody is the first voice with notes")


def _wanted_voice(sounding: Mapping[str, AbcVoice], voices: Mapping[str, AbcVoice], wanted: str | int) -> str:
    name = str(wanted).lower()
    matching = [voice for voice, known in sounding.items() if name in (voice.lower(), known.name.lower())]
    if not matching and name.isdecimal():
        matching = [voice for voice in list(voices)[int(name) - 1 : int(name)] if voice in sounding]
    matching = matching or [voice for voice, known in sounding.items() if name in known.name.lower()]
    if not matching:
        names = ", ".join(
            f"{number} {voices[v].name!r}" for number, v in enumerate(list(voices)[:20], 1) if v in sounding
        )
        raise InputError(f"it has no voice {wanted!r} with notes; its voices are {names}")
    return matching[0]


def _selected(voices: Mapping[str, AbcVoice], selected: str, rule: str) -> SelectedVoice:
    if sum(1 for known in voices.values() if known.n_notes) == 1:
        return SelectedVoice(selected, None)
    name = f", {voices[selected].name[:40]!r}" if voices[selected].name else ""
    return SelectedVoice(selected, Remark(rule, f"voice {list(voices).index(selected) + 1} of {len(voices)}{name}"))

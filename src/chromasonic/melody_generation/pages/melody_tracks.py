"""Tracks of a page from scored melodies: their notation, scores, passages shared with training tunes, and files."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, repeat

import numpy as np

from chromasonic.melody_generation.evaluation.scored_melodies import ScoredMelodies
from chromasonic.melody_generation.io.engraving import Engraving, engrave_staff
from chromasonic.melody_generation.io.export import FORMAT_SUFFIXES, render
from chromasonic.melody_generation.melody import REST, FloatArray, Melody
from chromasonic.melody_generation.notation.instruments import DEFAULT_INSTRUMENT
from chromasonic.melody_generation.notation.spelling import Spelling
from chromasonic.melody_generation.notation.tempo import usual_tempo
from chromasonic.melody_generation.pages.inline_svg import InlineSvg, inline_svg
from chromasonic.melody_generation.pages.tracks import ScoreBar, SharedRun, Track, TrackFile

_NARROW, _WIDE = 500, 860  # width of notation for a phone, which scales it down, and for a wide screen
# The formats that a page contains, with the words on the button and the media type.
_FILES = {
    "midi": ("MIDI", "audio/midi"),
    "musicxml": ("MusicXML", "application/vnd.recordare.musicxml+xml"),
    "abc": ("ABC", "text/vnd.abc"),
    "svg": ("SVG", "image/svg+xml"),
}
PAGE_FORMATS = tuple(_FILES)
_MOST_BARS = 96
_GROUPS = ("coherence", "musicality", "diversity")


def melody_tracks(
    scored: ScoredMelodies,
    indices: Sequence[int],
    titles: Sequence[str],
    stems: Sequence[str],
    tempo: float | None = None,
    contents: Sequence[Mapping[str, bytes]] = (),
    instrument: str = DEFAULT_INSTRUMENT,
) -> tuple[Track, ...]:
    """Return tracks of some melodies.

    Args:
        scored: The melodies.
        indices: Indices of the melodies that are shown.
        titles: The title of each track.
        stems: The name of each track's files, without an ending.
        tempo: Quarter notes per minute; None for the usual tempo of the metre.
        contents: Files of each track that exist already, by format; the others are rendered.
        instrument: One of ``INSTRUMENTS``, which plays the MIDI files.
    """
    return tuple(
        Track(
            title=title,
            facts=(*melody_facts(melody := scored.melodies[index]), *_given(scored.n_given)),
            melody=melody,
            tempo=tempo or usual_tempo(melody),
            engravings=page_engravings(melody),
            scores=_score_bars(scored, index),
            shared=_shared_run(scored, index),
            seam=int(melody.durations[: scored.n_given].sum()),
            files=track_files(melody, tempo, stem, ready, instrument),
        )
        for index, title, stem, ready in zip(indices, titles, stems, chain(contents, repeat({})), strict=False)
    )


def _given(n_notes: int) -> tuple[str, ...]:
    return (f"after the first {count_noun(n_notes, 'note')}, which were given",) if n_notes else ()


def _score_bars(scored: ScoredMelodies, index: int) -> tuple[ScoreBar, ...]:
    if scored.scores is None:
        return ()
    real = scored.reference.real if scored.reference else None
    bars = [
        ScoreBar(name, float(scored.scores.groups[name][index]), _mean(real.groups[name]) if real else math.nan)
        for name in _GROUPS
    ]
    whole = ScoreBar("typicality", float(scored.scores.overall[index]), _mean(real.overall) if real else math.nan)
    return (*bars, whole)


def _shared_run(scored: ScoredMelodies, index: int) -> SharedRun | None:
    if scored.copying is None or scored.reference is None or scored.reference.novelty is None:
        return None
    copying, real = scored.copying[index], scored.reference.real_copying or ()
    tune = scored.reference.novelty.melodies[copying.passage.source] if copying.passage.n_notes else None
    return SharedRun(
        begin=copying.passage.begin,
        n_notes=copying.passage.n_notes,
        share=copying.passage.share,
        title=tune.title if tune else "",
        source=tune.source if tune else "",
        novelty=copying.novelty,
        real_notes=_mean(np.array([other.passage.n_notes for other in real], dtype=np.float64)),
        real_novelty=_mean(np.array([other.novelty for other in real], dtype=np.float64)),
    )


def _mean(values: FloatArray) -> float:
    """Return the mean of the values that are defined."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else math.nan


def melody_facts(melody: Melody) -> tuple[str, ...]:
    """Return key, metre, number of bars and number of notes in a few words each.

    Example:
        >>> melody_facts(Melody([67, 71, 74, REST], [24, 24, 24, 24], tonic=7))
        ('G major', '4/4', '1 bar', '3 notes')
    """
    n_bars, n_notes = len(melody.bar_lines), int((melody.pitches != REST).sum())
    key = f"{Spelling.for_key(melody.tonic, melody.mode).tonic} {melody.mode}"
    metre = str(melody.metre) if melody.metre.beats else "free metre"
    return (key, metre, count_noun(n_bars, "bar"), count_noun(n_notes, "note"))


def count_noun(n: int, noun: str, plural: str = "") -> str:
    """Return a number with a noun in the singular or plural.

    Example:
        >>> count_noun(1, "bar"), count_noun(2, "bar"), count_noun(2, "melody", "melodies")
        ('1 bar', '2 bars', '2 melodies')
    """
    return f"{n} {noun}" if n == 1 else f"{n} {plural or noun + 's'}"


def page_engravings(
    melody: Melody, engrave: Callable[[Melody, int], Engraving] = engrave_staff, label: str = "Notation"
) -> tuple[InlineSvg, ...]:
    """Engrave a melody for a narrow and for a wide screen, with the index of each sounding note as a mark.

    A melody that is too long has no notation on a page, since it would take megabytes and seconds.

    Args:
        melody: The melody, of one note or more.
        engrave: Engraves a melody at a width.
        label: The description for screen readers.
    """
    if _is_too_long(melody):
        return ()
    sounding = np.flatnonzero(melody.pitches != REST).tolist()
    engravings = []
    for width in (_NARROW, _WIDE):
        engraving = engrave(melody, width)
        marks = {name: index for index, note in enumerate(sounding) for name in engraving.notes[note]}
        engravings.append(inline_svg(engraving.svg, marks, label=label))
    return tuple(engravings)


def track_files(
    melody: Melody,
    tempo: float | None,
    stem: str,
    ready: Mapping[str, bytes] | None = None,
    instrument: str = DEFAULT_INSTRUMENT,
) -> tuple[TrackFile, ...]:
    """Return the files of a melody as they are exported; the page makes the sound file itself.

    A melody that is too long for notation on a page has no notation as a file either.

    Args:
        melody: The melody.
        tempo: Quarter notes per minute; None for the usual tempo of the metre.
        stem: The name of the files, without an ending.
        ready: Files that exist already, by format; the others are rendered.
        instrument: One of ``INSTRUMENTS``, which plays the MIDI file.
    """
    ready = ready or {}
    wanted = [name for name in _FILES if name != "svg" or not _is_too_long(melody)]
    missing = [name for name in wanted if name not in ready]
    contents = {**ready, **(render(melody, tempo, missing, instrument=instrument) if missing else {})}
    files = [
        TrackFile(_FILES[name][0], f"{stem}{FORMAT_SUFFIXES[name]}", _FILES[name][1], contents[name]) for name in wanted
    ]
    return (*files, TrackFile("WAV", f"{stem}{FORMAT_SUFFIXES['wav']}", "audio/wav", None))


def _is_too_long(melody: Melody) -> bool:
    return len(melody.bar_lines) > _MOST_BARS

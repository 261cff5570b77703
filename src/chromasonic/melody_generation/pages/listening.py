"""Melodies to listen to: each with its notation, its scores beside real tunes and what it copies, on one page."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import chain, repeat

import numpy as np

from chromasonic.melody_generation.evaluation.reference_set import ReferenceSet
from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.io.engraving import Engraving, engrave_staff
from chromasonic.melody_generation.io.export import FORMAT_SUFFIXES, render
from chromasonic.melody_generation.measures.melody_scores import MelodyScores
from chromasonic.melody_generation.measures.novelty import Copying
from chromasonic.melody_generation.melody import REST, Melody
from chromasonic.melody_generation.notation.spelling import Spelling
from chromasonic.melody_generation.notation.tempo import usual_tempo
from chromasonic.melody_generation.pages.inline_svg import InlineSvg, inline_svg
from chromasonic.melody_generation.pages.page import Page, TrackGroup, page_html
from chromasonic.melody_generation.pages.tracks import ScoreBar, SharedRun, Track, TrackFile
from chromasonic.melody_generation.runs.trained_model import TrainedModel

_NARROW, _WIDE = 500, 860  # for a phone, where it is shown smaller, and for the column of a card on a wide screen
# A page of more is slow to open; what else there is lies beside it as files.
MOST_ON_PAGE = 48
# What the page holds ready, with the words on the button and the media type.
_FILES = {
    "midi": ("MIDI", "audio/midi"),
    "musicxml": ("MusicXML", "application/vnd.recordare.musicxml+xml"),
    "abc": ("ABC", "text/vnd.abc"),
    "svg": ("SVG", "image/svg+xml"),
}
PAGE_FORMATS = tuple(_FILES)
_NOT_LISTED = {"count", "max_notes", "corpus"}
_LISTED_IF_CHANGED = {"top_k", "top_p", "min_p"}
_MOST_BARS = 96
# What people call the models that come with this project.
_CALLED = {"lstm": "an LSTM", "transformer": "a Transformer", "markov": "a Markov model", "ppm": "a PPM model"}
_GROUPS = ("coherence", "musicality", "diversity")


@dataclass(frozen=True)
class ScoredMelodies:
    """Melodies, and what is known of them.

    Attributes:
        melodies: Each with a note that sounds.
        scores: Of them; None where there is nothing to judge them by.
        copying: What each shares with the training tunes, where they are known.
        reference: What they were judged by, if anything.
    """

    melodies: tuple[Melody, ...]
    scores: MelodyScores | None = None
    copying: tuple[Copying, ...] | None = None
    reference: ReferenceSet | None = None

    @classmethod
    def by(cls, reference: ReferenceSet, melodies: Sequence[Melody]) -> ScoredMelodies:
        """Judge melodies that were not judged before."""
        scores = reference.calibration.score(melodies, reference.novelty) if reference.calibration else None
        copying = tuple(reference.novelty.copying(melodies)) if reference.novelty else None
        return cls(tuple(melodies), scores, copying, reference)

    def tracks(
        self,
        places: Sequence[int],
        titles: Sequence[str],
        stems: Sequence[str],
        tempo: float | None = None,
        contents: Sequence[Mapping[str, bytes]] = (),
    ) -> tuple[Track, ...]:
        """Some of the melodies, as a page shows them.

        Args:
            places: Which.
            titles: What each of these is called.
            stems: Names of their files, without an ending.
            tempo: Quarter notes a minute; None for what is usual in the metre.
            contents: What files of theirs are known to hold, by format; the others are made.
        """
        return tuple(
            self._track(place, title, track_files(self.melodies[place], tempo, stem, ready), tempo)
            for place, title, stem, ready in zip(places, titles, stems, chain(contents, repeat({})), strict=False)
        )

    def _track(self, place: int, title: str, files: tuple[TrackFile, ...], tempo: float | None) -> Track:
        melody = self.melodies[place]
        return Track(
            title=title,
            facts=melody_facts(melody),
            melody=melody,
            tempo=tempo or usual_tempo(melody),
            engravings=page_engravings(melody),
            scores=self._score_bars(place),
            shared=self._shared_run(place),
            files=files,
        )

    def _score_bars(self, place: int) -> tuple[ScoreBar, ...]:
        if self.scores is None:
            return ()
        real = self.reference.real if self.reference else None
        bars = [
            ScoreBar(name, float(self.scores.groups[name][place]), _mean(real.groups[name]) if real else math.nan)
            for name in _GROUPS
        ]
        overall = ScoreBar("overall", float(self.scores.overall[place]), _mean(real.overall) if real else math.nan)
        return (*bars, overall)

    def _shared_run(self, place: int) -> SharedRun | None:
        if self.copying is None or self.reference is None or self.reference.novelty is None:
            return None
        found, real = self.copying[place], self.reference.real_copying or ()
        tune = self.reference.novelty.melodies[found.passage.source] if found.passage.n_notes else None
        return SharedRun(
            begin=found.passage.begin,
            n_notes=found.passage.n_notes,
            share=found.passage.share,
            title=tune.title if tune else "",
            source=tune.source if tune else "",
            novelty=found.novelty,
            real_notes=_mean(np.array([each.passage.n_notes for each in real], dtype=np.float64)),
            real_novelty=_mean(np.array([each.novelty for each in real], dtype=np.float64)),
        )


def _mean(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    """The mean of the values that are defined."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else math.nan


def melody_facts(melody: Melody) -> tuple[str, ...]:
    """Key, metre, bars and notes in a few words each.

    Example:
        >>> melody_facts(Melody([67, 71, 74, REST], [24, 24, 24, 24], tonic=7))
        ('G major', '4/4', '1 bar', '3 notes')
    """
    n_bars, n_notes = len(melody.bar_lines), int((melody.pitches != REST).sum())
    key = f"{Spelling.for_key(melody.tonic, melody.mode).tonic} {melody.mode}"
    metre = str(melody.metre) if melody.metre.beats else "free metre"
    return (key, metre, _counted(n_bars, "bar"), _counted(n_notes, "note"))


def _counted(n: int, noun: str, plural: str = "") -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {plural or noun + 's'}"


def _is_too_long(melody: Melody) -> bool:
    return len(melody.bar_lines) > _MOST_BARS


def page_engravings(
    melody: Melody, engrave: Callable[[Melody, int], Engraving] = engrave_staff, label: str = "Notation"
) -> tuple[InlineSvg, ...]:
    """The notation for a phone and for a wide screen, each of its sounding notes marked with its number.

    None for a melody that is too long: its notation would take megabytes and seconds, and nobody would read it here.

    Args:
        melody: The melody, of one note or more.
        engrave: Draws it so many units wide.
        label: What screen readers say of the picture.
    """
    if _is_too_long(melody):
        return ()
    sounding = np.flatnonzero(melody.pitches != REST).tolist()
    found = []
    for width in (_NARROW, _WIDE):
        drawn = engrave(melody, width)
        marks = {name: place for place, note in enumerate(sounding) for name in drawn.notes[note]}
        found.append(inline_svg(drawn.svg, marks, label=label))
    return tuple(found)


def track_files(
    melody: Melody, tempo: float | None, stem: str, ready: Mapping[str, bytes] | None = None
) -> tuple[TrackFile, ...]:
    """The files of a melody, the same as are exported; its sound is made by the page itself.

    A melody that is too long to be printed on a page is not engraved for a file either.

    Args:
        melody: The melody.
        tempo: Quarter notes a minute; None for what is usual in the metre.
        stem: The name of the files, without an ending.
        ready: What some of them hold, by format; the others are made.
    """
    ready = ready or {}
    wanted = [name for name in _FILES if name != "svg" or not _is_too_long(melody)]
    missing = [name for name in wanted if name not in ready]
    made = {**ready, **(render(melody, tempo, missing) if missing else {})}
    contents = {name: made[name] for name in wanted}
    files = [
        TrackFile(_FILES[name][0], f"{stem}{FORMAT_SUFFIXES[name]}", _FILES[name][1], contents[name])
        for name in contents
    ]
    return (*files, TrackFile("WAV", f"{stem}{FORMAT_SUFFIXES['wav']}", "audio/wav", None))


def settings_facts(config: GenerationConfig, primer: str | None = None) -> dict[str, str]:
    """Return the options of generation as a page lists them, without those that change nothing.

    Args:
        config: The options.
        primer: The file of the primer, if there is one.

    Example:
        >>> settings_facts(GenerationConfig(key="G", temperature=0.9, seed=7))
        {'Key': 'G', 'Temperature': '0.9', 'Seed': '7'}
    """
    facts: dict[str, str] = {}
    for option in fields(config):
        value = getattr(config, option.name)
        is_neutral = option.name in _LISTED_IF_CHANGED and value == option.default
        if value is not None and not is_neutral and option.name not in _NOT_LISTED:
            facts[option.name.replace("_", " ").capitalize()] = f"{value:g}" if isinstance(value, float) else str(value)
    return ({"Primer": primer} if primer else {}) | facts


def listening_page(
    judged: ScoredMelodies,
    model: TrainedModel,
    settings: Mapping[str, str],
    command: str,
    stems: Sequence[str],
    tempo: float | None = None,
    contents: Sequence[Mapping[str, bytes]] = (),
) -> str:
    """The page of melodies that a model has generated, as an HTML document.

    Args:
        judged: The melodies.
        model: The model that generated them.
        settings: How they were made, by name, as the page lists them.
        command: What to type to make them again.
        stems: Names of their files, without an ending.
        tempo: Quarter notes a minute; None for what is usual in the metre.
        contents: What their files are known to hold, by format; what the page lacks of them is made.
    """
    n = len(judged.melodies)
    shown = min(n, MOST_ON_PAGE)
    titles = [melody.title or f"Melody {place + 1}" for place, melody in enumerate(judged.melodies[:shown])]
    note = f"The first {shown} of {n}: the others are files in the same folder." if shown < n else ""
    dataset = model.metadata.dataset
    known = _counted(len(model.tunes["train"]), "tune") if "train" in model.tunes else "tunes"
    facts = {
        "Model": model.name,
        "Dataset": dataset or None,
        "Trained with seed": model.metadata.seed,
        **settings,
        "Checkpoint": model.digest,
    }
    page = Page(
        title=f"{_counted(n, 'melody', 'melodies')} by {_CALLED.get(model.name, model.name)}",
        lead=f"Made up note by note by a model that learned from {known}{f' of {dataset}' if dataset else ''}.",
        facts=tuple((name, str(value)) for name, value in facts.items() if value is not None),
        command=command,
        groups=(TrackGroup("", note, judged.tracks(range(shown), titles, stems[:shown], tempo, contents[:shown])),),
    )
    return page_html(page)

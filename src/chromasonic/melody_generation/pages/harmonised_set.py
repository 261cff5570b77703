"""Melodies with chords that a model has given them, as files, as a page and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.scored_melodies import ScoredMelodies
from chromasonic.melody_generation.harmony.chord_model import shipped_chord_model
from chromasonic.melody_generation.harmony.harmonise import harmonise
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune
from chromasonic.melody_generation.melody import REST
from chromasonic.melody_generation.notation.instruments import DEFAULT_INSTRUMENT
from chromasonic.melody_generation.notation.titles import file_stem
from chromasonic.melody_generation.pages.generated_set import MOST_ON_PAGE, GeneratedSet
from chromasonic.melody_generation.pages.melody_tracks import count_noun, melody_tracks
from chromasonic.melody_generation.pages.page import Page, TrackGroup, page_html
from chromasonic.melody_generation.pages.tables import Table

_MOST_REMARKS = 8
_NO_NOTE = "it has no note"


@dataclass(frozen=True)
class HarmonisedSet:
    """Melodies with chords.

    Attributes:
        written: The melodies and the names of their files; without scores.
        n_replaced: The number of melodies that had chords before.
        left_out: The tunes that could not be read, with the reasons.
    """

    written: GeneratedSet
    n_replaced: int
    left_out: tuple[DroppedTune, ...]

    @classmethod
    def of(cls, tunes: Iterable[WrittenTune | DroppedTune], path: Path) -> HarmonisedSet:
        """Give tunes chords, and name their files after the file or folder that they are from.

        Raises:
            InputError: If no tune can be used.
        """
        melodies, left_out = [], []
        for tune in tunes:
            if isinstance(tune, DroppedTune):
                left_out.append(tune)
            elif (tune.melody.pitches == REST).all():
                left_out.append(DroppedTune(tune.melody.source, _NO_NOTE))
            else:
                melodies.append(tune.melody)
        if not melodies:
            why = f": {left_out[0].reason.removeprefix('cannot be used: ')}" if left_out else ""
            raise InputError(f"{path} has no melody that can have chords{why}")
        stem = file_stem(path.absolute().stem if path.suffix else path.absolute().name) or "melody"
        digits = max(2, len(str(len(melodies))))
        stems = tuple(f"{stem}_{number:0{digits}}" for number in range(1, len(melodies) + 1))
        written = GeneratedSet(ScoredMelodies(tuple(map(harmonise, melodies))), stems)
        return cls(written, sum(bool(melody.chords) for melody in melodies), tuple(left_out))

    def remarks(self) -> list[str]:
        """Return lines on chords that were replaced, and on tunes that were left out."""
        lines = []
        if self.n_replaced:
            lines.append(f"{count_noun(self.n_replaced, 'melody', 'melodies')} had chords, which were replaced")
        lines += [f"left out {tune.source}: {tune.reason}" for tune in self.left_out[:_MOST_REMARKS]]
        more = len(self.left_out) - _MOST_REMARKS
        return [*lines, f"left out {more} more"] if more > 0 else lines


def harmonised_set_table(harmonised: HarmonisedSet) -> Table:
    """Return title, number of bars and number of chords of each melody, as a table."""
    rows = []
    for stem, melody in zip(harmonised.written.stems, harmonised.written.melodies, strict=True):
        name = f"{stem} ({melody.title})" if melody.title else stem
        rows.append((name, str(len(melody.bar_lines)), str(len(melody.chords))))
    return Table("Melodies with chords", ("file", "bars", "chords"), tuple(rows))


def harmonised_page(
    harmonised: HarmonisedSet,
    command: str,
    tempo: float | None = None,
    contents: Sequence[Mapping[str, bytes]] = (),
    instrument: str = DEFAULT_INSTRUMENT,
) -> str:
    """Return the page of melodies with chords, as an HTML document.

    Args:
        harmonised: The melodies.
        command: The command that makes the page again.
        tempo: Quarter notes per minute; None for the usual tempo of the metre.
        contents: Files of each melody that exist already, by format; the others are rendered.
        instrument: One of ``INSTRUMENTS``, which plays first.
    """
    written = harmonised.written
    n = len(written.melodies)
    shown = min(n, MOST_ON_PAGE)
    titles = [melody.title or f"Melody {number}" for number, melody in enumerate(written.melodies[:shown], 1)]
    note = f"The first {shown} of {n}: the others are files in the same folder." if shown < n else ""
    sources = "; ".join(f"{source.title} ({source.licence})" for source in shipped_chord_model().sources)
    stems = written.stems[:shown]
    tracks = melody_tracks(written.scored, range(shown), titles, stems, tempo, contents[:shown], instrument)
    page = Page(
        title=f"{count_noun(n, 'melody', 'melodies')} with chords",
        lead="The chords are those that a model finds most probable for the notes.",
        facts=(("The model has learned from", sources),),
        command=command,
        groups=(TrackGroup("", note, tracks),),
        instrument=instrument,
    )
    return page_html(page)

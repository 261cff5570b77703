"""Generated melodies with names, scores and files."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from chromasonic.melody_generation.atomic_files import remove_file
from chromasonic.melody_generation.evaluation.scored_melodies import ScoredMelodies
from chromasonic.melody_generation.generation.best_draws import DrawnMelodies
from chromasonic.melody_generation.io.bundle import Bundle
from chromasonic.melody_generation.io.export import FORMAT_SUFFIXES, FORMATS, render, write_files
from chromasonic.melody_generation.melody import REST, Melody
from chromasonic.melody_generation.notation.instruments import DEFAULT_INSTRUMENT
from chromasonic.melody_generation.notation.titles import file_stem
from chromasonic.melody_generation.pages.melody_tracks import PAGE_FORMATS
from chromasonic.melody_generation.pages.tables import Table
from chromasonic.melody_generation.runs.trained_model import TrainedModel

# A page of more melodies is slow to open.
MOST_ON_PAGE = 48


@dataclass(frozen=True)
class GeneratedSet:
    """Generated melodies with names.

    Attributes:
        scored: The melodies, each with a title, and their scores.
        stems: The names of their files, without an ending.
        max_notes: The number of notes and rests after which a melody was ended if the model had not done so; None if
            another length was asked for.
        drawn: How they were drawn; None if that is not known.
    """

    scored: ScoredMelodies
    stems: tuple[str, ...]
    max_notes: int | None = None
    drawn: DrawnMelodies | None = None

    @classmethod
    def of(
        cls,
        model: TrainedModel,
        melodies: Sequence[Melody],
        title: str = "Melody",
        max_notes: int | None = None,
        n_given: int = 0,
        drawn: DrawnMelodies | None = None,
    ) -> GeneratedSet:
        """Name melodies by number, and score them by the model's tunes or its calibration.

        Args:
            model: The model.
            melodies: The melodies.
            title: The beginning of their titles.
            max_notes: See the attribute.
            n_given: The number of notes and rests at the beginning of each that were given by a primer.
            drawn: See the attribute.
        """
        digits = max(2, len(str(len(melodies))))
        titled = [replace(melody, title=f"{title} {number}") for number, melody in enumerate(melodies, 1)]
        stem = file_stem(title) or "melody"
        stems = tuple(f"{stem}_{number:0{digits}}" for number in range(1, len(titled) + 1))
        return cls(ScoredMelodies.score_for_model(titled, model, n_given), stems, max_notes, drawn)

    @property
    def melodies(self) -> tuple[Melody, ...]:
        """The melodies, in order."""
        return self.scored.melodies

    @property
    def series(self) -> str:
        """The beginning of the names of all files, before the number."""
        return self.stems[0].rpartition("_")[0]

    @property
    def n_cut(self) -> int:
        """The number of melodies that the model had not ended by ``max_notes``."""
        return sum(len(melody) >= self.max_notes for melody in self.melodies) if self.max_notes else 0

    def write(
        self,
        folder: Path,
        *,
        tempo: float | None = None,
        instrument: str = DEFAULT_INSTRUMENT,
        formats: Sequence[str] = FORMATS,
        on_written: Callable[[], None] = lambda: None,
        has_bundle: bool = False,
    ) -> tuple[Mapping[str, bytes], ...]:
        """Write the files of each melody; all files of a melody are rendered before the first is written.

        At the end, remaining files of an earlier call with the same title are removed, since they would pass for
        files of these melodies.

        Args:
            folder: The folder; made if there is none.
            tempo: Quarter notes per minute; None for the usual tempo of each melody's metre.
            instrument: One of ``INSTRUMENTS``, which plays MIDI and WAV files.
            formats: Some of ``FORMATS``.
            on_written: Called after each melody.
            has_bundle: Whether a tunebook and an archive of all files are written as well.

        Returns:
            For each melody that a page shows, the files that were written and that the page contains, by format.

        Raises:
            InputError: If a format is unknown, the tempo is out of range, or the folder cannot be written to.
        """
        written: set[Path] = set()
        page_contents: list[Mapping[str, bytes]] = []
        with Bundle(folder) if has_bundle else nullcontext() as bundle:
            for melody, stem in zip(self.melodies, self.stems, strict=True):
                contents = render(melody, tempo, formats, instrument=instrument)
                written |= set(write_files(contents, folder, stem).values())
                if bundle is not None:
                    bundle.add(contents, stem)
                if len(page_contents) < MOST_ON_PAGE:
                    page_contents.append({name: contents[name] for name in PAGE_FORMATS if name in contents})
                on_written()
        for path in files_of_series(folder, self.series):
            if path not in written:
                remove_file(path)
        return tuple(page_contents)


def files_of_series(folder: Path, stem: str) -> list[Path]:
    """Return the files in a folder whose names are the stem, a number, and the ending of a format."""
    endings = "|".join(map(re.escape, FORMAT_SUFFIXES.values()))
    name = re.compile(rf"{re.escape(stem)}_\d\d+({endings})")
    return sorted(path for path in folder.iterdir() if name.fullmatch(path.name) and not path.is_dir())


def generated_set_table(generated: GeneratedSet) -> Table:
    """Return length, score, number of drawing and the run shared with a training tune of each melody, as a table."""
    scored = generated.scored
    columns = ("file", "bars", "notes", *(["typicality"] if scored.scores else []))
    numbers = generated.drawn.numbers if generated.drawn else ()
    is_reordered = numbers != tuple(range(1, len(numbers) + 1))
    columns += ("drawn as number",) if is_reordered else ()
    columns += ("notes in a row from a training tune",) if scored.copying else ()
    rows = []
    for index, (stem, melody) in enumerate(zip(generated.stems, generated.melodies, strict=True)):
        row = [stem, str(len(melody.bar_lines)), str(int((melody.pitches != REST).sum()))]
        if scored.scores:
            score = float(scored.scores.overall[index])
            row.append("not defined" if math.isnan(score) else f"{score:.2f}")
        if is_reordered:
            row.append(str(numbers[index]))
        if scored.copying:
            row.append(_shared_run(scored, index))
        rows.append(tuple(row))
    order = generated.drawn.remark if generated.drawn else ""
    note = " ".join(filter(None, (order, _beside_real_tunes(scored), _cut(generated))))
    return Table("Melodies", columns, tuple(rows), note)


def _cut(generated: GeneratedSet) -> str:
    """Return a sentence on the melodies that were cut; empty without any."""
    n, of = generated.n_cut, len(generated.melodies)
    if not n:
        return ""
    return (
        f"{n} of {of} did not end within {generated.max_notes} notes and rests (max_notes), so they end at the "
        "next bar line."
    )


def _shared_run(scored: ScoredMelodies, index: int) -> str:
    run = scored.copying[index].passage if scored.copying else None
    if not run or not run.n_notes or not scored.reference or not scored.reference.novelty:
        return "none"
    tune = scored.reference.novelty.melodies[run.source]
    return f"{run.n_notes} of {tune.title or tune.source or f'tune {run.source + 1}'}"


def _beside_real_tunes(scored: ScoredMelodies) -> str:
    """Return a sentence on the scores of real tunes, for comparison."""
    if scored.reference is None or scored.reference.real is None:
        without_tunes = "Copying is not measured, since the run directory with its tunes (tunes.npz) is missing."
        caution = "" if scored.scores else "Scores are not defined, since the training tunes were too few. "
        return caution + without_tunes
    note = f"Held-out real tunes score {scored.reference.real.summary().overall.value:.2f} overall"
    if scored.reference.real_copying:
        shared = [copying.passage.n_notes for copying in scored.reference.real_copying]
        note += f" and share {sum(shared) / len(shared):.0f} notes in a row with a training tune"
    return f"{note}."

"""Melodies that a run makes up, judged beside real tunes, named and written as files."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from chromasonic.melody_generation.evaluation.reference_set import ReferenceSet
from chromasonic.melody_generation.io.export import FORMAT_SUFFIXES, FORMATS, render, write_files
from chromasonic.melody_generation.melody import REST, Melody
from chromasonic.melody_generation.notation.titles import file_stem
from chromasonic.melody_generation.pages.listening import MOST_ON_PAGE, PAGE_FORMATS, ScoredMelodies
from chromasonic.melody_generation.pages.tables import Table
from chromasonic.melody_generation.runs.trained_model import TrainedModel


@dataclass(frozen=True)
class GeneratedSet:
    """Melodies with names.

    Attributes:
        judged: The melodies, each with its title, and what is known of them.
        stems: The names of their files, without an ending.
        max_notes: After how many notes and rests those were ended that the model had not; None where another length
            was asked for.
    """

    judged: ScoredMelodies
    stems: tuple[str, ...]
    max_notes: int | None = None

    @classmethod
    def of(
        cls, model: TrainedModel, melodies: Sequence[Melody], title: str = "Melody", max_notes: int | None = None
    ) -> GeneratedSet:
        """Name a run's melodies by number, and judge them by the run's tunes, as far as these are known."""
        digits = max(2, len(str(len(melodies))))
        titled = [replace(each, title=f"{title} {number}") for number, each in enumerate(melodies, 1)]
        stem = file_stem(title) or "melody"
        stems = tuple(f"{stem}_{number:0{digits}}" for number in range(1, len(titled) + 1))
        return cls(judge(model, titled), stems, max_notes)

    @property
    def melodies(self) -> tuple[Melody, ...]:
        """The melodies, in order."""
        return self.judged.melodies

    @property
    def n_cut(self) -> int:
        """How many of them the model had not ended by ``max_notes``."""
        return sum(len(melody) >= self.max_notes for melody in self.melodies) if self.max_notes else 0

    def write(
        self,
        folder: Path,
        *,
        tempo: float | None = None,
        formats: Sequence[str] = FORMATS,
        on_written: Callable[[], None] = lambda: None,
    ) -> tuple[Mapping[str, bytes], ...]:
        """Write each melody's files; those of a melody are ready before the first of them is written.

        When all of them stand, the files of earlier songbooks of the same title are removed as far as they were not
        written over: they would pass for files of these melodies.

        Args:
            folder: Where; made if need be.
            tempo: Quarter notes per minute; None for what is usual in each melody's metre.
            formats: Of ``FORMATS``.
            on_written: Called after each melody.

        Returns:
            For each melody that a page shows, what was written and the page holds as well, by format.

        Raises:
            InputError: If a format is unknown, the tempo is out of range, or the folder cannot be written to.
        """
        written: set[Path] = set()
        kept: list[Mapping[str, bytes]] = []
        for melody, stem in zip(self.melodies, self.stems, strict=True):
            contents = render(melody, tempo, formats)
            written |= set(write_files(contents, folder, stem).values())
            if len(kept) < MOST_ON_PAGE:
                kept.append({name: contents[name] for name in PAGE_FORMATS if name in contents})
            on_written()
        for path in files_of_series(folder, self.stems[0].rpartition("_")[0]):
            if path not in written:
                path.unlink(missing_ok=True)
        return tuple(kept)


def files_of_series(folder: Path, stem: str) -> list[Path]:
    """The files in a folder that have the name of a songbook's: the stem, a number, and the ending of a format."""
    endings = "|".join(map(re.escape, FORMAT_SUFFIXES.values()))
    name = re.compile(rf"{re.escape(stem)}_\d\d+({endings})")
    return sorted(path for path in folder.iterdir() if name.fullmatch(path.name) and not path.is_dir())


def judge(model: TrainedModel, melodies: Sequence[Melody]) -> ScoredMelodies:
    """Judge melodies by what a run was trained on: by its tunes, or by what its checkpoint knows of them."""
    if model.tunes.get("test"):
        return ScoredMelodies.by(
            ReferenceSet.of(model.tunes["test"], model.tunes["train"], model.calibration), melodies
        )
    return ScoredMelodies(tuple(melodies), model.calibration.score(melodies) if model.calibration else None)


def generated_set_table(generated: GeneratedSet) -> Table:
    """Return length, overall score and the run shared with a training tune of each melody, as a table."""
    judged = generated.judged
    columns = ("file", "bars", "notes", *(["overall"] if judged.scores else []))
    columns += ("in a row as in a training tune",) if judged.copying else ()
    rows = []
    for index, (stem, melody) in enumerate(zip(generated.stems, generated.melodies, strict=True)):
        row = [stem, str(len(melody.bar_lines)), str(int((melody.pitches != REST).sum()))]
        if judged.scores:
            score = float(judged.scores.overall[index])
            row.append("not defined" if math.isnan(score) else f"{score:.2f}")
        if judged.copying:
            row.append(_shared_run(judged, index))
        rows.append(tuple(row))
    return Table(
        "Melodies", columns, tuple(rows), " ".join(filter(None, (_beside_real_tunes(judged), _cut(generated))))
    )


def _cut(generated: GeneratedSet) -> str:
    """Return a sentence on the melodies that were cut; empty without any."""
    n, of = generated.n_cut, len(generated.melodies)
    if not n:
        return ""
    return (
        f"{n} of {of} had not come to their end after {generated.max_notes} notes and rests (max_notes) and were ended."
    )


def _shared_run(judged: ScoredMelodies, index: int) -> str:
    run = judged.copying[index].passage if judged.copying else None
    if not run or not run.n_notes or not judged.reference or not judged.reference.novelty:
        return "none"
    tune = judged.reference.novelty.melodies[run.source]
    return f"{run.n_notes} of {tune.title or tune.source or f'tune {run.source + 1}'}"


def _beside_real_tunes(judged: ScoredMelodies) -> str:
    """Return a sentence on the scores of real tunes, for comparison."""
    if judged.reference is None or judged.reference.real is None:
        unjudged = "What is copied is not judged: the run's tunes (tunes.npz) do not lie beside its checkpoints."
        known = (
            "" if judged.scores else "Scores are not defined: the checkpoint knows too little of its training tunes. "
        )
        return known + unjudged
    note = f"Held-out real tunes score {judged.reference.real.summary().overall.value:.2f} overall"
    if judged.reference.real_copying:
        shared = [copying.passage.n_notes for copying in judged.reference.real_copying]
        note += f" and share {sum(shared) / len(shared):.0f} notes in a row with a training tune"
    return f"{note}."

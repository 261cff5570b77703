"""Melodies that a run makes up, judged beside real tunes, named and written as files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from chromasonic.melody_generation.corpora.files import first_tune
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.listening import Judged
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.rendering.export import FORMATS, rendered, write_files
from chromasonic.melody_generation.rendering.titles import stem_of
from chromasonic.melody_generation.runs import Run
from chromasonic.melody_generation.standard import Standard
from chromasonic.melody_generation.vocabulary import CORPORA, NoteVocabulary


@dataclass(frozen=True)
class Songbook:
    """Melodies with names.

    Attributes:
        judged: The melodies, each with its title, and what is known of them.
        stems: The names of their files, without an ending.
    """

    judged: Judged
    stems: tuple[str, ...]

    @classmethod
    def of(cls, run: Run, melodies: Sequence[Melody], title: str = "Melody") -> Songbook:
        """Name a run's melodies by number, and judge them by the run's tunes, as far as these are known."""
        digits = max(2, len(str(len(melodies))))
        titled = [replace(each, title=f"{title} {number}") for number, each in enumerate(melodies, 1)]
        stem = stem_of(title) or "melody"
        return cls(judge(run, titled), tuple(f"{stem}_{number:0{digits}}" for number in range(1, len(titled) + 1)))

    @property
    def melodies(self) -> tuple[Melody, ...]:
        """The melodies, in order."""
        return self.judged.melodies

    def write(
        self, folder: Path, *, tempo: float | None = None, formats: Sequence[str] = FORMATS
    ) -> list[dict[str, Path]]:
        """Write each melody's files; those of a melody are ready before the first of them is written.

        Args:
            folder: Where; made if need be.
            tempo: Quarter notes per minute; None for what is usual in each melody's metre.
            formats: Of ``FORMATS``.

        Returns:
            For each melody the path of each format's file.

        Raises:
            InputError: If a format is unknown, the tempo is out of range, or the folder cannot be written to.
        """
        return [
            write_files(rendered(melody, tempo, formats), folder, stem)
            for melody, stem in zip(self.melodies, self.stems, strict=True)
        ]


def judge(run: Run, melodies: Sequence[Melody]) -> Judged:
    """Judge melodies by what a run was trained on: by its tunes, or by what its checkpoint knows of them."""
    if run.tunes.get("test"):
        return Judged.by(Standard.of(run.tunes["test"], run.tunes["train"], run.calibration), melodies)
    return Judged(tuple(melodies), run.calibration.score(melodies) if run.calibration else None)


def corpus_of(run: Run) -> str:
    """The collection in whose manner a run's melodies are: that of its training tunes, if they are of one."""
    names = {tune.corpus for tune in run.tunes.get("train", ())} or {str(run.facts.get("dataset"))}
    return names.pop() if len(names) == 1 and names <= set(CORPORA) else CORPORA[0]


def read_primer(path: str | Path, n_notes: int | None = None) -> Melody:
    """The first notes of a file's first tune, all of them by default, to go on from.

    Durations that the vocabulary lacks are rounded.

    Raises:
        InputError: If the file cannot be read, has not so many notes, or has notes outside the vocabulary's range.
    """
    tune = first_tune(path)
    if n_notes is not None:
        if not 1 <= n_notes <= len(tune):
            raise InputError(f"the primer {path} has {len(tune)} notes and rests, so primer_notes={n_notes} is no part")
        tune = tune.window(0, n_notes)
    fitted = NoteVocabulary().fit(tune)
    if fitted.melody is None:
        raise InputError(f"the primer {path} cannot be gone on from: {fitted.dropped_because}")
    if fitted.n_pitches_moved:
        raise InputError(
            f"the primer {path} cannot be gone on from: {fitted.n_pitches_moved} of its notes are outside the range of "
            "the vocabulary, an octave and a third below the tonic above middle C to two octaves above it"
        )
    return fitted.melody

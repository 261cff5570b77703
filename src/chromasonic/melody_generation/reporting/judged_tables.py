"""The tables of judged melodies, and the check of the folder that they are written to."""

from __future__ import annotations

from pathlib import Path

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.judged_melodies import JudgedMelodies, mean_or_dash
from chromasonic.melody_generation.pages.tables import Table
from chromasonic.melody_generation.reporting.distance_tables import distance_tables
from chromasonic.melody_generation.untrusted_files import read_json

_TITLES = {"overall_score": "typicality"}


def judged_tables(judged: JudgedMelodies) -> tuple[Table, ...]:
    """Return the mean scores of the melodies beside those of the real tunes, and their distance from these."""
    made, real = judged.scores, judged.real_scores
    rows = tuple((_TITLES.get(name, name), mean_or_dash(made[name]), mean_or_dash(real[name])) for name in made)
    n_left_out = len(judged.dropped)
    note = f"{n_left_out} tunes could not be read; results.json gives the reasons." if n_left_out else ""
    columns = ("score", f"{len(judged.files)} melodies", f"{len(judged.real.melodies)} real tunes")
    return (Table("", columns, rows, note), *distance_tables(judged.distance, "the melodies"))


def check_judged_folder(results: Path) -> None:
    """Refuse to replace results of something else.

    Raises:
        InputError: If the file exists and holds no judged melodies.
    """
    if results.exists() and "melodies" not in read_json(results, "results", "choose another output_dir"):
        raise InputError(f"{results} holds results of a run: choose another output_dir")

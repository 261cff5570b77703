"""Run directories in a sweep, or in a list: find them, order them, name them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from chromasonic.melody_generation.atomic_files import write_json
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.runs.directory_lock import refuse_links
from chromasonic.melody_generation.runs.layout import RunLayout, SweepLayout
from chromasonic.melody_generation.untrusted_files import read_json


@dataclass(frozen=True)
class JobRecord:
    """The end of a job of a sweep.

    Attributes:
        status: ``completed`` or ``failed``.
        reason: Why it failed.
        overrides: The overrides of the job.
    """

    status: Literal["completed", "failed"]
    reason: str
    overrides: tuple[str, ...] = ()

    def write(self, path: Path) -> None:
        """Write the record as JSON."""
        write_json(path, asdict(self))

    @classmethod
    def read(cls, path: Path) -> JobRecord:
        """Read a record.

        Raises:
            InputError: If it is damaged.
        """
        try:
            return _JOB_RECORD.validate_python(read_json(path, "values", "run the sweep again"))
        except ValidationError as problem:
            reason = problem.errors()[0]["msg"].lower()
            raise InputError(f"{path} is no record of a job ({reason}): remove it") from problem


_JOB_RECORD = TypeAdapter(JobRecord)


def name_directories(directories: Sequence[Path]) -> dict[Path, str]:
    """Return a name for each directory: as few of its last folders as tell it from all others.

    Example:
        >>> name_directories([Path("/runs/lstm/1"), Path("/runs/ppm/1"), Path("/runs/best")]).values()
        dict_values(['lstm/1', 'ppm/1', 'best'])
    """
    different = list(dict.fromkeys(directories))

    def name(directory: Path) -> str:
        for n_folders in range(1, len(directory.parts)):
            tail = directory.parts[-n_folders:]
            if sum(other.parts[-n_folders:] == tail for other in different) == 1:
                return "/".join(tail)
        return str(directory)

    return {directory: name(directory) for directory in different}


def find_runs(path: str | Path) -> list[Path]:
    """Return the run in a folder, or the runs of a sweep in the order of its jobs, without those that failed.

    Raises:
        InputError: If the folder holds no run, or a run or the comparison of the sweep has links.
    """
    path = Path(path)
    if not path.is_dir():
        hint = f"; several are written runs=[{path}]" if "," in str(path) else ""
        raise InputError(f"{path} is a file, and no run" if path.exists() else f"there is no folder {path}{hint}")
    if RunLayout(path).is_run:
        refuse_links(path)
        return [path]
    sweep = SweepLayout(path)
    refuse_links(path, (sweep.comparison.directory.name, *sorted(run.name for run in sweep.runs)))
    failed = failed_jobs(path)
    runs = sorted((run for run in sweep.runs if run.name not in failed), key=job_number)
    if not runs and not failed:
        raise InputError(f"{path} is no run and holds none (no *_checkpoints in it, nor in its folders)")
    return runs


def job_number(run: Path) -> tuple[float, str]:
    """Return the key that sorts the runs of a sweep: the number that the folder's name begins with, then the name."""
    number = run.name.partition("_")[0]
    return (float(number) if number.isdecimal() else float("inf"), run.name)


def failed_jobs(sweep: Path) -> dict[str, str]:
    """Return why jobs of a sweep failed, by the names of their folders; empty for a folder that is no sweep.

    Raises:
        InputError: If a record is damaged.
    """
    reasons = {}
    for path in sorted(SweepLayout(sweep).jobs.glob("*.json")):
        record = JobRecord.read(path)
        if record.status == "failed" and not _was_finished_after(path, sweep / path.stem):
            reasons[path.stem] = record.reason
    return reasons


def _was_finished_after(record: Path, run: Path) -> bool:
    """Return whether a run was resumed to its end after it had failed."""
    ends = [final.stat().st_mtime_ns for final in run.glob("*_checkpoints/[!.]*_final.pt")]
    return any(end > record.stat().st_mtime_ns for end in ends)

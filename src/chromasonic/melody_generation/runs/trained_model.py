"""A run directory as others read it: the network of its best epoch, the tunes of its split, and what it was told.

Everything that judges a run, compares it or goes on from it begins here, and needs nothing but the directory: no
corpus is read again, and nothing that a file names is executed.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import nn

from chromasonic.melody_generation.atomic_files import atomic_file, write_text
from chromasonic.melody_generation.corpora.packing import pack_melodies, unpack_untrusted
from chromasonic.melody_generation.data.splits import SIDES
from chromasonic.melody_generation.data.splits import test_set_hash as hash_of
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.measures.calibration import Calibration, fit_if_enough
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.runs.checkpoint import RunLayout, load_model, network_name, read_checkpoint

TUNES, RESULTS = "tunes.npz", Path("evaluation", "results.json")
# Of a sweep: the comparison of its jobs, and how each ended.
COMPARISON, JOBS = Path("comparison_results"), Path("comparison_results", "jobs")


def keep_tunes(path: Path, melodies: Mapping[str, Sequence[Melody]]) -> None:
    """Write tunes by side, in a form that ``read_tunes_by_side`` gives back."""
    sides = {side: len(tunes) for side, tunes in melodies.items()}
    with atomic_file(path) as unfinished:
        unfinished.write_bytes(pack_melodies(list(itertools.chain(*melodies.values())), {"sides": sides}))


def kept_tunes(path: Path) -> dict[str, tuple[Melody, ...]]:
    """The tunes that ``keep_tunes`` wrote, by side.

    Raises:
        InputError: If there are none, or the file is damaged.
    """
    try:
        melodies, notes = unpack_untrusted(path.read_bytes())
        sizes = {str(side): int(size) for side, size in notes["sides"].items()}
    except OSError as problem:
        raise InputError(f"{path} cannot be read ({problem.strerror}): it holds the tunes of the run") from problem
    except (InputError, ArithmeticError, KeyError, TypeError, ValueError, AttributeError) as problem:
        raise InputError(f"{path} is damaged ({problem}): copy it from where the run was made") from problem
    if min(sizes.values(), default=0) < 0 or sum(sizes.values()) != len(melodies):
        raise InputError(f"{path} is damaged: its sides do not add up to its {len(melodies)} tunes")
    rest = iter(melodies)
    return {side: tuple(itertools.islice(rest, size)) for side, size in sizes.items()}


def calibration_facts(training: Sequence[Melody]) -> dict[str, Any]:
    """What a checkpoint carries along so that its melodies can be judged; nothing where the tunes are too few."""
    calibration = fit_if_enough(training)
    return {"calibration": calibration.to_dict()} if calibration else {}


@dataclass(frozen=True)
class Run:
    """A trained run.

    Attributes:
        directory: Where it lies.
        network: The network of its best epoch, or of another whose checkpoint was named.
        facts: What its checkpoint carries besides the weights, as plain values.
        tunes: The tunes of its split by side, ``train``, ``validation`` and ``test``; none of these where only a
            checkpoint is known.
        checkpoint: Hash of the checkpoint: 16 hex digits.
        is_finished: Whether training has come to its end.
    """

    directory: Path
    network: nn.Module
    facts: Mapping[str, Any]
    tunes: Mapping[str, tuple[Melody, ...]]
    checkpoint: str
    is_finished: bool

    @property
    def name(self) -> str:
        """What it is called: the model that was chosen."""
        return str(self.facts.get("model", network_name(self.network)))

    @cached_property
    def calibration(self) -> Calibration | None:
        """What its training tunes are like, if they were enough.

        Raises:
            InputError: If it is damaged.
        """
        values = self.facts.get("calibration")
        return Calibration.from_dict(values) if isinstance(values, Mapping) else None


def open_run(directory: str | Path) -> Run:
    """Read a run directory.

    Raises:
        InputError: If there is no such run, it has no checkpoint yet, or its files are damaged or of different runs.
    """
    directory = Path(directory)
    return _opened(directory, _best_of(directory))


def open_model(path: str | Path) -> Run:
    """Read a run directory, or a checkpoint, within its run or by itself; the run's tunes are known if they are there.

    Raises:
        InputError: As :func:`open_run`, except that tunes may be missing.
    """
    path = Path(path)
    if path.is_file():
        directory = path.parent.parent if path.parent.name.endswith("_checkpoints") else path.parent
        checkpoint, has_tunes = path, directory != path.parent and (directory / TUNES).is_file()
    else:
        directory, checkpoint = path, _best_of(path)
        has_tunes = (directory / TUNES).exists()
    if has_tunes:
        return _opened(directory, checkpoint)
    return Run(
        directory, load_model(checkpoint), read_checkpoint(checkpoint), {}, digest_of(checkpoint), is_finished=True
    )


def _best_of(directory: Path) -> Path:
    """The checkpoint of a run's best epoch."""
    if not any(directory.glob("*_checkpoints")) and any(directory.glob("*/*_checkpoints")):
        raise InputError(
            f"{directory} holds several runs: name one of them, or compare them with compare.py runs={directory}"
        )
    return RunLayout.of_run(directory).best


def digest_of(checkpoint: Path) -> str:
    """What a checkpoint is told from others by: 16 hex digits of its SHA-256."""
    return hashlib.sha256(checkpoint.read_bytes()).hexdigest()[:16]


def _opened(directory: Path, checkpoint: Path) -> Run:
    facts = read_checkpoint(checkpoint)
    network = load_model(checkpoint)
    tunes = kept_tunes(directory / TUNES)
    missing = [side for side in SIDES if side not in tunes]
    if missing:
        raise InputError(f"{directory / TUNES} is damaged: it has no {missing[0]} tunes")
    if "test_set_hash" in facts and hash_of(tunes["test"]) != facts["test_set_hash"]:
        raise InputError(
            f"{directory / TUNES} does not hold the test tunes of {checkpoint.name} "
            f"(test set {hash_of(tunes['test'])}, "
            f"trained with {facts['test_set_hash']}): one of the two is from another run"
        )
    is_finished = RunLayout.of_run(directory).final.exists()
    return Run(directory, network, facts, tunes, digest_of(checkpoint), is_finished)


def told_apart(directories: Sequence[Path]) -> dict[Path, str]:
    """A name for each directory: as many of its last folders as no other one has.

    Example:
        >>> told_apart([Path("/runs/lstm/1"), Path("/runs/ppm/1"), Path("/runs/best")]).values()
        dict_values(['lstm/1', 'ppm/1', 'best'])
    """
    different = list(dict.fromkeys(directories))

    def name(directory: Path) -> str:
        for n_folders in range(1, len(directory.parts)):
            tail = directory.parts[-n_folders:]
            if sum(each.parts[-n_folders:] == tail for each in different) == 1:
                return "/".join(tail)
        return str(directory)

    return {directory: name(directory) for directory in different}


def find_runs(path: str | Path) -> list[Path]:
    """The run that a folder is, or the runs of the sweep that it is, in the order of their jobs, but those that failed.

    Raises:
        InputError: If it is neither.
    """
    path = Path(path)
    if not path.is_dir():
        hint = f"; several are written runs=[{path}]" if "," in str(path) else ""
        raise InputError(f"{path} is a file, and no run" if path.exists() else f"there is no folder {path}{hint}")
    if any(path.glob("*_checkpoints")):
        return [path]
    failed = failed_jobs(path)
    runs = {each.parent for each in path.glob("*/*_checkpoints")}
    found = sorted((run for run in runs if run.name not in failed), key=job_number)
    if not found and not failed:
        raise InputError(f"{path} is no run and holds none (no *_checkpoints in it, nor in its folders)")
    return found


def job_number(run: Path) -> tuple[float, str]:
    """By what the runs of a sweep are sorted: the number that the folder begins with, then its name."""
    number = run.name.partition("_")[0]
    return (float(number) if number.isdecimal() else float("inf"), run.name)


def failed_jobs(sweep: Path) -> dict[str, str]:
    """Why jobs of a sweep failed, by the names of their folders; empty for a folder that is no sweep.

    Raises:
        InputError: If a record is damaged.
    """
    found = {}
    for path in sorted((sweep / JOBS).glob("*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["status"] == "failed" and not _was_finished_after(path, sweep / path.stem):
                found[path.stem] = str(record["reason"])
        except (OSError, ValueError, RecursionError, KeyError, TypeError) as problem:
            raise InputError(f"{path} is no record of a job ({problem}): remove it") from problem
    return found


def _was_finished_after(record: Path, run: Path) -> bool:
    """Whether a run was resumed to its end after it had failed."""
    ends = [final.stat().st_mtime_ns for final in run.glob("*_checkpoints/[!.]*_final.pt")]
    return any(end > record.stat().st_mtime_ns for end in ends)


def read_results(directory: Path) -> dict[str, Any]:
    """What is known of a run's scores so far: the content of its ``evaluation/results.json``; empty if there is none.

    Raises:
        InputError: If the file is damaged.
    """
    return values_by_name(directory / RESULTS, "results", "evaluate the run again")


def values_by_name(path: Path, noun: str, way_on: str) -> dict[str, Any]:
    """The content of a JSON file that holds values by name; empty if there is none.

    Args:
        path: The file.
        noun: What the values are, for the error.
        way_on: What to do once a damaged file is removed, for the error.

    Raises:
        InputError: If the file is damaged.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as problem:
        raise InputError(f"{path} cannot be read ({problem}): remove it, and {way_on}") from problem
    if not isinstance(found, dict):
        raise InputError(f"{path} holds no {noun} by name: remove it, and {way_on}")
    return found


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write plain values, whole or not at all."""
    write_text(path, json.dumps(values, indent=1, allow_nan=False) + "\n")

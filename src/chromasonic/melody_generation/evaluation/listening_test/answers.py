"""Read the files of answers that the page of a listening test saves. They may come from anybody."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from json import JSONDecodeError
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, StrictBool, StringConstraints, TypeAdapter, ValidationError

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.listening_test.answer_key import AnswerKey
from chromasonic.melody_generation.evaluation.listening_test.questions import HIGHEST, LOWEST, NAMES
from chromasonic.melody_generation.melody import FloatArray
from chromasonic.melody_generation.printing.printable_text import printable
from chromasonic.melody_generation.untrusted_files import parse_json, read_regular_file

FORMAT = "chromasonic listening test answers"
_MAX_BYTES = 1_000_000
_MAX_FILES = 1_000
_MAX_LETTERS = 60  # of a judge's name in tables

_Rating = Annotated[int, Field(strict=True, ge=LOWEST, le=HIGHEST)]
_Text = Annotated[str, StringConstraints(max_length=1000)]


@dataclass(frozen=True)
class TuneAnswer:
    """The answers of a judge on one tune.

    Attributes:
        ratings: The rating of each question that was answered, by name.
        is_real: Whether the judge takes the tune for a real one; None without an answer.
        is_known: Whether the judge knew the tune before.
    """

    ratings: dict[Literal["rhythm", "mode", "structure", "melody", "playability"], _Rating] = field(
        default_factory=dict
    )
    is_real: StrictBool | None = None
    is_known: StrictBool = False

    @property
    def is_complete(self) -> bool:
        """True if every question is answered, or the tune was known, so that no answer counts."""
        return self.is_known or (len(self.ratings) == len(NAMES) and self.is_real is not None)


@dataclass(frozen=True)
class AnswerFile:
    """A file of answers.

    Attributes:
        format: What the file is.
        version: The version of the format.
        test: The id of the test.
        judge: The name that the judge has chosen.
        judge_id: A random text that is the same in all files of one judge; may be empty.
        answers: The answers by the id of the tune.
        order: The ids of the tunes as they were presented.
    """

    format: Literal["chromasonic listening test answers"]
    version: Literal[1]
    test: _Text
    judge: _Text
    answers: dict[_Text, TuneAnswer]
    judge_id: _Text = ""
    order: tuple[_Text, ...] = ()

    @property
    def n_complete(self) -> int:
        """The number of tunes with all answers."""
        return sum(answer.is_complete for answer in self.answers.values())


_FILE = TypeAdapter(AnswerFile)


@dataclass(frozen=True)
class Answers:
    """The answers of J judges on a test of S sources and P matched sets.

    Attributes:
        judges: The name of each judge.
        ratings: Rating of each question, NaN without an answer, shape (J, Q, S, P).
        calls: 1 where a judge took a tune for real, 0 for made, NaN without an answer, shape (J, S, P).
        n_known: The number of tunes that each judge knew, whose answers are left out.
        refused: Why files are not counted, by name.
    """

    judges: tuple[str, ...]
    ratings: FloatArray
    calls: FloatArray
    n_known: tuple[int, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


def read_answers(path: Path, key: AnswerKey, *, incomplete: bool = False, ignored: Sequence[Path] = ()) -> Answers:
    """Read files of answers; those that cannot be counted are left out, with the reason.

    Args:
        path: A folder with files ``*.json``, or one file.
        key: The key of the test.
        incomplete: Whether judges who have not answered everything count as well.
        ignored: Files of the folder that hold no answers, such as the key.

    Raises:
        InputError: If there is no file, there are too many, or none can be counted.
    """
    files = _files(path, ignored)
    read: dict[str, AnswerFile] = {}
    refused: dict[str, str] = {}
    for file in files:
        try:
            read[file.name] = _checked(_read(file), key, incomplete=incomplete)
        except ValueError as problem:
            refused[file.name] = printable(problem)
    for name, other in _superseded(read).items():
        refused[name] = f"{other} holds more answers of the same judge"
        del read[name]
    if not read:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in list(refused.items())[:3])
        raise InputError(f"no file of {path} can be counted ({reasons})")
    return _as_arrays(read, key, refused)


def _files(path: Path, ignored: Sequence[Path]) -> list[Path]:
    """Return the files of answers in their order."""
    if not path.exists():
        raise InputError(f"there is no {path}: name the folder of the files that the judges have saved")
    excluded = {other.resolve() for other in ignored}
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    files = [file for file in files if file.resolve() not in excluded]
    if not files:
        raise InputError(f"{path} holds no files of answers (*.json): put those there that the judges have saved")
    if len(files) > _MAX_FILES:
        raise InputError(f"{path} holds {len(files)} files of answers, at most {_MAX_FILES} are read")
    return files


def _read(path: Path) -> AnswerFile:
    """Read a file.

    Raises:
        ValueError: If it is no file of answers.
    """
    try:
        return _FILE.validate_python(parse_json(read_regular_file(path, _MAX_BYTES)))
    except OSError as problem:
        raise ValueError(problem.strerror or "it cannot be read") from problem
    except UnicodeDecodeError as problem:
        raise ValueError("it is no text in UTF-8") from problem
    except JSONDecodeError as problem:
        raise ValueError(f"it is no JSON ({problem})") from problem
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(map(str, first["loc"]))[:100] or "the whole"
        raise ValueError(f"it is no file of answers ({where}: {first['msg'].lower()[:200]})") from problem


def _checked(answers: AnswerFile, key: AnswerKey, *, incomplete: bool) -> AnswerFile:
    """Return the answers if they are of this test, and complete if they have to be.

    Raises:
        ValueError: If they are not.
    """
    if answers.test != key.test_id:
        raise ValueError(f"it is of another test ({answers.test[:40]}), not of {key.test_id}")
    ids = {tune.id for tune in key.tunes}
    if unknown := answers.answers.keys() - ids:
        raise ValueError(f"the test has no tune {min(unknown)[:40]}")
    n_missing = len(ids) - answers.n_complete
    if n_missing and not incomplete:
        raise ValueError(
            f"it lacks answers on {n_missing} of {len(ids)} tunes: with incomplete=true it counts without them"
        )
    if not any(answer.ratings or answer.is_real is not None for answer in answers.answers.values()):
        raise ValueError("it holds no answers")
    return answers


def _superseded(files: Mapping[str, AnswerFile]) -> dict[str, str]:
    """Return the files with fewer answers than another one of the same judge, with the name of that one."""
    best: dict[str, str] = {}
    for name, answers in files.items():  # of two that are equally complete, the later name counts
        rival = best.get(answers.judge_id)
        if answers.judge_id and (rival is None or files[rival].n_complete <= answers.n_complete):
            best[answers.judge_id] = name
    return {
        name: best[answers.judge_id]
        for name, answers in files.items()
        if answers.judge_id and best[answers.judge_id] != name
    }


def _as_arrays(files: Mapping[str, AnswerFile], key: AnswerKey, refused: Mapping[str, str]) -> Answers:
    """Arrange the answers by judge, question, source and matched set."""
    shape = (len(key.sources), key.n_sets)
    ratings = np.full((len(files), len(NAMES), *shape), math.nan)
    calls = np.full((len(files), *shape), math.nan)
    places = {tune.id: (tune.source, tune.matched_set) for tune in key.tunes}
    for index, answers in enumerate(files.values()):
        for tune, answer in answers.answers.items():
            if answer.is_known:
                continue
            source, matched = places[tune]
            for question, rating in answer.ratings.items():
                ratings[index, NAMES.index(question), source, matched] = rating
            if answer.is_real is not None:
                calls[index, source, matched] = answer.is_real
    n_known = tuple(sum(answer.is_known for answer in each.answers.values()) for each in files.values())
    return Answers(_names(files), ratings, calls, n_known, refused)


def _names(files: Mapping[str, AnswerFile]) -> tuple[str, ...]:
    """Return a different name for each judge: the chosen one, with a number where several have the same."""
    names: list[str] = []
    for file, answers in files.items():
        name = printable(answers.judge).strip()[:_MAX_LETTERS] or Path(file).stem[:_MAX_LETTERS]
        number, numbered = 1, name
        while numbered in names:
            number += 1
            numbered = f"{name} ({number})"
        names.append(numbered)
    return tuple(names)

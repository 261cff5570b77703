"""The key of a listening test: which tune is real, and which run made the others.

The page of the test names a tune by a digest of a secret, so that nobody can read the key from it. The id of the test
is a digest of the whole key. A key that was changed after the test is therefore found out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.untrusted_files import parse_json, read_regular_file

MAX_SETS = 100
_MAX_BYTES = 10_000_000
REAL = "real"


@dataclass(frozen=True)
class TuneSource:
    """A source of the tunes of a test: held-out real tunes, or a run.

    Attributes:
        name: Its name in tables.
        is_real: Whether its tunes are real.
        checkpoint: The digest of the checkpoint of a run; empty for real tunes.
    """

    name: str
    is_real: bool
    checkpoint: str = ""


@dataclass(frozen=True)
class KeyTune:
    """A tune of a test.

    Attributes:
        id: Its name in the page and in files of answers.
        number: Its number in the page and in the ABC file, from 1.
        source: Index of its source.
        matched_set: Number of its matched set, from 0: tunes of the same key, metre and length, one of each source.
        title: The title of a real tune; that of the real tune it was matched with for a made one.
        origin: The file and number of that real tune.
        n_notes: Number of notes and rests.
        n_bars: Number of bars.
    """

    id: str
    number: int
    source: int
    matched_set: int
    title: str
    origin: str
    n_notes: int
    n_bars: int


@dataclass(frozen=True)
class AnswerKey:
    """The key of a listening test.

    Attributes:
        version: The version of the file.
        salt: The secret from which the ids of tunes are made.
        seed: The seed of the test.
        test_set_hash: The hash of the held-out tunes.
        sources: The sources of tunes.
        tunes: The tunes by number: of each matched set one of each source.
    """

    version: Literal[1]
    salt: str
    seed: int
    test_set_hash: str
    sources: tuple[TuneSource, ...]
    tunes: tuple[KeyTune, ...]

    @cached_property
    def test_id(self) -> str:
        """The id of the test, 16 hexadecimal digits: a digest of the key."""
        return _digest(json.dumps(asdict(self), sort_keys=True), 16)

    @property
    def n_sets(self) -> int:
        """The number of matched sets."""
        return len(self.tunes) // len(self.sources)

    @property
    def real_source(self) -> int | None:
        """The index of the real tunes among the sources; None if the test has none."""
        return next((index for index, source in enumerate(self.sources) if source.is_real), None)

    def to_json(self) -> JsonObject:
        """Return plain values for the file."""
        return {"test": self.test_id, **asdict(self)}


_KEY = TypeAdapter(AnswerKey)


def tune_id(salt: str, number: int) -> str:
    """Return the id of a tune, from which nobody can tell its source without the key."""
    return _digest(f"{salt}:{number}", 12)


def salt_of(seed: int, contents: Sequence[bytes]) -> str:
    """Return a secret that is the same for the same seed and tunes, and unknown to all who have not both."""
    return _digest(b"\0".join([str(seed).encode(), *(hashlib.sha256(content).digest() for content in contents)]), 32)


def _digest(content: str | bytes, n_digits: int) -> str:
    data = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(data).hexdigest()[:n_digits]


def read_key(path: Path) -> AnswerKey:
    """Read the key of a test.

    Raises:
        InputError: If it cannot be read, is no key, or was changed after the test was made.
    """
    try:
        values = parse_json(read_regular_file(path, _MAX_BYTES))
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else problem
        raise InputError(f"{path} cannot be read ({reason}): it is the key that chromasonic listen wrote") from problem
    test = values.pop("test", None) if isinstance(values, dict) else None
    try:
        key = _KEY.validate_python(values)
        json.dumps(asdict(key), ensure_ascii=False).encode()
    except (ValidationError, UnicodeEncodeError) as problem:
        raise InputError(f"{path} is no key of a listening test: name the key.json of the test") from problem
    if test != key.test_id or not _is_complete(key):
        raise InputError(f"{path} was changed after the test was made: take the key.json as it was written")
    return key


def _is_complete(key: AnswerKey) -> bool:
    """Return whether every matched set has one tune of every source, and numbers and ids are different."""
    n_sources = len(key.sources)
    expected = {(matched, source) for matched in range(key.n_sets) for source in range(n_sources)} if n_sources else ()
    return (
        0 < key.n_sets <= MAX_SETS
        and len(expected) == len(key.tunes)
        and {(tune.matched_set, tune.source) for tune in key.tunes} == expected
        and [tune.number for tune in key.tunes] == list(range(1, len(key.tunes) + 1))
        and len({tune.id for tune in key.tunes}) == len(key.tunes)
        and len({source.name for source in key.sources}) == len(key.sources)
        and sum(source.is_real for source in key.sources) <= 1
    )

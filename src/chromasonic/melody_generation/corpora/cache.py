"""Where source files lie, and the cache of what was parsed from them.

Source files lie in ``$CHROMASONIC_DATA_DIR/<dataset>`` if that is set, else in the user's cache directory.
What was parsed is kept only in the user's cache directory, never beside the sources, which may be read-only
or shared.

A cached reading is one file: the SHA-256 of its content, then packed arrays. Its name holds a key over
everything that shapes the result (the content of the inputs, the reader's options, this package's own code,
music21's version), so a cache is never older than what it was made from. A damaged file is read again from
the sources; a cache directory that cannot be written costs time and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

from chromasonic.melody_generation.atomic_files import atomic_file, remove_unfinished
from chromasonic.melody_generation.corpora.corpus import CorpusReading, CorpusReport
from chromasonic.melody_generation.corpora.packing import pack_melodies, restore_unchecked, unpack_melodies
from chromasonic.melody_generation.io.tunes import DroppedTune

_LOCK_SECONDS = 300.0  # longer than any corpus takes to read; after that one reads for oneself
_DIGEST_BYTES = 32


def source_directory(dataset: str) -> Path:
    """Where the source files of a dataset lie, or are to be put: it need not exist."""
    configured = os.environ.get("CHROMASONIC_DATA_DIR")
    return (Path(configured).expanduser() if configured else user_cache_path("chromasonic") / "sources") / dataset


def parsed_directory() -> Path:
    """Where parsed readings are kept: it need not exist."""
    return user_cache_path("chromasonic") / "parsed"


def cache_key(inputs: Iterable[tuple[str, bytes]], options: Mapping[str, object]) -> str:
    """A hash over all that shapes a reading.

    Args:
        inputs: Name and content of each source file, in the order in which they are read.
        options: The reader's options, plain values.

    Returns:
        32 hexadecimal digits.
    """
    digest = hashlib.sha256(json.dumps([_code_version(), dict(options)], sort_keys=True).encode())
    for name, content in inputs:
        digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()[:32]


@cache
def _code_version() -> str:
    """A hash over the code from a source's text to a fitted melody; all corpora share it, which is cheap."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256(version("music21").encode())
    for path in [
        root / "melody.py",
        root / "vocabulary.py",
        root / "measures" / "key_estimation.py",
        root / "notation" / "repeats.py",
        *sorted(root.glob("corpora/*.py")),
        *sorted(root.glob("io/*.py")),
    ]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def read_cached(name: str, key: str, read: Callable[[], CorpusReading]) -> CorpusReading:
    """The reading kept under ``name`` and ``key``, or what ``read`` gives, which is then kept.

    Two runs that start at once read the sources once: the second waits for the first.

    Args:
        name: What is read, such as ``"nottingham-written"``; an older reading of the same name is removed.
        key: From :func:`cache_key`.
        read: Reads the sources.
    """
    path = parsed_directory() / f"{name}.{key}.npz"
    found = _load(path)
    if found is not None:
        return found
    with hold_lock(path.parent / f"{name}.lock") as writable:
        found = _load(path) if writable else None
        if found is None:
            found = read()
            if writable:
                _keep(path, name, found)
    return found


@contextmanager
def hold_lock(path: Path) -> Iterator[bool]:
    """Hold a lock; False where there can be none, such as in a cache directory that cannot be written."""
    lock = FileLock(path, timeout=_LOCK_SECONDS)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except (OSError, NotImplementedError):  # a filesystem without locks raises the latter
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _load(path: Path) -> CorpusReading | None:
    """The reading in a file, or None where there is none or it is not what was written."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    payload = content[_DIGEST_BYTES:]
    if hashlib.sha256(payload).digest() != content[:_DIGEST_BYTES]:
        return None
    melodies, report = unpack_melodies(payload, restore_unchecked)
    dropped = tuple(DroppedTune(each["source"], each["reason"]) for each in report.pop("dropped"))
    return CorpusReading(melodies, CorpusReport(**report, dropped=dropped))


def _keep(path: Path, name: str, reading: CorpusReading) -> None:
    """Write the file whole; a full disk is not worth stopping for."""
    payload = pack_melodies(reading.melodies, asdict(reading.report))
    try:
        with atomic_file(path) as unfinished:
            unfinished.write_bytes(hashlib.sha256(payload).digest() + payload)
        for old in path.parent.glob(f"{name}.*.npz"):
            if old != path:
                old.unlink()
        remove_unfinished(path.parent, f"{name}.*")  # of a run that was killed; the lock keeps others away
    except OSError:
        return

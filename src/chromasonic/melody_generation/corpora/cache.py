"""Directories of source files, and the cache of parsed corpora.

Source files are in ``$CHROMASONIC_DATA_DIR/<dataset>`` if that is set, else in the user's cache directory. Parsed
corpora are cached in the user's cache directory only, never beside the sources, which may be read-only or shared.

A cached reading is one file: the SHA-256 of its content, then packed arrays. Its name contains a hash of everything
that determines the result (the content of the sources, the options of the reader, the code that reads, the version of
music21), so that a stale file is never used. If a file is damaged, the sources are parsed again; if the cache directory
is not writable, they are parsed every time. A reading without a file that was over a bound of time or memory is not
cached.
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

_LOCK_SECONDS = 300.0  # longer than reading any corpus takes; after that, a process reads for itself
_DIGEST_BYTES = 32


def source_directory(dataset: str) -> Path:
    """Return the directory for the source files of a dataset; it need not exist."""
    configured = os.environ.get("CHROMASONIC_DATA_DIR")
    return (Path(configured).expanduser() if configured else user_cache_path("chromasonic") / "sources") / dataset


def parsed_directory() -> Path:
    """Return the directory of cached readings; it need not exist."""
    return user_cache_path("chromasonic") / "parsed"


def cache_key(inputs: Iterable[tuple[str, bytes]], options: Mapping[str, object]) -> str:
    """Hash everything that determines a reading.

    Args:
        inputs: Name and content of each source file, in reading order.
        options: The options of the reader, as plain values.

    Returns:
        32 hexadecimal digits.
    """
    digest = hashlib.sha256(json.dumps([_code_version(), dict(options)], sort_keys=True).encode())
    for name, content in inputs:
        digest.update(name.encode(errors="surrogateescape") + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()[:32]


@cache
def _code_version() -> str:
    """Hash the version of music21 and the code that reads corpora."""
    digest = hashlib.sha256(version("music21").encode())
    for path in reading_code():
        digest.update(path.read_bytes())
    return digest.hexdigest()


def reading_code() -> list[Path]:
    """Return the source files of the code that converts source files to melodies; all corpora share them."""
    root = Path(__file__).parents[1]
    return [
        root / "form.py",
        root / "melody.py",
        root / "sign_grammar.py",
        root / "vocabulary.py",
        root / "measures" / "families.py",  # which copies are left out
        root / "measures" / "key_estimation.py",
        *sorted(root.glob("measures/variants/*.py")),
        root / "notation" / "repeats.py",
        root / "notation" / "spelling.py",
        root / "notation" / "titles.py",
        root / "printing" / "printable_text.py",
        *sorted(root.glob("corpora/**/*.py")),
        *sorted(root.glob("io/**/*.py")),
    ]


def read_cached(name: str, key: str, read: Callable[[], CorpusReading]) -> CorpusReading:
    """Return the reading cached under ``name`` and ``key``; read and cache it if there is none.

    If two processes start at the same time, the second waits for the first, so that the sources are read once.

    Args:
        name: The name of the reading, such as ``"nottingham-written"``; older readings of that name are removed.
        key: The hash of :func:`cache_key`.
        read: A function that reads the sources.
    """
    path = parsed_directory() / f"{name}.{key}.npz"
    reading = _load(path)
    if reading is not None:
        return reading
    with hold_lock(path.parent / f"{name}.lock") as writable:
        reading = _load(path) if writable else None
        if reading is None:
            reading = read()
            # What this machine cannot read today, another one may read, or this one tomorrow.
            if writable and not any(tune.depends_on_machine for tune in reading.report.dropped):
                _keep(path, name, reading)
    return reading


@contextmanager
def hold_lock(path: Path) -> Iterator[bool]:
    """Hold a lock file and yield True; yield False if it cannot be created or acquired."""
    lock = FileLock(path, timeout=_LOCK_SECONDS)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except (OSError, NotImplementedError):  # raised by a filesystem without locks
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _load(path: Path) -> CorpusReading | None:
    """Load a cached reading; return None if there is no file, or it is damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    payload = content[_DIGEST_BYTES:]
    if hashlib.sha256(payload).digest() != content[:_DIGEST_BYTES]:
        return None
    melodies, report = unpack_melodies(payload, restore_unchecked)
    return CorpusReading(melodies, CorpusReport.from_plain_values(report))


def _keep(path: Path, name: str, reading: CorpusReading) -> None:
    """Write a reading to the cache; ignore errors such as a full disk."""
    payload = pack_melodies(reading.melodies, asdict(reading.report))
    try:
        with atomic_file(path) as unfinished:
            unfinished.write_bytes(hashlib.sha256(payload).digest() + payload)
        for old in path.parent.glob(f"{name}.*.npz"):
            if old != path:
                old.unlink()
        remove_unfinished(path.parent, pattern=f"{name}.*")  # left by a killed process; the lock excludes running ones
    except OSError:
        return

"""Convert the bytes of a user's music file to tunes, whatever its format; without bounds of time and memory.

An ABC tune without a key gets one that is estimated from its notes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.read_abc import decode_abc, read_abc
from chromasonic.melody_generation.io.read_score import parse_scores
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune
from chromasonic.melody_generation.measures.key_estimation import estimated_key

_MAX_TUNES = 100_000  # four bytes can begin a tune, and each one that is left out takes a line of the report
TUNE_BEGINS = re.compile(r"^(?=[ \t]*X[ \t]*:)", re.MULTILINE)
_KEY_FIELD = re.compile(r"^[ \t]*K[ \t]*:[ \t]*([^%\n]*)", re.MULTILINE)
_HEADER_LINE = re.compile(r"\s*(?:$|%|[A-Za-z+][ \t]*:(?![|:]))")


def tunes_of_file(
    content: bytes, suffix: str, source: str, part: str | int | None = None
) -> Iterator[WrittenTune | DroppedTune]:
    """Read the tunes of a file; a file that cannot be used is yielded as dropped, with the reason.

    Args:
        content: The content of the file.
        suffix: The suffix that gives the format, in lower case.
        source: The melodies' ``source``: the file's name.
        part: The name or the number of the part of a score that carries the melody; None to choose it.

    Raises:
        MemoryError: If there is not enough memory, also if a library raises something else then.
    """
    try:
        if suffix == ".abc":
            yield from _abc_tunes(content, source)
        else:
            yield from parse_scores(content, suffix, source, part)
    except InputError as problem:
        if _is_lack_of_memory(problem):
            raise MemoryError from problem
        yield DroppedTune(source, str(problem).removeprefix(f"{source} "))


def _is_lack_of_memory(problem: BaseException | None) -> bool:
    """Return whether an error, or one that led to it, is a lack of memory, which is no fault of the file."""
    while problem is not None:
        if isinstance(problem, MemoryError) or (isinstance(problem, SyntaxError) and "out of memory" in str(problem)):
            return True
        problem = problem.__cause__ or problem.__context__
    return False


def _abc_tunes(content: bytes, source: str) -> Iterator[WrittenTune | DroppedTune]:
    text = decode_abc(content).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    header, *tunes = TUNE_BEGINS.split(text)
    if not tunes:
        if not _KEY_FIELD.search(header):
            raise InputError("it has no tune")
        yield from read_abc(header, file_name=source)  # tunes without a number
        return
    if len(tunes) > _MAX_TUNES:
        raise InputError(f"it has {len(tunes)} tunes, more than the limit of {_MAX_TUNES}: cut it into several files")
    tunes = [_with_key_field(tune) for tune in tunes]
    # The fields of the file's header hold for every tune.
    for tune, result in zip(tunes, read_abc(header + "".join(tunes), file_name=source), strict=True):
        yield result if isinstance(result, DroppedTune) or _names_key(tune) else _with_estimated_key(result)


def _names_key(tune: str) -> bool:
    field = _KEY_FIELD.search(tune)
    return field is not None and field[1].strip().lower() not in {"", "none"}


def _with_key_field(tune: str) -> str:
    """Return the tune with a ``K:`` field at the end of its header, which some tunes without a key lack."""
    if _KEY_FIELD.search(tune):
        return tune
    lines = tune.split("\n")
    n_header = next((index for index, line in enumerate(lines) if not _HEADER_LINE.match(line)), None)
    return tune if n_header is None else "\n".join([*lines[:n_header], "K:none", *lines[n_header:]])


def _with_estimated_key(tune: WrittenTune) -> WrittenTune:
    key = estimated_key(tune.melody.pitches, tune.melody.durations)
    return replace(tune, melody=replace(tune.melody, tonic=key.tonic, mode=key.mode))

"""Convert the bytes of a user's music file to tunes, whatever its format; without bounds of time and memory.

An ABC tune without a key gets one that is estimated from its notes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.abc.abc_tunes import tune_begins, with_key_field
from chromasonic.melody_generation.io.read_abc import decode_abc, read_abc
from chromasonic.melody_generation.io.read_score import parse_scores
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune

_MAX_TUNES = 100_000  # four bytes can begin a tune, and each one that is left out takes a line of the report


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
            yield from _abc_tunes(content, source, part)
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


def _abc_tunes(content: bytes, source: str, part: str | int | None) -> Iterator[WrittenTune | DroppedTune]:
    text = decode_abc(content).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    begins = tune_begins(text)
    if not begins:
        raise InputError("it has no tune")
    if len(begins) > _MAX_TUNES:
        raise InputError(f"it has {len(begins)} tunes, more than the limit of {_MAX_TUNES}: cut it into several files")
    tunes = [with_key_field(text[begin:end]) for begin, end in pairwise([*begins, len(text)])]
    # The fields of the file's header hold for every tune.
    yield from read_abc(text[: begins[0]] + "".join(tunes), file_name=source, part=part, estimates_keys=True)

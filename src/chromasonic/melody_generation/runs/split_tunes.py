"""The tunes of a split as a run directory keeps them, so that a run is evaluated without its corpus."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

from chromasonic.melody_generation.atomic_files import atomic_file
from chromasonic.melody_generation.corpora.packing import pack_melodies, unpack_untrusted
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.untrusted_files import read_regular_file

_MAX_BYTES = 1_000_000_000  # a million tunes


def save_split_tunes(path: Path, tunes: Mapping[str, Sequence[Melody]]) -> None:
    """Write the tunes of each side to a file."""
    sizes = {side: len(melodies) for side, melodies in tunes.items()}
    with atomic_file(path) as unfinished:
        unfinished.write_bytes(pack_melodies(list(itertools.chain(*tunes.values())), {"sides": sizes}))


def load_split_tunes(path: Path) -> dict[str, tuple[Melody, ...]]:
    """Read the tunes of each side from a file that ``save_split_tunes`` wrote.

    Raises:
        InputError: If there is no such file, or it is damaged.
    """
    try:
        melodies, notes = unpack_untrusted(read_regular_file(path, _MAX_BYTES))
        sizes = {str(side): int(size) for side, size in notes["sides"].items()}
    except OSError as problem:
        raise InputError(f"{path} cannot be read ({problem.strerror}): it holds the tunes of the run") from problem
    except (InputError, ArithmeticError, KeyError, TypeError, ValueError, AttributeError) as problem:
        raise InputError(f"{path} is damaged ({problem}): copy it from where the run was made") from problem
    if min(sizes.values(), default=0) < 0 or sum(sizes.values()) != len(melodies):
        raise InputError(f"{path} is damaged: its sides do not add up to its {len(melodies)} tunes")
    remaining = iter(melodies)
    return {side: tuple(itertools.islice(remaining, size)) for side, size in sizes.items()}

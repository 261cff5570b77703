"""The Nottingham Music Database: 1034 British and American folk tunes in ABC, as cleaned by Jukedeck.

The files have about half a megabyte and are licensed under the GPL-3.0; see
:mod:`~chromasonic.melody_generation.corpora.pinned_sources`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

from chromasonic.melody_generation.corpora.cache import cache_key, read_cached
from chromasonic.melody_generation.corpora.corpus import CorpusReading, collect_tunes
from chromasonic.melody_generation.corpora.downloads import check_address
from chromasonic.melody_generation.corpora.pinned_sources import load_manifest, read_sources
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.notation.repeats import Repeats
from chromasonic.melody_generation.vocabulary import UNKNOWN_KIND

# Beginnings of the names of files, the kind of their tunes, and the metres in which a tune without a kind in its title
# is one; in any metre if there are none.
_FILES: dict[str, tuple[str, tuple[str, ...]]] = {
    "jigs": ("jig", ("6/8",)),
    "slip": ("slip jig", ("9/8",)),
    "reels": ("reel", ("4/4", "2/2")),
    "hpps": ("hornpipe", ("4/4", "2/2")),
    "waltzes": ("waltz", ("3/4",)),
    "morris": ("morris", ()),
    "xmas": ("carol", ()),
}


class NottinghamCorpus:
    """The 1034 tunes of the Nottingham Music Database.

    Args:
        repeats: ``"written"`` for each note once, ``"played"`` for repeats, endings and parts unrolled.
        base_url: The address of the folder from which missing files are downloaded: https, or http on this machine.

    Raises:
        InputError: If ``repeats`` or ``base_url`` is neither.
    """

    def __init__(self, repeats: Repeats = "written", base_url: str | None = None) -> None:
        if repeats not in get_args(Repeats):
            raise InputError(f"repeats is {' or '.join(get_args(Repeats))}, not {repeats!r}")
        self.repeats: Repeats = repeats
        self.base_url = (base_url or load_manifest("nottingham").url).rstrip("/") + "/"
        check_address(self.base_url)

    def load(self) -> list[Melody]:
        """Read the melodies."""
        return list(self.read().melodies)

    def read(self) -> CorpusReading:
        """Read the melodies and the report, after downloading missing files.

        Raises:
            InputError: If a file cannot be downloaded or read, or does not have the pinned SHA-256.
        """
        manifest = load_manifest("nottingham")
        contents = read_sources(manifest, self.base_url)
        key = cache_key(contents, {"repeats": self.repeats})
        name = f"nottingham-{self.repeats}"
        return read_cached(name, key, lambda: collect_tunes(_tunes(contents, self.repeats), manifest.source))


def _tunes(contents: list[tuple[str, bytes]], repeats: Repeats) -> Iterator[WrittenTune | DroppedTune]:
    # Importing music21 takes half a second, more than loading a cached corpus.
    from chromasonic.melody_generation.io.read_abc import decode_abc, read_abc  # noqa: PLC0415

    for name, content in contents:
        for tune in read_abc(decode_abc(content), file_name=name, corpus="nottingham", repeats=repeats):
            yield tune if isinstance(tune, DroppedTune) else replace(tune, melody=_with_kind_of_file(tune.melody))


def _with_kind_of_file(melody: Melody) -> Melody:
    """Return a melody of unknown kind with the kind of its file, if it is in a metre that is usual for it."""
    kind, metres = next((of for name, of in _FILES.items() if melody.source.startswith(name)), (melody.kind, ()))
    if melody.kind != UNKNOWN_KIND or (metres and str(melody.metre) not in metres):
        return melody
    return replace(melody, kind=kind)

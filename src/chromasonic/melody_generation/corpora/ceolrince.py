"""Ceol Rince na hÉireann 1 to 5: Breandán Breathnach's collection of 1195 Irish dance tunes, transcribed by Bill Black.

The files are MIDI files that abc2midi has written, with every repeat played, and a table of the tonics, set by hand.
What the files lack is estimated: the mode by the scale, and the position of the first note in its bar by the tunes of
O'Neill's collection. Repeated parts are folded, so that every note is there once, as in the other collections.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePath

from chromasonic.melody_generation.corpora.cache import cache_key, read_cached
from chromasonic.melody_generation.corpora.corpus import CorpusReading, collect_tunes
from chromasonic.melody_generation.corpora.pinned_sources import load_manifest, read_sources
from chromasonic.melody_generation.corpora.played.played_repeats import fold_repeats
from chromasonic.melody_generation.corpora.played.upbeat import UpbeatEstimator
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune
from chromasonic.melody_generation.measures.key_estimation import estimated_key, estimated_mode
from chromasonic.melody_generation.melody import Melody

_ROOTS = "roots.csv"


class CeolRinceCorpus:
    """The 1195 tunes of Ceol Rince na hÉireann."""

    def load(self) -> list[Melody]:
        """Read the melodies."""
        return list(self.read().melodies)

    def read(self) -> CorpusReading:
        """Read the melodies and the report, after downloading missing files.

        Raises:
            InputError: If a file cannot be downloaded or read, or does not have the pinned SHA-256.
        """
        manifest = load_manifest("ceolrince")
        contents = read_sources(manifest)
        key = cache_key(contents, {"corpus": "ceolrince"})
        return read_cached("ceolrince", key, lambda: collect_tunes(_tunes(dict(contents)), manifest.source))


def _tunes(contents: dict[str, bytes]) -> Iterator[WrittenTune | DroppedTune]:
    from chromasonic.melody_generation.corpora.folk import read_collection  # noqa: PLC0415  it reads this corpus too

    roots = dict(list(csv.reader(io.StringIO(contents.pop(_ROOTS).decode("utf-8"))))[1:])
    upbeats = UpbeatEstimator(read_collection("oneills").melodies)
    for name, content in contents.items():
        stem = PurePath(name).stem
        yield _tune(stem, content, roots.get(stem), upbeats)


def _tune(stem: str, content: bytes, root: str | None, upbeats: UpbeatEstimator) -> WrittenTune | DroppedTune:
    from chromasonic.melody_generation.corpora.played.read_abc2midi import read_abc2midi  # noqa: PLC0415  mido, which is slow

    try:
        tune = read_abc2midi(content)
    except InputError as problem:
        return DroppedTune(stem, str(problem))
    key = estimated_key(tune.pitches, tune.durations, tune.sharps)
    tonic = int(root) if root and root.isdecimal() and int(root) < 12 else key.tonic
    melody = Melody(
        tune.pitches,
        tune.durations,
        metre=tune.metre,
        tonic=tonic,
        mode=estimated_mode(tune.pitches, tune.durations, tonic),
        title=title_of(tune.names),
        source=stem,
    )
    return WrittenTune(fold_repeats(replace(melody, start=upbeats.start_of(melody))), 0, 0)


def title_of(names: tuple[str, ...]) -> str:
    """Return the main name of a tune with its article in front.

    Example:
        >>> title_of(("Aghavas Reel 1, The", "another name"))
        'The Aghavas Reel 1'
    """
    title, comma, article = (names[0] if names else "").rpartition(", ")
    return f"{article} {title}" if comma and article in {"The", "A", "An", "Na"} else names[0] if names else ""

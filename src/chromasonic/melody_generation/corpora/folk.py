"""Folk collections: over 12 000 tunes in the corpus of music21, without a download, and three that are downloaded.

* ``oneills``: O'Neill's Music of Ireland, 1903 (2009 tunes; some are in two files of the collection).
* ``airds``: Aird's Selection of Scotch, English, Irish and Foreign Airs, 1782-1801 (1180 tunes).
* ``ryans``: Ryan's Mammoth Collection, 1883 (1059 tunes).
* ``essen``: the Essen Folksong Collection, mostly German and Chinese songs (8514 tunes).
* ``nottingham``, ``ceolrince`` and ``folkwiki``: as the datasets of these names, downloaded on first use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from chromasonic.melody_generation.corpora.cache import cache_key, read_cached
from chromasonic.melody_generation.corpora.ceolrince import CeolRinceCorpus
from chromasonic.melody_generation.corpora.corpus import (
    Corpus,
    CorpusReading,
    CorpusReport,
    collect_tunes,
    without_copies,
)
from chromasonic.melody_generation.corpora.folkwiki import FolkWikiCorpus
from chromasonic.melody_generation.corpora.nottingham import NottinghamCorpus
from chromasonic.melody_generation.corpora.source_collection import SourceCollection
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.printing.terminal_output import Terminal, TerminalBar

# The folder of each collection in music21's corpus.
_FOLDERS = {"oneills": "oneills1850", "airds": "airdsAirs", "ryans": "ryansMammoth", "essen": "essenFolksong"}
_ENCODERS = {
    "oneills": ("O'Neill's Music of Ireland (1903)", "no licence stated; transcribed by several people for the web"),
    "airds": ("Aird's Airs (1782 to 1801)", "no licence stated; transcribed by Jack Campin"),
    "ryans": ("Ryan's Mammoth Collection (1883)", "no licence stated; transcribed by Ray Davies and others"),
    "essen": ("Essen Folksong Collection", "unclear; non-commercial distribution permitted, as its folder states"),
}
_CORPUS_ADDRESS = "https://github.com/cuthbertLab/music21/tree/master/music21/corpus/"
_SCAN_ERROR = re.compile(r"(?<=t):")  # in the titles of Ryan's collection, as in "Leviat:han"
_DOWNLOADED: dict[str, Callable[[], Corpus]] = {
    "nottingham": NottinghamCorpus,
    "ceolrince": CeolRinceCorpus,
    "folkwiki": FolkWikiCorpus,
}


class FolkCorpus:
    """The tunes of the chosen collections as written, with each note once.

    Args:
        oneills: Whether to read O'Neill's.
        airds: Whether to read Aird's.
        ryans: Whether to read Ryan's Mammoth.
        essen: Whether to read Essen.
        nottingham: Whether to read the Nottingham tunes too. This helps a model that is pretrained for them; the
            leakage guard removes their held-out tunes.
        ceolrince: Whether to read Ceol Rince na hÉireann.
        folkwiki: Whether to read the tunes of FolkWiki.

    Raises:
        InputError: If no collection is chosen.
    """

    def __init__(
        self,
        *,
        oneills: bool = True,
        airds: bool = True,
        ryans: bool = True,
        essen: bool = True,
        nottingham: bool = False,
        ceolrince: bool = False,
        folkwiki: bool = False,
    ) -> None:
        chosen = {"oneills": oneills, "airds": airds, "ryans": ryans, "essen": essen}
        chosen |= {"nottingham": nottingham, "ceolrince": ceolrince, "folkwiki": folkwiki}
        self.collections = tuple(name for name, is_chosen in chosen.items() if is_chosen)
        if not self.collections:
            raise InputError(f"the folk dataset needs one of its collections: {', '.join(chosen)}")

    def load(self) -> list[Melody]:
        """Read the melodies."""
        return list(self.read().melodies)

    def read(self) -> CorpusReading:
        """Read the melodies and the report; each collection has its own cache.

        Raises:
            InputError: If music21 was installed without its corpus.
        """
        return _join([read_collection(name) for name in self.collections])


def read_collection(collection: str) -> CorpusReading:
    """Read one collection by its name, with all copies."""
    if collection in _DOWNLOADED:
        return _DOWNLOADED[collection]().read()
    contents = [(path.name, path.read_bytes()) for path in _paths(collection)]
    key = cache_key(contents, {"corpus": collection})
    title, licence = _ENCODERS[collection]
    source = SourceCollection(title, licence, _CORPUS_ADDRESS + _FOLDERS[collection])
    return read_cached(f"folk-{collection}", key, lambda: collect_tunes(_tunes(collection, contents), source))


def _paths(collection: str) -> list[Path]:
    # music21 takes seconds to list its corpus, and half a second to import.
    spec = find_spec("music21")
    folders = spec.submodule_search_locations if spec else None
    folder = Path(next(iter(folders or ["music21"]))) / "corpus" / _FOLDERS[collection]
    paths = sorted(folder.glob("*.abc"))
    if not paths:
        raise InputError(f"music21's corpus is not installed: there are no ABC files in {folder}")
    return paths


def _tunes(collection: str, contents: Sequence[tuple[str, bytes]]) -> Iterator[WrittenTune | DroppedTune]:
    from chromasonic.melody_generation.io.read_abc import decode_abc, read_abc  # noqa: PLC0415  imports music21, which is slow

    with TerminalBar(Terminal.for_errors(), f"reading {collection}", len(contents)) as bar:
        for name, content in contents:
            for tune in read_abc(decode_abc(content), file_name=name, corpus=collection):
                if collection == "ryans" and not isinstance(tune, DroppedTune):
                    yield replace(tune, melody=_with_mended_title(tune.melody))
                else:
                    yield tune
            bar.advance()


def _with_mended_title(melody: Melody) -> Melody:
    """Return a melody without the signs within words of its title that the scanning of the source has left."""
    title = _SCAN_ERROR.sub("", melody.title)
    return melody if title == melody.title else replace(melody, title=title)


def _join(readings: Sequence[CorpusReading]) -> CorpusReading:
    melodies = tuple(melody for reading in readings for melody in reading.melodies)
    return without_copies(CorpusReading(melodies, CorpusReport.join([reading.report for reading in readings])))

"""FolkWiki: 4083 Swedish tunes in ABC, written down by the users of folkwiki.se.

The source is one text, which its author made for training a network: the notation is split into tokens by blanks, and
each tune begins with the name of its file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import unquote_to_bytes

from chromasonic.melody_generation.corpora.cache import cache_key, read_cached
from chromasonic.melody_generation.corpora.corpus import CorpusReading, collect_tunes
from chromasonic.melody_generation.corpora.pinned_sources import load_manifest, read_sources
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune
from chromasonic.melody_generation.melody import Melody

_HEADER = re.compile(r"\[([LMK]:[^\]]*)\]")


class FolkWikiCorpus:
    """The 4083 tunes of FolkWiki as written, with each note once."""

    def load(self) -> list[Melody]:
        """Read the melodies."""
        return list(self.read().melodies)

    def read(self) -> CorpusReading:
        """Read the melodies and the report, after downloading the file if it is missing.

        Raises:
            InputError: If the file cannot be downloaded or read, or does not have the pinned SHA-256.
        """
        manifest = load_manifest("folkwiki")
        contents = read_sources(manifest)
        key = cache_key(contents, {"corpus": "folkwiki"})
        text = contents[0][1].decode("utf-8")
        return read_cached("folkwiki", key, lambda: collect_tunes(_tunes(text), manifest.source))


def _tunes(text: str) -> Iterator[WrittenTune | DroppedTune]:
    from chromasonic.melody_generation.io.read_abc import read_abc  # noqa: PLC0415  imports music21, which is slow

    for number, block in enumerate(filter(str.strip, text.split("\n\n")), 1):
        title, abc = as_abc(block)
        for tune in read_abc(abc, file_name="folkwiki"):
            if isinstance(tune, DroppedTune):
                yield DroppedTune(f"folkwiki:{number}", tune.reason)
            else:
                yield replace(tune, melody=replace(tune.melody, title=title, source=f"folkwiki:{number}"))


def as_abc(block: str) -> tuple[str, str]:
    r"""Return the title of a tune, and its ABC notation.

    Example:
        >>> as_abc("F:Visa_fr%E5n_Dala_7d086c.abc\n[L:1/8]\n[M:3/4]\n[K:GMaj]\nd 2 B > A | G 6 |")
        ('Visa från Dala', 'X:1\nL:1/8\nM:3/4\nK:GMaj\nd2B>A|G6|\n')
    """
    name, *lines = block.strip().split("\n")
    title = re.sub(r"(?:_[0-9a-f]{6})?\.abc$", "", _unquoted(name.removeprefix("F:").strip()))
    headers = [header[1] for line in lines if (header := _HEADER.fullmatch(line.strip()))]
    body = "".join(line.replace(" ", "") for line in lines if not _HEADER.fullmatch(line.strip()))
    return title.replace("_", " ").strip(), "\n".join(["X:1", *headers, body, ""])


def _unquoted(name: str) -> str:
    """Return a name without percent signs; the users' browsers wrote letters in one of two encodings."""
    octets = unquote_to_bytes(name)
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("cp1252", errors="replace")

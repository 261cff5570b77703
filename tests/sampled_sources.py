"""A quarter of the tunes of large collections, which represent them in tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chromasonic.melody_generation.corpora import ceolrince, folkwiki
from chromasonic.melody_generation.corpora.pinned_sources import DownloadManifest, read_sources

N_CEOL_RINCE, N_FOLKWIKI = 299, 1021


def _quarter_of_files(manifest: DownloadManifest) -> list[tuple[str, bytes]]:
    contents = read_sources(manifest)
    table = [(name, content) for name, content in contents if name == "roots.csv"]
    return [*table, *[entry for entry in contents if entry not in table][::4]]


def _quarter_of_blocks(manifest: DownloadManifest) -> list[tuple[str, bytes]]:
    [(name, content)] = read_sources(manifest)
    blocks = list(filter(str.strip, content.decode("utf-8").split("\n\n")))
    return [(name, "\n\n".join(blocks[::4]).encode())]


@contextmanager
def sampled_sources() -> Iterator[None]:
    """Let Ceol Rince and FolkWiki read every fourth of their tunes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ceolrince, "read_sources", _quarter_of_files)
        patch.setattr(folkwiki, "read_sources", _quarter_of_blocks)
        yield

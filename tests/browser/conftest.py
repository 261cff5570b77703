"""The browser and the pages for all tests of pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.small_networks import walks

from chromasonic.melody_generation.evaluation.reference_set import ReferenceSet
from chromasonic.melody_generation.evaluation.scored_melodies import ScoredMelodies
from chromasonic.melody_generation.melody import REST, Melody, Metre
from chromasonic.melody_generation.pages.melody_tracks import melody_tracks
from chromasonic.melody_generation.pages.page import Page, TrackGroup, page_html

HOSTILE = '</script></title><img src=x onerror="window.hacked = 1"> & \'"><svg onload=alert(1)> ]]> <!-- «Là-bas» ♯'

# A jig with an upbeat, a rest and a note tied over a bar line; a tune that is among the training tunes; a long tune.
JIG = Melody(
    [67, 71, 74, 79, 78, 76, 74, REST, 71, 72, 74, 71, 67],
    [12, 24, 12, 24, 12, 12, 12, 12, 60, 12, 12, 12, 36],
    Metre(6, 8),
    start=60,
    tonic=7,
)
SCALE = Melody(
    [60, 62, 64, 65, 67, 69, 71, 72, 71, 69, 67, 65, 64, 62, 60, 60], [24] * 16, title=HOSTILE, source=HOSTILE
)
LONG = Melody([60 + (7 * number) % 12 for number in range(256)], [24] * 256)
MELODIES = (JIG, SCALE, LONG)


@pytest.fixture(scope="session")
def scored() -> ScoredMelodies:
    tunes = walks(40)
    return ScoredMelodies.score(MELODIES, ReferenceSet.of(tunes[:15], [*tunes[15:], SCALE]))


@pytest.fixture(scope="session")
def listening(scored: ScoredMelodies, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a page of three melodies, one with a hostile name, into a directory with a hostile name."""
    stems = ("a_jig", "scale", "long")
    page = Page(
        title=f"Melodies {HOSTILE}",
        lead=HOSTILE,
        facts=(("Model", "lstm"), (HOSTILE, HOSTILE)),
        command=f"chromasonic generate run={HOSTILE}",
        groups=(TrackGroup("", "", melody_tracks(scored, range(3), ("A jig", HOSTILE, "A long one"), stems)),),
    )
    file = tmp_path_factory.mktemp("a page & more") / "index.html"
    file.write_text(page_html(page), encoding="utf-8")
    return file

from __future__ import annotations

import pytest
from tests.sampled_sources import N_FOLKWIKI, sampled_sources
from tests.unit.corpora.round_trip import assert_encoding_round_trips

from chromasonic.melody_generation.corpora.cache import source_directory
from chromasonic.melody_generation.corpora.corpus import CorpusReading
from chromasonic.melody_generation.corpora.folkwiki import FolkWikiCorpus, as_abc
from chromasonic.melody_generation.melody import Metre
from chromasonic.melody_generation.vocabulary import NoteVocabulary

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reading() -> CorpusReading:
    if not source_directory("folkwiki").is_dir():
        pytest.skip("the file of FolkWiki is not here")
    with sampled_sources():
        return FolkWikiCorpus().read()


def test_every_fourth_tune_is_read(reading: CorpusReading) -> None:
    report = reading.report
    assert (report.n_tunes, report.n_melodies, report.dropped) == (N_FOLKWIKI, N_FOLKWIKI, ())
    assert_encoding_round_trips(reading, NoteVocabulary())


def test_the_first_tune_is_as_written(reading: CorpusReading) -> None:
    first = reading.melodies[0]
    assert (first.title, first.source, first.metre) == ("Polska efter Rydin", "folkwiki:1", Metre(3, 4))
    assert first.pitches[:6].tolist() == [74, 74, 72, 71, 69, 71]
    assert first.durations[:6].tolist() == [24, 18, 6, 18, 6, 18]


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("F:Polon%E4s_0da38c.abc", "Polonäs"),
        ("F:Polsk%C3%A5_efter_x_0da38c.abc", "Polskå efter x"),
        ("F:100%25.abc", "100%"),
        ("F:", ""),
    ],
)
def test_titles_are_names_of_files(name: str, title: str) -> None:
    assert as_abc(f"{name}\n[L:1/8]\n[K:C]\nC D")[0] == title

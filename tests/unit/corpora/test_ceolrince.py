from __future__ import annotations

from collections import Counter

import pytest
from tests.sampled_sources import N_CEOL_RINCE, sampled_sources
from tests.unit.corpora.round_trip import assert_encoding_round_trips

from chromasonic.melody_generation.corpora.cache import source_directory
from chromasonic.melody_generation.corpora.ceolrince import CeolRinceCorpus, title_of
from chromasonic.melody_generation.corpora.corpus import CorpusReading
from chromasonic.melody_generation.corpora.pinned_sources import load_manifest
from chromasonic.melody_generation.melody import Metre
from chromasonic.melody_generation.vocabulary import NoteVocabulary

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reading() -> CorpusReading:
    if not (source_directory("ceolrince") / "roots.csv").is_file():
        pytest.skip("the files of Ceol Rince are not here")
    with sampled_sources():
        return CeolRinceCorpus().read()


def test_the_manifest_names_all_tunes() -> None:
    assert len(load_manifest("ceolrince").files) == 1195 + 1  # and a table of their tonics


def test_every_fourth_tune_is_read(reading: CorpusReading) -> None:
    report = reading.report
    assert (report.n_tunes, report.n_melodies, report.dropped) == (N_CEOL_RINCE, N_CEOL_RINCE, ())
    assert_encoding_round_trips(reading, NoteVocabulary())


def test_most_tunes_have_whole_bars_and_modes_of_irish_music(reading: CorpusReading) -> None:
    wholes = Counter(
        (melody.start + int(melody.durations.sum())) % melody.metre.bar_ticks in {0, melody.start}
        for melody in reading.melodies
    )
    assert wholes[True] > 0.8 * len(reading.melodies)
    modes = Counter(melody.mode for melody in reading.melodies)
    assert modes.keys() == {"major", "minor", "dorian", "mixolydian"}
    assert modes["dorian"] > modes["minor"]


def test_a_jig_that_is_known_is_folded_and_has_its_upbeat(reading: CorpusReading) -> None:
    """Bars, upbeat and key of A Trip to Galway in the printed collection: two parts of eight bars, E dorian."""
    jig = next(melody for melody in reading.melodies if melody.source == "ATripToGalway")
    assert (jig.title, jig.metre, jig.start, len(jig.bar_lines)) == ("A Trip To Galway", Metre(6, 8), 60, 16)
    assert (jig.tonic, jig.mode) == (4, "dorian")


def test_articles_come_first() -> None:
    names = ("Achreidh Jig, The", "Lark, the Morning", "")
    assert [title_of((name,)) for name in names] == ["The Achreidh Jig", "Lark, the Morning", ""]
    assert title_of(()) == ""

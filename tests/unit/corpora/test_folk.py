"""The folk collections inside music21."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.corpora.round_trip import assert_all_survive_encoding

from chromasonic.melody_generation.corpora import folk
from chromasonic.melody_generation.corpora.cache import parsed_directory
from chromasonic.melody_generation.corpora.corpus import CorpusReading
from chromasonic.melody_generation.corpora.folk import FolkCorpus
from chromasonic.melody_generation.corpora.nottingham import NottinghamCorpus
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.vocabulary import NoteVocabulary


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Collections of a single tune, and O'Neill's with a malformed one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def paths(collection: str) -> list[Path]:
        path = tmp_path / f"{collection}.abc"
        path.write_text(f"X:1\nT:{collection}\nL:1/4\nK:C\nCDE|\n")
        if collection == "oneills":
            path.write_text(path.read_text() + "X:2\nK:nonsense\nC|\n")
        return [path]

    monkeypatch.setattr(folk, "_paths", paths)


def test_no_collection_is_refused() -> None:
    with pytest.raises(InputError, match="one of its collections: oneills, airds, ryans, essen, nottingham"):
        FolkCorpus(oneills=False, airds=False, ryans=False, essen=False)


@pytest.mark.usefixtures("small")
def test_each_collection_is_on_or_off_and_labelled() -> None:
    melodies = FolkCorpus(airds=False, ryans=False).load()
    assert [(melody.corpus, melody.source) for melody in melodies] == [
        ("oneills", "oneills.abc:1"),
        ("essen", "essen.abc:1"),
    ]


@pytest.mark.usefixtures("small", "nottingham_directory")
def test_nottinghams_tunes_are_a_collection_for_those_who_ask() -> None:
    melodies = FolkCorpus(oneills=False, airds=False, ryans=False, nottingham=True).load()
    assert melodies[0].corpus == "essen"
    assert melodies[1:] == NottinghamCorpus().load()


@pytest.mark.usefixtures("small")
def test_reports_are_added_up() -> None:
    report = FolkCorpus().read().report
    assert (report.n_tunes, report.n_melodies, report.n_notes) == (5, 4, 12)
    assert [dropped.source for dropped in report.dropped] == ["oneills.abc:2"]


@pytest.mark.usefixtures("small")
def test_each_collection_has_its_own_cache() -> None:
    alone, all_of_them = FolkCorpus(airds=False, ryans=False, essen=False), FolkCorpus()
    first = alone.load()
    assert all_of_them.load()[:1] == first
    names = sorted(path.name.partition(".")[0] for path in parsed_directory().glob("*.npz"))
    assert names == ["folk-airds", "folk-essen", "folk-oneills", "folk-ryans"]


@pytest.mark.usefixtures("small")
def test_reading_is_quiet_where_there_is_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    FolkCorpus().load()
    assert capfd.readouterr() == ("", "")


def test_without_music21s_corpus_the_message_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folk, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="music21's corpus is not installed"):
        FolkCorpus().load()


@pytest.fixture(scope="module")
def all_collections() -> CorpusReading:
    return FolkCorpus().read()


@pytest.mark.slow
def test_hardly_a_tune_of_the_12762_is_left_out(all_collections: CorpusReading) -> None:
    report = all_collections.report
    assert report.n_tunes == 2009 + 1180 + 1059 + 8514
    assert report.n_melodies >= 12_758
    # Bars of Essen's follow no metre at times; of the other three collections' notes hardly one overruns.
    assert report.n_overruns < 0.002 * report.n_notes


@pytest.mark.slow
def test_every_tune_survives_encoding(all_collections: CorpusReading) -> None:
    assert_all_survive_encoding(all_collections, NoteVocabulary())

"""The folk collections inside music21."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.corpora.round_trip import assert_encoding_round_trips

from chromasonic.melody_generation.corpora import folk
from chromasonic.melody_generation.corpora.cache import parsed_directory
from chromasonic.melody_generation.corpora.corpus import CorpusReading
from chromasonic.melody_generation.corpora.folk import FolkCorpus
from chromasonic.melody_generation.corpora.nottingham import NottinghamCorpus
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.vocabulary import NoteVocabulary


@pytest.fixture
def small_collections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the collections by single tunes, and a malformed second tune of O'Neill's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def paths(collection: str) -> list[Path]:
        path = tmp_path / f"{collection}.abc"
        last = {"oneills": "E", "airds": "F", "ryans": "G", "essen": "A"}[collection]
        path.write_text(f"X:1\nT:{collection}\nL:1/4\nK:C\nCD{last}|\n")
        if collection == "oneills":
            path.write_text(path.read_text() + "X:2\nK:nonsense\nC|\n")
        return [path]

    monkeypatch.setattr(folk, "_paths", paths)


def test_no_collection_raises_an_error() -> None:
    with pytest.raises(InputError, match="one of its collections: oneills, airds, ryans, essen, nottingham"):
        FolkCorpus(oneills=False, airds=False, ryans=False, essen=False)


@pytest.mark.usefixtures("small_collections")
def test_chosen_collections_are_read_and_labelled() -> None:
    melodies = FolkCorpus(airds=False, ryans=False).load()
    assert [(melody.corpus, melody.source) for melody in melodies] == [
        ("oneills", "oneills.abc:1"),
        ("essen", "essen.abc:1"),
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("small_collections", "nottingham_directory")
def test_nottingham_is_an_optional_collection() -> None:
    melodies = FolkCorpus(oneills=False, airds=False, ryans=False, nottingham=True).load()
    assert melodies[0].corpus == "essen"
    nottingham = NottinghamCorpus().load()
    assert [melody for melody in nottingham if melody in melodies] == melodies[1:]
    assert len(nottingham) - 20 < len(melodies) < len(nottingham)  # without copies


@pytest.mark.usefixtures("small_collections")
def test_reports_are_summed() -> None:
    report = FolkCorpus().read().report
    assert (report.n_tunes, report.n_melodies, report.n_notes) == (5, 4, 12)
    assert [dropped.source for dropped in report.dropped] == ["oneills.abc:2"]


@pytest.mark.usefixtures("small_collections")
def test_each_collection_has_its_own_cache() -> None:
    alone, all_of_them = FolkCorpus(airds=False, ryans=False, essen=False), FolkCorpus()
    first = alone.load()
    assert all_of_them.load()[:1] == first
    names = sorted(path.name.partition(".")[0] for path in parsed_directory().glob("*.npz"))
    assert names == ["folk-airds", "folk-essen", "folk-oneills", "folk-ryans"]


@pytest.mark.usefixtures("small_collections")
def test_reading_prints_nothing_without_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    FolkCorpus().load()
    assert capfd.readouterr() == ("", "")


def test_a_missing_corpus_of_music21_raises_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folk, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="music21's corpus is not installed"):
        FolkCorpus().load()


@pytest.fixture(scope="module")
def all_collections() -> CorpusReading:
    return FolkCorpus().read()


@pytest.mark.slow
def test_almost_all_of_12762_tunes_are_read(all_collections: CorpusReading) -> None:
    report = all_collections.report
    assert report.n_tunes == 2009 + 1180 + 1059 + 8514
    copies = [tune for tune in report.dropped if tune.reason.startswith("the same notes")]
    assert 150 < len(copies) < 300
    assert report.n_melodies + len(copies) >= 12_758
    assert not [melody.title for melody in all_collections.melodies if "t:" in melody.title]
    # Some bars of Essen have no metre; the other three collections have hardly any overruns.
    assert report.n_overruns < 0.002 * report.n_notes


@pytest.mark.slow
def test_every_tune_round_trips_through_the_vocabulary(all_collections: CorpusReading) -> None:
    assert_encoding_round_trips(all_collections, NoteVocabulary())

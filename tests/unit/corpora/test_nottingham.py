"""The Nottingham tunes are all read; files are downloaded and verified."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.unit.corpora.round_trip import assert_encoding_round_trips

from chromasonic.melody_generation.corpora import nottingham, pinned_sources
from chromasonic.melody_generation.corpora.cache import source_directory
from chromasonic.melody_generation.corpora.corpus import CorpusReading
from chromasonic.melody_generation.corpora.downloads import PinnedFile, RetryPolicy
from chromasonic.melody_generation.corpora.nottingham import NottinghamCorpus
from chromasonic.melody_generation.corpora.pinned_sources import DownloadManifest, load_manifest
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import kind_of
from chromasonic.melody_generation.vocabulary import NoteVocabulary

FILES = {f"{name}.abc": f"X:1\nT:{name}\nL:1/4\nK:C\nCDE|\n".encode() for name in ("jigs", "reels", "xmas")}


class Server:
    """Serves files on this machine and counts the requests."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.requests: Counter[str] = Counter()
        outer = self

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests[self.path.rpartition("/")[2]] += 1
                super().do_GET()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(directory)))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Start a server with three pinned files, and set an empty directory to download them to."""
    served = tmp_path / "served"
    served.mkdir()
    for name, content in FILES.items():
        (served / name).write_bytes(content)
    files = [PinnedFile(name, hashlib.sha256(content).hexdigest(), len(content)) for name, content in FILES.items()]
    manifest = DownloadManifest("nottingham", "the Nottingham tunes", "", "https://pinned.invalid/", tuple(files), "")
    monkeypatch.setattr(nottingham, "load_manifest", lambda name: manifest)
    monkeypatch.setattr(pinned_sources, "RETRY_POLICY", RetryPolicy(seconds=30, n_retries=0))
    monkeypatch.setenv("CHROMASONIC_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    running = Server(served)
    yield running
    running.stop()


def test_missing_files_are_downloaded_once(server: Server) -> None:
    corpus = NottinghamCorpus(base_url=server.url)
    assert [melody.source for melody in corpus.load()] == ["jigs.abc:1", "reels.abc:1", "xmas.abc:1"]
    assert corpus.load() == corpus.load()
    assert server.requests == dict.fromkeys(FILES, 1)
    assert sorted(path.name for path in source_directory("nottingham").iterdir()) == sorted(FILES)


def test_only_missing_files_are_downloaded(server: Server) -> None:
    directory = source_directory("nottingham")
    directory.mkdir(parents=True)
    (directory / "jigs.abc").write_bytes(FILES["jigs.abc"])
    assert len(NottinghamCorpus(base_url=server.url).load()) == 3
    assert server.requests == {"reels.abc": 1, "xmas.abc": 1}


def test_two_threads_that_start_together_download_once(server: Server) -> None:
    n_melodies: list[int] = []
    both = threading.Barrier(2)

    def run() -> None:
        both.wait()
        n_melodies.append(len(NottinghamCorpus(base_url=server.url).load()))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert n_melodies == [3, 3]
    assert server.requests == dict.fromkeys(FILES, 1)


def test_an_incomplete_download_of_a_killed_process_is_removed(server: Server) -> None:
    directory = source_directory("nottingham")
    directory.mkdir(parents=True)
    unfinished = directory / ".jigs.unfinished-abc.abc"  # the temporary name of an incomplete download
    unfinished.write_bytes(FILES["jigs.abc"][:10])
    assert len(NottinghamCorpus(base_url=server.url).load()) == 3
    assert not unfinished.exists()


def test_a_file_with_a_wrong_checksum_is_not_saved(server: Server) -> None:
    (server.directory / "reels.abc").write_bytes(b"X:1\nK:C\nGGG|\n")
    with pytest.raises(InputError, match=r"reels\.abc does not have the pinned SHA-256 .* CHROMASONIC_DATA_DIR"):
        NottinghamCorpus(base_url=server.url).load()
    assert not (source_directory("nottingham") / "reels.abc").exists()


def test_a_file_missing_on_the_server_raises_an_error(server: Server) -> None:
    (server.directory / "xmas.abc").unlink()
    with pytest.raises(InputError, match=r"xmas\.abc .* could not be downloaded"):
        NottinghamCorpus(base_url=server.url).load()


def test_the_error_without_a_network_names_the_alternatives(server: Server) -> None:
    closed_url = server.url
    server._server.socket.close()
    with pytest.raises(InputError) as raised:
        NottinghamCorpus(base_url=closed_url).load()
    for word in ("CHROMASONIC_DATA_DIR", "synthetic", "folk", "files"):
        assert word in str(raised.value)


def test_present_files_are_read_without_writing_or_downloading(server: Server) -> None:
    directory = source_directory("nottingham")
    directory.mkdir(parents=True)
    for name, content in FILES.items():
        (directory / name).write_bytes(content)
    directory.chmod(0o500)
    assert len(NottinghamCorpus(base_url=server.url).load()) == 3
    assert not server.requests
    assert sorted(path.name for path in directory.iterdir()) == sorted(FILES)


def test_a_present_file_with_a_wrong_checksum_raises_an_error_with_its_name(server: Server) -> None:
    NottinghamCorpus(base_url=server.url).load()
    path = source_directory("nottingham") / "jigs.abc"
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(InputError, match=r"jigs\.abc does not have the pinned SHA-256: remove it"):
        NottinghamCorpus(base_url=server.url).load()


@pytest.mark.parametrize("url", ["http://example.org/tunes", "ftp://127.0.0.1/", "file:///etc/", "no address"])
def test_files_are_downloaded_over_https_only(url: str) -> None:
    with pytest.raises(InputError, match="over https"):
        NottinghamCorpus(base_url=url)


def test_an_unknown_value_of_repeats_raises_an_error() -> None:
    with pytest.raises(InputError, match="repeats is written or played, not 'both'"):
        NottinghamCorpus(repeats="both")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "place", "n_files", "most_bytes"),
    [
        ("nottingham", "jukedeck/nottingham-dataset/0992bb6cd864f6d4b90d6663e08c0ef53ffaa08f/", 14, 600_000),
        (
            "ceolrince",
            "polifonia-project/folk_ngram_analysis/9d8ccf9fe40ffdd2a1787e75527062fc1d07c669/",
            1196,
            3_000_000,
        ),
        ("folkwiki", "victorwegeborn/folk-rnn/7f8158e085f7c6787b429abf4c43cf6c0b9d8a20/", 1, 2_000_000),
    ],
)
def test_a_manifest_pins_the_files_of_a_commit(name: str, place: str, n_files: int, most_bytes: int) -> None:
    manifest = load_manifest(name)
    assert manifest.url.startswith(f"https://raw.githubusercontent.com/{place}")
    assert len(manifest.files) == n_files
    assert sum(file.n_bytes for file in manifest.files) < most_bytes
    assert manifest.licence


@pytest.fixture(scope="module")
def written(nottingham_directory: Path) -> CorpusReading:
    return NottinghamCorpus().read()


@pytest.mark.slow
def test_all_1034_tunes_are_read(written: CorpusReading) -> None:
    assert (written.report.n_tunes, written.report.n_melodies, written.report.dropped) == (1034, 1034, ())
    assert len({melody.source for melody in written.melodies}) == 1034
    assert {melody.corpus for melody in written.melodies} == {"nottingham"}


def test_one_note_runs_past_its_bar(written: CorpusReading) -> None:
    """Reading durations wrongly (without tuplets, for example) gives hundreds of overruns."""
    assert written.report.n_overruns == 1  # jigs.abc:153 has an unclosed chord
    assert written.report.n_departures < 0.13 * 1034
    assert sum(not melody.departures for melody in written.melodies) > 908
    assert written.report.n_durations_rounded == written.report.n_pitches_moved == 0


def test_both_versions_of_keel_row_are_read(written: CorpusReading) -> None:
    keel_rows = [melody for melody in written.melodies if melody.title == "Keel Row"]
    assert [(melody.source, melody.tonic, melody.start) for melody in keel_rows] == [
        ("hpps.abc:27", 9, 72),
        ("reelsh-l.abc:52", 7, 72),
    ]


def test_every_tune_round_trips_through_the_vocabulary(written: CorpusReading) -> None:
    assert_encoding_round_trips(written, NoteVocabulary())


@pytest.mark.slow
def test_every_tune_is_read_as_played(written: CorpusReading) -> None:
    played = NottinghamCorpus(repeats="played").read()
    assert (played.report.n_melodies, played.report.dropped) == (1034, ())
    assert [melody.source for melody in played.melodies] == [melody.source for melody in written.melodies]
    for short, long in zip(written.melodies, played.melodies, strict=True):
        assert set(long.pitches.tolist()) <= set(short.pitches.tolist()), short.source
        assert (short.tonic, short.mode, short.metre) == (long.tonic, long.mode, long.metre)
    assert_encoding_round_trips(played, NoteVocabulary())


@pytest.mark.usefixtures("nottingham_directory")
def test_a_tune_has_the_kind_of_its_title_or_else_of_its_file_and_metre() -> None:
    tunes = NottinghamCorpus().load()
    assert sum(tune.kind == "unknown" for tune in tunes) < 100
    for tune in tunes:
        if kind_of(tune.title) != "unknown":
            assert tune.kind != "unknown", tune.title
        elif tune.source.startswith("jigs") and str(tune.metre) == "6/8":
            assert tune.kind == "jig"
        elif tune.source.startswith("waltzes"):
            assert tune.kind == ("waltz" if str(tune.metre) == "3/4" else "unknown")
        elif tune.source.startswith(("ashover", "playford")):
            assert tune.kind == "unknown"

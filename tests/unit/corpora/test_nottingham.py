"""The Nottingham tunes: all are read; files are fetched, checked, and refused where they are not pinned."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.unit.corpora.round_trip import assert_all_survive_encoding

from chromasonic.melody_generation.corpora import nottingham
from chromasonic.melody_generation.corpora.cache import source_directory
from chromasonic.melody_generation.corpora.corpus import CorpusReading
from chromasonic.melody_generation.corpora.downloads import PinnedFile, RetryPolicy
from chromasonic.melody_generation.corpora.nottingham import DownloadManifest, NottinghamCorpus, load_manifest
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.vocabulary import NoteVocabulary

FILES = {f"{name}.abc": f"X:1\nT:{name}\nL:1/4\nK:C\nCDE|\n".encode() for name in ("jigs", "reels", "xmas")}


class Server:
    """Serves files on this machine and counts what was asked for."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.asked: Counter[str] = Counter()
        outer = self

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked[self.path.rpartition("/")[2]] += 1
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
    """A server with three files, pinned, and an empty folder to fetch them to."""
    served = tmp_path / "served"
    served.mkdir()
    for name, content in FILES.items():
        (served / name).write_bytes(content)
    files = [PinnedFile(name, hashlib.sha256(content).hexdigest(), len(content)) for name, content in FILES.items()]
    monkeypatch.setattr(nottingham, "load_manifest", lambda: DownloadManifest("https://pinned.invalid/", tuple(files)))
    monkeypatch.setattr(nottingham, "_PATIENCE", RetryPolicy(seconds=30, n_retries=0))
    monkeypatch.setenv("CHROMASONIC_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    running = Server(served)
    yield running
    running.stop()


def test_missing_files_are_fetched_once(server: Server) -> None:
    corpus = NottinghamCorpus(base_url=server.url)
    assert [melody.source for melody in corpus.load()] == ["jigs.abc:1", "reels.abc:1", "xmas.abc:1"]
    assert corpus.load() == corpus.load()
    assert server.asked == dict.fromkeys(FILES, 1)
    assert sorted(path.name for path in source_directory("nottingham").iterdir()) == sorted(FILES)


def test_only_missing_files_are_fetched(server: Server) -> None:
    directory = source_directory("nottingham")
    directory.mkdir(parents=True)
    (directory / "jigs.abc").write_bytes(FILES["jigs.abc"])
    assert len(NottinghamCorpus(base_url=server.url).load()) == 3
    assert server.asked == {"reels.abc": 1, "xmas.abc": 1}


def test_two_runs_that_start_at_once_both_succeed_and_fetch_once(server: Server) -> None:
    found: list[int] = []
    both = threading.Barrier(2)

    def run() -> None:
        both.wait()
        found.append(len(NottinghamCorpus(base_url=server.url).load()))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [3, 3]
    assert server.asked == dict.fromkeys(FILES, 1)


def test_what_a_killed_run_left_half_fetched_is_removed(server: Server) -> None:
    directory = source_directory("nottingham")
    directory.mkdir(parents=True)
    left = directory / ".jigs.unfinished-abc.abc"  # a download has no name before it is whole
    left.write_bytes(FILES["jigs.abc"][:10])
    assert len(NottinghamCorpus(base_url=server.url).load()) == 3
    assert not left.exists()


def test_a_server_with_another_file_is_refused_and_leaves_nothing(server: Server) -> None:
    (server.directory / "reels.abc").write_bytes(b"X:1\nK:C\nGGG|\n")
    with pytest.raises(InputError, match=r"reels\.abc is not the file that is pinned .* CHROMASONIC_DATA_DIR"):
        NottinghamCorpus(base_url=server.url).load()
    assert not (source_directory("nottingham") / "reels.abc").exists()


def test_a_server_without_the_file_is_a_sentence(server: Server) -> None:
    (server.directory / "xmas.abc").unlink()
    with pytest.raises(InputError, match=r"xmas\.abc .* could not be fetched"):
        NottinghamCorpus(base_url=server.url).load()


def test_without_a_network_the_message_says_what_to_do(server: Server) -> None:
    server_that_is_gone = server.url
    server._server.socket.close()
    with pytest.raises(InputError) as raised:
        NottinghamCorpus(base_url=server_that_is_gone).load()
    for word in ("CHROMASONIC_DATA_DIR", "synthetic", "folk", "files"):
        assert word in str(raised.value)


def test_present_files_are_read_without_writing_or_asking(server: Server) -> None:
    directory = source_directory("nottingham")
    directory.mkdir(parents=True)
    for name, content in FILES.items():
        (directory / name).write_bytes(content)
    directory.chmod(0o500)
    assert len(NottinghamCorpus(base_url=server.url).load()) == 3
    assert not server.asked
    assert sorted(path.name for path in directory.iterdir()) == sorted(FILES)


def test_a_present_file_with_a_wrong_checksum_is_named(server: Server) -> None:
    NottinghamCorpus(base_url=server.url).load()
    path = source_directory("nottingham") / "jigs.abc"
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(InputError, match=r"jigs\.abc is not the file that is pinned .* remove it"):
        NottinghamCorpus(base_url=server.url).load()


@pytest.mark.parametrize("url", ["http://example.org/tunes", "ftp://127.0.0.1/", "file:///etc/", "no address"])
def test_files_are_fetched_over_https_only(url: str) -> None:
    with pytest.raises(InputError, match="over https"):
        NottinghamCorpus(base_url=url)


def test_an_order_that_there_is_not_is_refused() -> None:
    with pytest.raises(InputError, match="repeats is written or played, not 'both'"):
        NottinghamCorpus(repeats="both")  # type: ignore[arg-type]


def test_what_is_pinned_is_a_commit_and_1034_tunes_of_14_files() -> None:
    assert "0992bb6cd864f6d4b90d6663e08c0ef53ffaa08f" in load_manifest().url
    assert load_manifest().url.startswith("https://raw.githubusercontent.com/jukedeck/nottingham-dataset/")
    assert len(load_manifest().files) == 14
    assert sum(file.n_bytes for file in load_manifest().files) < 600_000


@pytest.fixture(scope="module")
def written(nottingham_directory: Path) -> CorpusReading:
    return NottinghamCorpus().read()


def test_all_1034_tunes_are_read(written: CorpusReading) -> None:
    assert (written.report.n_tunes, written.report.n_melodies, written.report.dropped) == (1034, 1034, ())
    assert len({melody.source for melody in written.melodies}) == 1034
    assert {melody.corpus for melody in written.melodies} == {"nottingham"}


def test_hardly_a_note_runs_past_its_bar(written: CorpusReading) -> None:
    """Wrong durations show here: without tuplets alone there are hundreds."""
    assert written.report.n_overruns == 1  # jigs.abc:153 has a chord that is not closed
    assert written.report.n_departures < 0.13 * 1034
    assert sum(not melody.departures for melody in written.melodies) > 908
    assert written.report.n_durations_rounded == written.report.n_pitches_moved == 0


def test_keel_row_is_read_twice(written: CorpusReading) -> None:
    keel_rows = [melody for melody in written.melodies if melody.title == "Keel Row"]
    assert [(melody.source, melody.tonic, melody.start) for melody in keel_rows] == [
        ("hpps.abc:27", 9, 72),
        ("reelsh-l.abc:52", 7, 72),
    ]


def test_every_tune_survives_encoding(written: CorpusReading) -> None:
    assert_all_survive_encoding(written, NoteVocabulary())


@pytest.mark.slow
def test_every_tune_is_read_as_played_too(written: CorpusReading) -> None:
    played = NottinghamCorpus(repeats="played").read()
    assert (played.report.n_melodies, played.report.dropped) == (1034, ())
    assert [melody.source for melody in played.melodies] == [melody.source for melody in written.melodies]
    for short, long in zip(written.melodies, played.melodies, strict=True):
        assert set(long.pitches.tolist()) <= set(short.pitches.tolist()), short.source
        assert (short.tonic, short.mode, short.metre) == (long.tonic, long.mode, long.metre)
    assert_all_survive_encoding(played, NoteVocabulary())

"""A folder of a user's own music."""

from __future__ import annotations

import io
import os
import signal
import struct
import threading
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chromasonic.melody_generation.corpora import files
from chromasonic.melody_generation.corpora.files import SUFFIXES, FilesCorpus
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io import music_files
from chromasonic.melody_generation.io.bounded.reader_process import ReaderProcess, ReadingBounds
from chromasonic.melody_generation.io.tunes import DroppedTune

ABC = "X:{number}\nT:{title}\nM:3/4\nL:1/4\nK:{key}\nd|g2b|a3/2g/z|g3|\n"
KERN = "**kern\n*M3/4\n4g\n4a\n4b\n=\n2.g\n==\n*-\n"


def abc(number: int = 1, title: str = "A Waltz", key: str = "G") -> str:
    return ABC.format(number=number, title=title, key=key)


def sources(folder: Path) -> list[str]:
    return [melody.source for melody in FilesCorpus(folder).load()]


def test_files_and_subfolders_are_read_in_the_order_of_names(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "z.abc").write_text(abc(7) + "\n" + abc(8, "Another"))
    (tmp_path / "inner" / "b.krn").write_text(KERN)
    (tmp_path / "A.ABC").write_text(abc(3))
    (tmp_path / "notes.txt").write_text("no music")
    assert sources(tmp_path) == ["A.ABC:3", "inner/b.krn", "z.abc:7", "z.abc:8"]


def test_names_that_are_no_text_or_act_on_a_terminal_become_printable(tmp_path: Path) -> None:
    for name in (b"caf\xe9.abc", b"\x1b[31m.abc"):
        try:
            Path(tmp_path, os.fsdecode(name)).write_text(abc())
        except OSError:
            pytest.skip("the file system refuses such names")
    assert {source.partition(".abc")[0] for source in sources(tmp_path)} == {"caf\\udce9", "\\x1b[31m"}


def test_melodies_have_the_unknown_corpus_and_keep_title_and_key(tmp_path: Path) -> None:
    (tmp_path / "a.abc").write_text(abc())
    [melody] = FilesCorpus(str(tmp_path)).load()
    assert (melody.corpus, melody.title, melody.tonic, melody.mode) == ("unknown", "A Waltz", 7, "major")
    assert melody.start == 48


def test_a_malformed_file_or_tune_is_reported_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(b"nonsense")
    (tmp_path / "b.abc").write_text(abc(1) + "\nX:2\nK:what\ngab|\n\n" + abc(3, "Third"))
    (tmp_path / "c.abc").write_text("")
    reading = FilesCorpus(tmp_path).read()
    assert [melody.source for melody in reading.melodies] == ["b.abc:1", "b.abc:3"]
    assert [tune.source for tune in reading.report.dropped] == ["a.mid", "b.abc:2", "c.abc"]
    assert reading.report.n_tunes == 5
    assert reading.report.dropped[0].reason.startswith("cannot be read as mid")


@pytest.mark.parametrize("key_field", ["K:none\n", "K:\n", ""])
def test_a_missing_key_is_estimated(tmp_path: Path, key_field: str) -> None:
    scale = "X:1\nT:Scale\nM:4/4\nL:1/4\nK:D\nDE^FG|AB^cd|A2F2|D4|\n"
    (tmp_path / "a.abc").write_text(scale.replace("K:D\n", key_field).replace("A2F2", "A2^F2"))
    [melody] = FilesCorpus(tmp_path).load()
    assert (melody.tonic, melody.mode) == (2, "major")
    assert melody.pitches.tolist() == [62, 64, 66, 67, 69, 71, 73, 74, 69, 66, 62]


def test_a_written_key_is_not_estimated(tmp_path: Path) -> None:
    (tmp_path / "a.abc").write_text(abc(key="C"))
    assert FilesCorpus(tmp_path).load()[0].tonic == 0


def test_old_encodings_line_ends_and_byte_order_marks_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.abc").write_bytes(abc(title="Säen").encode("latin-1"))
    (tmp_path / "b.abc").write_bytes(b"\xef\xbb\xbf" + abc(title="Säen").replace("\n", "\r\n").encode())
    first, second = FilesCorpus(tmp_path).load()
    assert first.title == second.title == "Säen"
    assert first.pitches.tolist() == second.pitches.tolist()


def test_prose_in_an_abc_file_is_no_tune(tmp_path: Path) -> None:
    (tmp_path / "readme.abc").write_text("A bad deed, a faded facade.\n")
    (tmp_path / "z.abc").write_text(abc())
    assert sources(tmp_path) == ["z.abc:1"]


def test_hidden_files_and_links_out_of_the_folder_are_ignored(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    for path in (outside, folder / ".hidden"):
        path.mkdir(parents=True)
        (path / "a.abc").write_text(abc())
    (folder / ".b.abc").write_text(abc())
    (folder / "c.abc").write_text(abc())
    (folder / "link.abc").symlink_to(outside / "a.abc")
    (folder / "linked").symlink_to(outside)
    (folder / "broken.abc").symlink_to(folder / "nothing.abc")
    assert sources(folder) == ["c.abc:1"]


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "a.abc").write_text(abc(title="Before"))
    before = FilesCorpus(tmp_path).load()
    assert FilesCorpus(tmp_path).load() == before
    (tmp_path / "a.abc").write_text(abc(title="After"))
    assert [melody.title for melody in FilesCorpus(tmp_path).load()] == ["After"]


def test_an_unchanged_folder_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.krn").write_text(KERN)
    before = FilesCorpus(tmp_path).load()
    monkeypatch.setattr(files, "read_music_file", lambda *_arguments, **_options: pytest.fail("it was read again"))
    assert FilesCorpus(tmp_path).load() == before


def test_folders_have_separate_caches(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.abc").write_text(abc(title=name))
    titles = [FilesCorpus(tmp_path / name).load()[0].title for name in ("one", "two", "one")]
    assert titles == ["one", "two", "one"]


def test_files_that_are_too_large_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (files, music_files):
        monkeypatch.setattr(module, "MAX_BYTES", 1000)
    (tmp_path / "a.krn").write_text("!" * 1001)
    (tmp_path / "b.abc").write_text(abc())
    [dropped] = FilesCorpus(tmp_path).read().report.dropped
    assert dropped.source == "a.krn"
    assert "bytes" in dropped.reason


def test_a_collection_in_one_file_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    collection = "M:6/8\nL:1/4\n\n" + "".join(
        f"X:{number}\nK:G\nGAB cd{'efg'[number % 3]}|\n\n" for number in range(60)
    )
    (tmp_path / "all.abc").write_text(collection)
    whole = FilesCorpus(tmp_path).read()
    assert [melody.source for melody in whole.melodies] == [f"all.abc:{number}" for number in range(60)]
    assert {(str(melody.metre), int(melody.durations[0])) for melody in whole.melodies} == {("6/8", 24)}
    for module in (files, music_files):
        monkeypatch.setattr(module, "MAX_BYTES", 100)
    monkeypatch.setattr(music_files, "_PIECE_BYTES", 300)
    monkeypatch.setattr(files, "read_cached", lambda _name, _key, read: read())
    assert FilesCorpus(tmp_path).read() == whole


def test_a_missing_folder_or_one_without_music_raises_an_error_with_the_suffixes(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no music")
    for folder in (tmp_path / "nowhere", tmp_path / "notes.txt", tmp_path):
        with pytest.raises(InputError) as error:
            FilesCorpus(folder).read()
        assert str(folder) in str(error.value)
        assert all(suffix in str(error.value) for suffix in SUFFIXES)


def test_a_folder_without_a_usable_file_raises_an_error_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(b"nonsense")
    with pytest.raises(InputError, match=r"a\.mid"):
        FilesCorpus(tmp_path).read()


SLOW_KERN = "**kern\n*M3/4\n" + "*k[f#]\n*G:\n*M3/4\n4g\n=1\n8aL\n8bJ\n4cc\n" * 1500 + "*-\n"  # 0.4 seconds


@pytest.mark.slow
def test_a_file_that_was_over_a_bound_is_named_and_read_again_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdict depends on the machine, so it is not cached."""
    (tmp_path / "a.abc").write_text(abc())
    (tmp_path / "b.krn").write_text(SLOW_KERN)
    with closing(ReaderProcess(ReadingBounds(seconds=0.02, seconds_per_megabyte=0))) as reader:
        monkeypatch.setattr(music_files, "_reader", reader)
        report = FilesCorpus(tmp_path).read().report
        assert report.n_melodies == 1
        first, second = report.lines()[-2:]
        assert first == "left out b.krn: cannot be used: reading it takes more than 0.02 seconds of processor time"
        assert second.startswith("1 of the files left out may be read by another computer")
        reader.bounds = ReadingBounds()
        again = FilesCorpus(tmp_path).read().report
    assert (again.n_melodies, again.dropped) == (2, ())


def test_a_file_that_could_not_be_opened_is_read_again_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.abc").write_text(abc())
    (tmp_path / "b.abc").write_text(abc(2))

    def fail(path: Path, max_bytes: int) -> bytes:
        if path.name == "b.abc":
            raise OSError(24, "Too many open files", str(path))
        return path.read_bytes()[:max_bytes]

    with monkeypatch.context() as patch:
        patch.setattr(music_files, "read_regular_file", fail)
        [dropped] = FilesCorpus(tmp_path).read().report.dropped
    assert (dropped.source, dropped.reason) == ("b.abc", "cannot be read: Too many open files")
    assert sources(tmp_path) == ["a.abc:1", "b.abc:2"]


@pytest.mark.slow
def test_a_reading_that_was_stopped_for_a_while_equals_an_undisturbed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.krn").write_text(SLOW_KERN)
    with closing(ReaderProcess(ReadingBounds(seconds=2, seconds_per_megabyte=0))) as reader:
        monkeypatch.setattr(music_files, "_reader", reader)
        assert reader.read(abc().encode(), ".abc", "a.abc")  # starts the process
        process = reader.process_id
        assert process is not None
        os.kill(process, signal.SIGSTOP)
        waking = threading.Timer(3.0, os.kill, (process, signal.SIGCONT))
        waking.start()
        reading = FilesCorpus(tmp_path).read()
        waking.join()
        assert reader.process_id == process
    assert (reading.report.n_melodies, reading.report.dropped) == (1, ())


@pytest.mark.slow
def test_the_first_tune_of_a_file_is_read_within_the_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "b.krn"
    path.write_text(SLOW_KERN)
    with closing(ReaderProcess(ReadingBounds(seconds=0.02, seconds_per_megabyte=0))) as reader:
        monkeypatch.setattr(music_files, "_reader", reader)
        with pytest.raises(InputError, match=r"b\.krn cannot be used: reading it takes more than 0\.02 seconds"):
            files.read_first_tune(path)


def zip_of(**options: Any) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", **options) as archive:
        archive.writestr("a.xml", b"<score-partwise>" + b" " * 200_000_000)
    return content.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_an_archive_that_lies_about_its_size_takes_little_memory(method: int, tmp_path: Path) -> None:
    """Both headers of the archive state a thousand bytes."""
    content = bytearray(zip_of(compression=method))
    for begin in (22, content.rindex(b"PK\x01\x02") + 24):
        content[begin : begin + 4] = struct.pack("<I", 1000)
    (tmp_path / "a.mxl").write_bytes(content)
    (tmp_path / "b.abc").write_text(abc())
    with closing(ReaderProcess(ReadingBounds(memory=100_000_000))) as reader:
        [dropped] = reader.read(bytes(content), ".mxl", "a.mxl")
    assert isinstance(dropped, DroppedTune)
    assert not dropped.depends_on_machine
    assert sources(tmp_path) == ["b.abc:1"]

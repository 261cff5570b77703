"""A primer is read from a file of any format, or refused in a sentence that names the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.generation.primer import read_primer
from chromasonic.melody_generation.io.write_abc import to_abc
from chromasonic.melody_generation.io.write_midi import to_midi
from chromasonic.melody_generation.io.write_musicxml import to_musicxml
from chromasonic.melody_generation.melody import Melody, Metre

TUNE = Melody([62, 66, 69, 74, 73, 69], [12, 24, 12, 24, 12, 48], Metre(6, 8), 60, tonic=2, title="A jig")


def write_tune(path: Path, melody: Melody) -> Path:
    match path.suffix:
        case ".abc":
            path.write_text(to_abc(melody, 120), encoding="utf-8")
        case ".mid":
            path.write_bytes(to_midi(melody, 120))
        case _:
            path.write_text(to_musicxml(melody, 120), encoding="utf-8")
    return path


@pytest.mark.parametrize("ending", [".abc", ".mid", ".musicxml"])
def test_a_primer_is_read_from_every_format(ending: str, tmp_path: Path) -> None:
    primer = read_primer(write_tune(tmp_path / f"tune{ending}", TUNE), 4).melody
    assert primer.pitches.tolist() == TUNE.pitches[:4].tolist()
    assert primer.durations.tolist() == TUNE.durations[:4].tolist()
    assert (primer.metre, primer.start, primer.tonic) == (TUNE.metre, TUNE.start, TUNE.tonic)
    assert len(read_primer(tmp_path / f"tune{ending}").melody) == len(TUNE)


def test_the_first_tune_of_a_file_is_the_primer(tmp_path: Path) -> None:
    path = tmp_path / "tunes.abc"
    path.write_text(to_abc(TUNE, 120, 1) + "\n" + to_abc(TUNE.transposed(2), 120, 2))
    assert read_primer(path).melody.pitches.tolist() == TUNE.pitches.tolist()


def test_durations_without_a_token_are_rounded(tmp_path: Path) -> None:
    path = tmp_path / "tune.abc"
    path.write_text("X:1\nM:4/4\nL:1/8\nK:C\nC5/4 D3/4 E2 | C8 |\n")
    primer = read_primer(path)
    assert primer.melody.durations.tolist()[0] in {12, 16}
    assert primer.n_rounded == 1


@pytest.mark.parametrize(
    ("content", "n_notes", "message"),
    [
        ("nonsense", None, "cannot be used: it has no tune"),
        ("X:1\nK:what\ngab|", None, "the key 'what' is not understood"),
        ("X:1\nM:4/4\nK:C\nc'''c'''|", None, "2 of its notes are too high .* move the tune two octaves down"),
        ("X:1\nM:4/4\nK:C\nC,,|", None, "1 of its notes is too low .* move the tune an octave up"),
        (
            "X:1\nM:4/4\nK:C\nC,,c''|",
            None,
            "too high and low .* spans more than that, so leave out what is too high and low",
        ),
        (
            "X:1\nM:13/8\nK:C\nCDE|",
            None,
            "melodies cannot be written in metre 13/8; near it are 12/8, 11/8 and 15/8",
        ),
        ("X:1\nM:4/4\nK:C\nCDE|", 4, "has 3 notes and rests, so primer_notes=4"),
        ("X:1\nM:4/4\nK:C\nCDE|", 0, "so primer_notes=0"),
    ],
)
def test_a_primer_that_cannot_be_continued_is_refused(
    content: str, n_notes: int | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "tune.abc"
    path.write_text(content)
    with pytest.raises(InputError, match=message) as problem:
        read_primer(path, n_notes)
    assert "tune.abc" in str(problem.value)
    assert "\n" not in str(problem.value)


def test_files_that_hold_no_music_are_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.mid").write_bytes(b"nonsense")
    (tmp_path / "tune.txt").write_text("la la")
    with pytest.raises(InputError, match="cannot be used: cannot be read as mid"):
        read_primer(tmp_path / "broken.mid")
    with pytest.raises(InputError, match="files that end in"):
        read_primer(tmp_path / "tune.txt")
    with pytest.raises(InputError, match="there is no file"):
        read_primer(tmp_path / "missing.abc")
    with pytest.raises(InputError, match="there is no file"):
        read_primer(tmp_path)

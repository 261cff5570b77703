"""Files of abc2midi itself are read."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from chromasonic.melody_generation.corpora.played.read_abc2midi import PlayedTune, read_abc2midi
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.melody import REST, Metre

pytestmark = pytest.mark.skipif(not shutil.which("abc2midi"), reason="abc2midi is not installed")


def read(tmp_path: Path, body: str, header: str = "M:6/8\nL:1/8\nK:Dmix\n") -> PlayedTune:
    (tmp_path / "tune.abc").write_text(f"X:1\nT:Hag at the Churn, The\nT:Another Name\n{header}{body}\n")
    subprocess.run(["abc2midi", "tune.abc", "-o", "tune.mid"], cwd=tmp_path, check=True, capture_output=True)
    return read_abc2midi((tmp_path / "tune.mid").read_bytes())


def test_notes_metre_key_and_names_are_read(tmp_path: Path) -> None:
    tune = read(tmp_path, "A|d2e fed|A3 z3|]")
    assert tune.pitches == (69, 74, 76, 78, 76, 74, 69, REST)[: len(tune.pitches)]
    assert tune.durations == (12, 24, 12, 12, 12, 12, 36, 36)[: len(tune.durations)]
    assert tune.metre == Metre(6, 8)
    assert tune.names == ("Hag at the Churn, The", "Another Name")
    assert (tune.n_grace_notes, tune.n_chord_notes) == (0, 0)


def test_repeats_are_played(tmp_path: Path) -> None:
    assert read(tmp_path, "|:ABc:|").pitches == (69, 71, 72) * 2


def test_rests_within_are_read(tmp_path: Path) -> None:
    assert read(tmp_path, "A z A|").pitches == (69, REST, 69)


def test_equal_notes_stay_apart(tmp_path: Path) -> None:
    assert read(tmp_path, "AAA A3|").durations == (12, 12, 12, 36)


def test_grace_notes_are_left_out_and_counted(tmp_path: Path) -> None:
    # Like the version that wrote Ceol Rince: a grace note lasts a quarter of the unit length.
    tune = read(tmp_path, "{B}A2 {cd}B A3|", "M:6/8\nL:1/8\nK:D\n%%MIDI gracedivider 4\n")
    assert (tune.pitches, tune.durations) == ((69, 71, 69), (24, 12, 36))
    assert tune.n_grace_notes == 3


def test_of_a_chord_the_highest_note_is_taken(tmp_path: Path) -> None:
    tune = read(tmp_path, "[DA]2 [FA]d3|")
    assert (tune.pitches, tune.n_chord_notes) == ((69, 69, 74), 2)


@pytest.mark.parametrize(("key", "sharps"), [("C", 0), ("G", 1), ("Bb", -2), ("F#m", 3), ("Gm", -2), ("Am", 0)])
def test_signatures_are_read(key: str, sharps: int, tmp_path: Path) -> None:
    assert read(tmp_path, "A|", f"M:4/4\nL:1/8\nK:{key}\n").sharps == sharps


@pytest.mark.parametrize("content", [b"", b"MThd", b"MThd" + bytes(20), b"X:1\nK:C\nABC|\n"])
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(InputError, match=r"no MIDI file|no notes|no metre"):
        read_abc2midi(content)

"""Random tunes have the notes that abc2midi plays."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import mido
import pytest

from chromasonic.melody_generation.io.read_abc import read_abc
from chromasonic.melody_generation.io.tunes import WrittenTune
from chromasonic.melody_generation.melody import REST

pytestmark = pytest.mark.skipif(not shutil.which("abc2midi"), reason="abc2midi is not installed")

KEYS = [
    "C",
    "G",
    "A",
    "F",
    "Eb",
    "Am",
    "F#m",
    "Ador",
    "Dmix",
    "Ephr",
    "Flyd",
    "Bloc",
    "HP",
    "G exp ^f _b",
    "none",
    "G =f",
]
KEYS += ["Cm clef=bass", "A octave=-1", "C treble-8", "Dm ^c"]
UNITS = {"4/4": 8, "3/4": 6, "6/8": 6, "2/4": 4, "C|": 8}
FORMS = ["{}|{}|{}|{}|]", "|:{}|{}:|\n|:{}|{}:|", "|:{}|1{}:|2{}||\n{}|]", "{}|{}::{}|[1{}:|[2z8|]", "{}||{}|{}|]\n{}|"]
TICKS_OF_ROUNDING = 2


def random_bar(rng: random.Random, n_units: int) -> str:
    symbols = []
    while n_units:
        accidental = rng.choice(["", "", "", "", "^", "_", "="])
        note = accidental + rng.choice("CDEFGABcdefgab") + rng.choice(["", "", "", "'", ","])
        of_two = [f"(3{note}{note}G", f"{note}>c", f"{note}<<d", f"{note}2", f"{note}-{note}", f"{note}3/2e/"]
        of_one = [note, note, note, "z", f"{note}/d/", f'"Am"{note}']
        is_two = n_units > 1 and rng.random() < 1 / 2
        symbols.append(rng.choice(of_two if is_two else of_one))
        n_units -= 2 if is_two else 1
    return rng.choice([" ", ""]).join(symbols)


def random_tune(seed: int) -> str:
    rng = random.Random(seed)
    metre = rng.choice(list(UNITS))
    bars = [random_bar(rng, UNITS[metre]) for _ in range(4)]
    return f"X:1\nT:t\nM:{metre}\nL:1/8\nK:{rng.choice(KEYS)}\n{rng.choice(FORMS).format(*bars)}\n"


def played_by_abc2midi(tune: str, folder: Path) -> list[tuple[int, float]]:
    """Return pitch and ticks of each note."""
    (folder / "a.abc").write_text(tune)
    subprocess.run(["abc2midi", "a.abc", "-o", "a.mid", "-NGUI"], cwd=folder, check=True, capture_output=True)
    file = mido.MidiFile(folder / "a.mid")
    notes, sounding, time = [], dict[int, int](), 0
    for message in mido.merge_tracks(file.tracks):
        time += message.time
        if message.type == "note_on" and message.velocity and message.channel == 0:
            sounding[message.note] = time
        elif message.type in ("note_on", "note_off") and message.channel == 0:
            begin = sounding.pop(message.note)
            notes.append((begin, message.note, 24 * (time - begin) / file.ticks_per_beat))
    return [(pitch, ticks) for _, pitch, ticks in sorted(notes)]


@pytest.mark.parametrize("seed", range(12))
def test_random_tunes_are_read_as_abc2midi_plays_them(seed: int, tmp_path: Path) -> None:
    tune = random_tune(seed)
    [read] = read_abc(tune, file_name="a.abc", repeats="played")
    assert isinstance(read, WrittenTune)
    ours = zip(read.melody.pitches.tolist(), read.melody.durations.tolist(), strict=True)
    notes = [(pitch, ticks) for pitch, ticks in ours if pitch != REST]
    theirs = played_by_abc2midi(tune.replace('"Am"', ""), tmp_path)
    assert [pitch for pitch, _ in notes] == [pitch for pitch, _ in theirs]
    for (_, ticks), (_, other) in zip(notes, theirs, strict=True):
        assert abs(ticks - other) <= TICKS_OF_ROUNDING
    assert not [remark for remark in read.remarks if "number of notes" in remark.kind]

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from tests.independent_readers import read_by_abc2midi, sounding_notes
from tests.strategies import melodies
from tests.written_music import content, is_lossless

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.read_abc import read_abc
from chromasonic.melody_generation.io.tunes import WrittenTune
from chromasonic.melody_generation.io.write_abc import to_abc
from chromasonic.melody_generation.melody import REST, Departure, Melody, Metre


def read_back(melody: Melody) -> Melody:
    [tune] = read_abc(to_abc(melody, 120), file_name="tune.abc")
    assert isinstance(tune, WrittenTune)
    return tune.melody


def music(melody: Melody) -> str:
    """Return the music after the header on one line."""
    return to_abc(melody, 120).partition("\nK:")[2].partition("\n")[2].replace("\n", " ").strip()


@given(melodies(min_notes=1))
@settings(max_examples=25)
def test_abc2midi_reads_the_notes(tmp_path_factory: pytest.TempPathFactory, melody: Melody) -> None:
    [notes] = read_by_abc2midi([to_abc(melody, 120)], tmp_path_factory.mktemp("abc"))
    assert notes == sounding_notes(melody)


@given(melodies(min_notes=1))
@example(Melody([60], [24], title="|: a repeat"))
@example(Melody([60], [24], title=": a colon"))
@example(Melody([60], [24], title=r"caf&eacute; \'e \\ & 5%"))
def test_our_reader_reads_the_notes_and_all_that_notation_determines(melody: Melody) -> None:
    assume((melody.pitches != REST).any())
    read = read_back(melody)
    assert sounding_notes(read) == sounding_notes(melody)
    assert (read.tonic, read.mode, read.metre) == (melody.tonic, melody.mode, melody.metre)
    assert read.title == content(melody).title
    if is_lossless(melody):
        assert content(read) == content(melody)


@given(melodies(min_notes=1))
def test_durations_between_bar_lines_sum_to_the_bars(melody: Melody) -> None:
    bar = re.sub(r"\[M:[^]]*\]", "", music(melody))
    lengths = []
    for text in re.split(r"\|\]?", bar)[:-1]:
        total, factor, remaining = Fraction(0), Fraction(1), 0
        for tuplet, n_notes, multiple, divisor in re.findall(
            r"(\(3(?::2:(\d+))?)?[\^=_]*[A-Ga-gz][,']*(\d*)(?:/(\d+))?-?", text
        ):
            if tuplet:
                factor, remaining = Fraction(2, 3), int(n_notes or 3)
            total += (factor if remaining else 1) * 12 * Fraction(int(multiple or 1), int(divisor or 1))
            remaining = max(0, remaining - 1)
        lengths.append(total)
    begins = [0, *melody.bar_lines.tolist(), melody.ticks]
    expected = [end - begin for begin, end in pairwise(begins) if end > begin]
    assert lengths == expected


def test_the_text_of_a_jig() -> None:
    jig = Melody(
        [62, 67, 71, 74, 72, 69, 66, 67], [12, *[12] * 6, 36], Metre(6, 8), 60, tonic=7, title="The 50% Jig \\o/ & Co"
    )
    assert to_abc(jig, 156, number=7) == (
        "X:7\nT:The 50\\% Jig \\\\o/ \\& Co\nM:6/8\nL:1/8\nQ:3/8=104\nK:G\nD | GBd cAF | G3 |]\n"
    )
    assert read_back(jig).title == jig.title


def test_ties_triplets_accidentals_and_octaves_are_written() -> None:
    melody = Melody([66, 66, 65, 72, 84, 48], [120, 24, 8, 8, 8, 24], tonic=0)
    # An accidental is repeated after a bar line, even along a tie.
    assert music(melody) == "^F8- | ^F2 F2 (3=Fcc' C,2 |]"
    assert sounding_notes(read_back(melody)) == sounding_notes(melody)


def test_modes_metres_and_rests_are_written() -> None:
    melody = Melody(
        [62, REST, 65],
        [24, 24, 24],
        Metre(2, 4),
        tonic=2,
        mode="dorian",
        departures=[Departure(2, Metre.parse("free"))],
    )
    text = to_abc(melody, 100)
    assert "\nK:Ddor\n" in text
    assert music(melody) == "D2 z2 | [M:none] F2 |]"


def test_lines_have_four_bars_in_addition_to_an_upbeat() -> None:
    text = to_abc(Melody([60] * 37, [24] * 37, start=72), 120)
    lines = text.splitlines()[6:]
    assert [line.count("|") for line in lines] == [5, 4, 1]
    assert lines[-1].endswith("|]")


def test_in_free_metre_lines_end_between_notes() -> None:
    melody = Melody([60, 61] * 20, [24] * 38 + [240, 24], Metre.parse("free"))
    lines = to_abc(melody, 120).splitlines()[6:]
    assert [len(line.split()) for line in lines] == [16, 16, 10]
    assert [line[-1] == "|" for line in lines] == [False, False, False]
    assert content(read_back(melody)) == content(melody)


def test_a_missing_abc2midi_raises_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="apt-get install abcmidi"):
        read_by_abc2midi([], tmp_path)


def test_melodies_that_cannot_be_written_raise_an_error() -> None:
    with pytest.raises(InputError, match="without notes"):
        to_abc(Melody([], []), 120)
    with pytest.raises(InputError, match="tempo"):
        to_abc(Melody([60], [24]), 5000)

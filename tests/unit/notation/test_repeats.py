"""Repeats, endings and parts against tunes written out in full."""

from __future__ import annotations

import tracemalloc

import pytest

from chromasonic.melody_generation.io.read_abc import read_abc
from chromasonic.melody_generation.io.tunes import WrittenTune
from chromasonic.melody_generation.melody import Metre
from chromasonic.melody_generation.notation.repeats import BarLine, NoteEvent, PartMark, ScoreEvent, unroll

LETTERS = {60: "C", 62: "D", 64: "E", 65: "F", 67: "G", 69: "A", 71: "B"}


def letters(music: str, header: str = "", repeats: str = "played") -> str:
    """Return the notes of a tune as letters, a whole bar each."""
    text = f"X:1\nM:4/4\nL:1/1\n{header}K:C\n{music}\n"
    [tune] = read_abc(text, file_name="t.abc", repeats="played" if repeats == "played" else "written")
    assert isinstance(tune, WrittenTune), tune
    return "".join(LETTERS[pitch] for pitch in tune.melody.pitches.tolist())


@pytest.mark.parametrize(
    ("music", "order"),
    [
        ("C|D|", "CD"),
        ("|:C|D:|", "CDCD"),
        ("C|D:|", "CDCD"),
        ("C|D:|E|F|", "CDCDEF"),
        ("C|D:|E|F:|", "CDCDEFEF"),
        ("C|D::E|F:|", "CDCDEFEF"),
        ("C|D:|\n|:E|F:|", "CDCDEFEF"),
        ("C|:D|E:|F|", "CDEDEF"),
        ("C||D:|", "CDD"),
        ("|:C||D:|E|", "CDCDE"),
        ("|:C|1D:|2E||", "CDCE"),
        ("|:C|[1D:|[2E||F|", "CDCEF"),
        ("|:C |1 D :|2 E |F||G|", "CDCEFG"),
        ("C|[1D:|\n[2E||G|1A:|2B|]", "CDCEGAGB"),
        ("|:C|[1D:|[2E:|F|", "CDCEF"),
        ("|:C|[1D|[2E||", "CDCE"),
        ("|:C|1,3D:|2E:|4F||", "CDCECDCF"),
        ("|:C|1-2D:|3E||", "CDCDCE"),
        ("|:C|1D:|2E:|3F||G|", "CDCECFG"),
        ("|:C|1D:|E|", "CDCE"),
        ("|:C:|:D:|", "CCDD"),
        ("|:C:||:D:|", "CCDD"),
        ("|:C:[2D||", "CCD"),
        ("|:D|A::B:|", "DADABB"),
        ("C|D||E|F|G|A|B|C:|", "CDEFGABC" * 2),
        ("C|D|E|F||G|A|B|C:|", "CDEF" + "GABC" * 2),
        ("C|D||E|F|G|A|1B|C:|2D|E||", "CDEFGABCCDEFGADE"),
        ("C|D||E|F|1G|A:|2B|C||", "CDEFGAEFBC"),
        ("C|D|E||F|G|A:|", "CDEFGAFGA"),
    ],
)
def test_repeats_and_endings_are_unrolled(music: str, order: str) -> None:
    assert letters(music) == order


@pytest.mark.parametrize(("music", "order"), [("|:C|1D:|2E||", "CDE"), ("C|D::E|F:|", "CDEF"), ("|:C:|:D:|", "CD")])
def test_written_order_has_each_note_once(music: str, order: str) -> None:
    assert letters(music, repeats="written") == order


PARTS = "P:A\nC|D|\nP:B\nE|F|\nP:C\nG|"


@pytest.mark.parametrize(
    ("header", "music", "order"),
    [
        ("", PARTS, "CDEFG"),
        ("Y:AAB\n", PARTS, "CDCDEF"),
        ("P:ABA\n", PARTS, "CDEFCD"),
        ("P:A2.(BC)2\n", PARTS, "CDCDEFGEFG"),
        ("Y:AZB\n", PARTS, "CDEF"),
        ("Y:ZZ\n", PARTS, "CDEFG"),
        ("Y:BA\n", "B|\n" + PARTS, "BEFCD"),
        ("Y:AB\n", "P:A\n|:C|1D:|2E||\nP:B\nF|G:|", "CDCEFGFG"),
        ("Y:AA\n", "P:A\n|:C|D:|", "CDCDCDCD"),
        ("Y:ABA\n", "C|D|", "CD"),
        ("Y:AB\n", "P:A\nC|[P:B]D|", "CD"),
    ],
)
def test_parts_are_played_in_the_order_of_the_header(header: str, music: str, order: str) -> None:
    assert letters(music, header) == order


def test_each_part_is_played_in_its_own_metre() -> None:
    text = "X:1\nY:ABA\nM:3/4\nL:1/4\nK:C\nP:A\nCDE|\nP:B\nM:2/4\nFG|\n"
    [tune] = read_abc(text, file_name="t.abc", repeats="played")
    assert isinstance(tune, WrittenTune)
    changes = [(departure.note, departure.metre) for departure in tune.melody.departures]
    assert tune.melody.metre == Metre(3, 4)
    assert changes == [(3, Metre(2, 4)), (5, Metre(3, 4))]


def test_a_repeat_goes_back_to_the_metre_in_which_it_began() -> None:
    text = "X:1\nM:3/4\nL:1/4\nK:C\n|:CDE|[M:2/4]FG:|"
    [tune] = read_abc(text, file_name="t.abc", repeats="played")
    assert isinstance(tune, WrittenTune)
    assert [segment[2].beats for segment in tune.melody.segments] == [3, 2, 3, 2]


def test_a_bar_divided_by_a_repeat_is_counted_as_one_bar() -> None:
    text = "X:1\nM:4/4\nL:1/4\nK:C\n|:G|CDEF|CDE:|"
    [tune] = read_abc(text, file_name="t.abc", repeats="played")
    assert isinstance(tune, WrittenTune)
    assert tune.melody.departures == ()
    assert tune.melody.start == 72


def test_an_ending_for_too_many_passes_is_for_the_first() -> None:
    assert letters("|:C|99D:|") == letters("|:C|1D:|")


def test_unrolling_is_limited() -> None:
    bar: list[ScoreEvent] = [NoteEvent(60, 24), BarLine.BAR]
    with pytest.raises(ValueError, match="more than 100000"):
        unroll([Metre(1, 4), *bar * 30_000, BarLine.REPEAT_END])


@pytest.mark.slow
def test_a_long_part_that_is_played_often_takes_little_memory() -> None:
    part: list[ScoreEvent] = [PartMark("A"), *[NoteEvent(60, 24)] * 20_000]
    tracemalloc.start()
    with pytest.raises(ValueError, match="more than 100000"):
        unroll(part, "A" * 1_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000  # all copies would take 160 megabytes


def test_unrolled_events_hold_only_notes_bar_lines_and_metres() -> None:
    events = unroll([Metre(1, 4), BarLine.REPEAT_BEGIN, NoteEvent(60, 24), BarLine.REPEAT_END])
    assert [event for event in events if isinstance(event, NoteEvent)] == [NoteEvent(60, 24)] * 2
    assert {event for event in events if isinstance(event, BarLine)} == {BarLine.BAR}

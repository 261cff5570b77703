"""Tunes as people write them, each with the right notes by the standard or by abc2midi."""

from __future__ import annotations

import pytest

from chromasonic.melody_generation.io.bounded.file_formats import tunes_of_file
from chromasonic.melody_generation.io.read_abc import decode_abc
from chromasonic.melody_generation.io.tunes import DroppedTune
from chromasonic.melody_generation.melody import Melody

C_SCALE = [60, 62, 64, 65, 67, 69, 71, 72]
G_SCALE = [67, 69, 71, 72, 74, 76, 78, 79]


def tunes(text: str) -> list[Melody]:
    read = list(tunes_of_file(text.encode(), ".abc", "f"))
    assert not [tune.reason for tune in read if isinstance(tune, DroppedTune)]
    return [tune.melody for tune in read if not isinstance(tune, DroppedTune)]


def reason(text: str) -> str:
    (tune,) = tunes_of_file(text.encode(), ".abc", "f")
    assert isinstance(tune, DroppedTune)
    return tune.reason


def tune(body: str, *, metre: str = "4/4", unit: str = "1/8", key: str = "C", before: str = "") -> str:
    return f"X:1\nT:t\nM:{metre}\nL:{unit}\n{before}K:{key}\n{body}\n"


@pytest.mark.parametrize(
    ("text", "pitches"),
    [
        (tune("F,G,A,B, CDEF|]", key="F clef=bass"), [53, 55, 57, 58, 60, 62, 64, 65]),
        (tune("D,E,F,G, A,B,CD|]", key="G clef=F4"), [50, 52, 54, 55, 57, 59, 60, 62]),
        (tune("CDEF [K:bass] GABc|]", key="Bb"), [60, 62, 63, 65, 67, 69, 70, 72]),
        (tune("ABcd efga|c4 f4|]", key="HP"), [69, 71, 73, 74, 76, 78, 79, 81, 73, 78]),
        (tune("Bcde fgab|]", key="B♭"), [70, 72, 74, 75, 77, 79, 81, 82]),
        (tune("CDEF GABc|]", key="C octave=-1"), [pitch - 12 for pitch in C_SCALE]),
        (tune("CDEF GABc|]", key="Am treble-8"), [pitch - 12 for pitch in C_SCALE]),
        (tune("CDEF GABc|]", key="C treble+8"), [pitch + 12 for pitch in C_SCALE]),
        (tune("V:1\nCDEF GABc|]", before="V:1 clef=treble octave=-1\n"), [pitch - 12 for pitch in C_SCALE]),
        (tune("“Am”CDEF „F“GABc|]"), C_SCALE),
        (tune("♯CD♭EE|]"), [61, 62, 63, 63]),
    ],
)
def test_keys_clefs_and_signs_give_the_right_pitches(text: str, pitches: list[int]) -> None:
    (melody,) = tunes(text)
    assert melody.pitches.tolist() == pitches


@pytest.mark.parametrize(
    ("metre", "unit", "read", "ticks"),
    [
        ("C |", "1/8", "2/2", 12),
        ("C2", "1/8", "4/4", 12),
        ("c", "1/8", "4/4", 12),
        ("4", "1/8", "free", 12),
        ("waltz", "1/8", "free", 12),
        ("4/7", "1/8", "free", 12),
        ("4/4", "1", "4/4", 96),
        ("4/4", "8", "4/4", 12),
        ("4/4", "auto", "4/4", 12),
        ("6\u20448", "\u215b", "6/8", 12),
    ],
)
def test_forms_of_metres_and_unit_lengths(metre: str, unit: str, read: str, ticks: int) -> None:
    (melody,) = tunes(tune("C|D|", metre=metre, unit=unit))
    assert str(melody.metre) == read
    assert melody.durations.tolist() == [ticks, ticks]


@pytest.mark.parametrize("kind", ["text", "ps", "svg"])
def test_typeset_text_is_no_music(kind: str) -> None:
    between = f"%%begin{kind}\nA fine tune by Ed and Abe, CDE.\n\n| bag |\n%%end{kind}\n"
    (melody,) = tunes(tune(f"{between}CDEF GABc|\n%%text more ABC\n%%vskip 10\ncBAG FEDC|]"))
    assert melody.pitches.tolist() == [*C_SCALE, *reversed(C_SCALE)]


@pytest.mark.parametrize(
    "text_between",
    [
        "The next tune was collected in Cork by Ed.\nA good dance.",
        "</pre><hr>\n<p>Back | to the list</p>\n</body>",
        "Ed Bab made it",
        "From: Abe <abe@example.org>",
        "2003-01-01",
    ],
)
def test_an_empty_line_ends_a_tune(text_between: str) -> None:
    first, second = tunes(tune("CDEF GABc|\n") + f"\n{text_between}\n\n" + tune("GABc defg|", key="G"))
    assert (first.pitches.tolist(), second.pitches.tolist()) == (C_SCALE, G_SCALE)


@pytest.mark.parametrize(
    "after",
    ["cBAG FEDC|]", '"Am"cBAG !f!FEDC:|', "P:B\ncBAG FEDC|", "K:C\ncBAG FEDC|", "cBAG\n\nFEDC", "w: la la\ncBAG FEDC|"],
)
def test_music_after_an_empty_line_goes_on(after: str) -> None:
    (melody,) = tunes(tune(f"CDEF GABc|\n\n{after}"))
    assert melody.pitches.tolist() == [*C_SCALE, *reversed(C_SCALE)]


def test_two_tunes_without_numbers_are_two() -> None:
    first, second = tunes("T:a\nM:4/4\nL:1/8\nK:C\nCDEF GABc|\n\nT:b\nM:4/4\nL:1/8\nK:G\nGABc defg|\n")
    assert (first.title, first.pitches.tolist()) == ("a", C_SCALE)
    assert (second.title, second.pitches.tolist()) == ("b", G_SCALE)


def test_fields_of_the_file_header_hold_for_every_tune() -> None:
    first, second = tunes("M:6/8\nL:1/4\n\nX:1\nT:a\nK:G\nGAB cde|\n\nX:2\nL:1/8\nK:G\nGAB cde|\n")
    assert (str(first.metre), first.durations.tolist()) == ("6/8", [24] * 6)
    assert (str(second.metre), second.durations.tolist()) == ("6/8", [12] * 6)


@pytest.mark.parametrize(
    ("body", "pitches"),
    [
        ("(& CDEF GABc| c8 & C,8|E8 &) |C8|", [*C_SCALE, 72, 60]),
        ("(& CDEF GABc|\nc8 & C,8|\nE8 &) |C8|", [*C_SCALE, 72, 60]),
        ("G8 &\\\nC4 C4 |c8|", [67, 72]),
        ("G8 & C8 | c8|", [67, 72]),
        ('"A & B"G8 | c8|', [67, 72]),
    ],
)
def test_second_voices_are_left_out(body: str, pitches: list[int]) -> None:
    (melody,) = tunes(tune(body))
    assert melody.pitches.tolist() == pitches


def test_the_first_voice_with_notes_is_the_melody() -> None:
    (melody,) = tunes(tune("V:1\nz8|z8|\nV:2\nCDEF GABc|cBAG FEDC|", before="V:1\nV:2\n"))
    assert melody.pitches.tolist() == [*C_SCALE, *reversed(C_SCALE)]
    (melody,) = tunes(tune("V:1\nCDEF GABc|\nV:2\nG8|", before="V:1\nV:2\n"))
    assert melody.pitches.tolist() == C_SCALE


def test_rests_alone_are_no_melody() -> None:
    assert reason(tune("z8|z8|z8|]")) == "it holds no pitched notes"
    assert reason(tune("V:1\nz8|\nV:2\nZ4|", before="V:1\nV:2\n")) == "it holds no pitched notes"


def test_titles_in_windows_1252_are_read() -> None:
    assert decode_abc(b"T:Don\x92t") == "T:Don\u2019t"
    assert decode_abc("T:é".encode()) == "T:é"
    assert decode_abc(b"T:\x81") == "T:\x81"  # no character of Windows-1252


@pytest.mark.parametrize("kind", ["ml", "js", "text align"])
def test_every_kind_of_block_is_no_music(kind: str) -> None:
    (melody,) = tunes(tune(f"%%begin{kind}\nABC DEF|\n%%end{kind.split(maxsplit=1)[0]}\nCDEF GABc|"))
    assert melody.pitches.tolist() == C_SCALE


@pytest.mark.parametrize(
    "text",
    [
        tune("CDEF!GABc!|", before="I:linebreak !\n"),
        tune("CDEF!GABc!|"),
        tune("CDEF!|GABc!|"),
        f"I:linebreak !\n\n{tune('CDEF!GABc!|')}",
        tune("+trill+CDEF !f!G!trill!A!>!B!fff!c|"),
        tune("{CDEF GABc|"),
        tune('"Am CDEF GABc|'),
        tune("CDEF GABc", key="none"),
    ],
)
def test_marks_that_are_not_closed_or_end_lines_lose_no_notes(text: str) -> None:
    (melody,) = tunes(text)
    assert melody.pitches.tolist() == C_SCALE


def test_chords_between_plus_signs_are_chords() -> None:
    (melody,) = tunes(tune("E|+E3A3+ cBA|ecA +ceg+ +f+c|", metre="6/8", key="A"))
    assert melody.pitches.tolist() == [64, 69, 73, 71, 69, 76, 73, 69, 80, 73]
    assert melody.durations.tolist() == [12, 36, *[12] * 8]


def test_typographic_apostrophes_and_dashes_are_octaves_and_ties() -> None:
    (melody,) = tunes(tune("C\u2019 c\u2018 C\u2013C D"))
    assert melody.pitches.tolist() == [72, 84, 60, 62]
    assert melody.durations.tolist() == [12, 12, 24, 12]


@pytest.mark.parametrize("first", ['["1st time"', "[1.", "|1."])
@pytest.mark.parametrize("second", ['["2."', "[2", "2", "]2"])
def test_endings_in_any_form(first: str, second: str) -> None:
    (melody,) = tunes(tune(f"|:CDEF|{first.lstrip('|')} GABc:|{second} cBAG|]"))
    assert [(mark.note, mark.passes) for mark in melody.form if mark.passes] == [(4, (1,)), (8, (2,))]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (tune("CDEF|", metre="waltz"), "the metre is not understood, and read as free"),
        (tune("CDEF|", key="D hornpipe"), "a part of the key field is not understood"),
        (tune("CDEF|", before="P:A999\n"), "the order of the parts is not understood"),
    ],
)
def test_what_is_not_understood_is_reported(text: str, kind: str) -> None:
    (read,) = tunes_of_file(text.encode(), ".abc", "f")
    assert not isinstance(read, DroppedTune)
    assert [remark.kind for remark in read.remarks] == [kind]


@pytest.mark.parametrize(
    "music", ["C&gt;D E&lt;F|<br>", "<p>C>D E<F|</pre>", "\u00abAm\u00bbC>D E<F|", "C>D E<F &nbsp;|"]
)
def test_signs_of_web_pages_are_no_notes(music: str) -> None:
    (melody,) = tunes(tune(music))
    assert melody.pitches.tolist() == C_SCALE[:4]
    assert melody.durations.tolist() == [18, 6, 6, 18]


def test_cue_notes_are_no_melody() -> None:
    (melody,) = tunes(tune("V:1\nc8|\nV:2\nCDEF GABc|", before="V:1 cue=on\nV:2\n"))
    assert melody.pitches.tolist() == C_SCALE

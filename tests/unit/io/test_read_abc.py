"""ABC text to melodies; malformed tunes are dropped and do not affect the others."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import FormMark, FormSign
from chromasonic.melody_generation.io.abc.abc_lines import without_open_chords
from chromasonic.melody_generation.io.read_abc import decode_abc, read_abc
from chromasonic.melody_generation.io.tunes import JUMPS, DroppedTune, WrittenTune
from chromasonic.melody_generation.melody import REST, Melody, Metre
from chromasonic.melody_generation.notation.chord_names import chord_name
from chromasonic.melody_generation.notation.spelling import Spelling

C, D, E, F, G, A, B = 60, 62, 64, 65, 67, 69, 71


def written(text: str) -> WrittenTune:
    [tune] = read_abc(text, file_name="t.abc")
    assert isinstance(tune, WrittenTune), tune
    return tune


def melody(music: str, header: str = "M:4/4\nL:1/4\nK:C") -> Melody:
    return written(f"X:1\n{header}\n{music}\n").melody


def notes(music: str, header: str = "M:4/4\nL:1/4\nK:C") -> list[tuple[int, int]]:
    tune = melody(music, header)
    return list(zip(tune.pitches.tolist(), tune.durations.tolist(), strict=True))


def pitches(music: str, header: str = "M:4/4\nL:1/4\nK:C") -> list[int]:
    return [int(pitch) for pitch in melody(music, header).pitches]


def durations(music: str, header: str = "M:4/4\nL:1/4\nK:C") -> list[int]:
    return [int(ticks) for ticks in melody(music, header).durations]


def test_a_tuplet_of_ten_notes_is_read() -> None:
    assert durations("(3:2:10 CDEF GABcde|(3:2:1C D") == [16] * 10 + [16, 24]


def test_a_whole_tune() -> None:
    tune = written("X: 0012\nT:Name % of it\nT:Other name\nM:6/8\nL:1/8\nK:ADor\nE|A2B c2d|e3 e2:|").melody
    assert tune == Melody(
        [E, A, B, C + 12, D + 12, E + 12, E + 12],
        [12, 24, 12, 24, 12, 36, 24],
        metre=Metre(6, 8),
        start=60,
        tonic=9,
        mode="dorian",
        title="Name",
        source="t.abc:12",
        form=[FormMark(7, FormSign.REPEAT_END)],
        spelling=[4, 3, 5, 0, 2, 4, 4],
    )


@pytest.mark.parametrize(
    ("music", "ticks"),
    [
        ("C2 C C/ C/2 C// C3/2 C/4", [48, 24, 12, 12, 6, 36, 6]),
        ("(3CDE (3C/D/E/", [16, 16, 16, 8, 8, 8]),
        ("(3C{gf}D[EG]F", [16, 16, 16, 24]),
        ("(3:2:2C2DE", [32, 16, 24]),
        ("(3C\nDE", [16, 16, 16]),
        ("C>D C<D C>>D C<<D", [36, 12, 12, 36, 42, 6, 6, 42]),
        ("C {g}> D C>{g}D z>D", [36, 12, 36, 12, 36, 12]),
        ("(3C>DE", [24, 8, 16]),
        ("[CE]>[DF] [C2E2] [CE]2 [C2E]/", [36, 12, 48, 48, 24]),
    ],
)
def test_durations(music: str, ticks: list[int]) -> None:
    assert durations(music) == ticks


def test_rounding_fractional_ticks_keeps_the_length_of_the_bar() -> None:
    tune = written("X:1\nM:2/4\nL:1/8\nK:C\n(5C/D/E/F/G/ C3|C4|")
    assert tune.n_ticks_rounded == 5
    assert tune.melody.durations.tolist() == [2, 3, 2, 3, 2, 36, 48]
    assert tune.melody.bar_lines.tolist() == [0, 48]


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("C-C D", [(C, 48), (D, 24)]),
        ("C3-|C D", [(C, 96), (D, 24)]),
        ("C-D", [(C, 24), (D, 24)]),
        ("[CE]-[CE] D", [(E, 48), (D, 24)]),
        ("[C-E-][CE] D", [(E, 48), (D, 24)]),
        ("^C-C C", [(C + 1, 48), (C + 1, 24)]),
        ("C2 ^F2-|F2 F2", [(C, 48), (F + 1, 96), (F, 48)]),
        ("C-\nC D", [(C, 48), (D, 24)]),
        ("C-{g}C D", [(C, 48), (D, 24)]),
    ],
)
def test_tied_notes_are_joined(music: str, expected: list[tuple[int, int]]) -> None:
    assert notes(music) == expected


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("^F F|F", [F + 1, F + 1, F]),
        ("^F f F,", [F + 1, F + 13, F - 11]),
        ("^F =F F", [F + 1, F, F]),
        ("__B ^^C", [B - 2, C + 2]),
        ("_BB:|B", [B - 1, B - 1, B]),
        ("[K:D]F C [K:F]B F", [F + 1, C + 1, B - 1, F]),
        ("F\nK:G\nF", [F, F + 1]),
        ("F C\nK:D % two sharps\nF C", [F, C, F + 1, C + 1]),
    ],
)
def test_accidentals_and_keys(music: str, expected: list[int]) -> None:
    assert pitches(music) == expected


@pytest.mark.parametrize(
    "music",
    [
        '"Am"C"D7" D "^Segno" E',
        '"a|b"C "C:D"D "%"E',
        "!trill!C !f! D !crescendo(! E !crescendo)!",
        "+trill+C D +f+E",
        "~C TD HE",
        "uC vD .E",
        "{ga}C {/g}D {g a}E",
        "(C D) E",
        "C D`E",
        "C D E % F G",
        "C D E\nw: F G A",
        "C y D y2 E",
        "C D\\\nE",
        "C D & G A | E",
        "C D [r:remark] E",
        "C\n% F G\n\nD E",
        "|C:\n|D::E",
        "C::\nD::\nE::",
        "|C:D|E",
    ],
)
def test_other_symbols_do_not_change_the_notes(music: str) -> None:
    assert pitches(music) == [C, D, E]


def test_the_top_note_of_a_chord_is_read() -> None:
    assert pitches("[CEG] [GEC] [C,c] [zE] [Cz]") == [G, G, C + 12, E, C]


def test_a_tune_of_chords_alone_is_read() -> None:
    assert notes("[G2B2][A2c2]|[G4B4]|") == [(B, 48), (C + 12, 48), (B, 96)]


def test_an_unclosed_chord_loses_no_note() -> None:
    assert pitches("[CE]D[EG(3ABc|d") == [E, D, E, G, A, B, C + 12, D + 12]


def test_all_kinds_of_rests_are_read() -> None:
    assert notes("C z x2|Z2|C4|") == [(C, 24), (REST, 24), (REST, 48), (REST, 96), (REST, 96), (C, 96)]
    assert notes("z4|X|C") == [(REST, 96), (REST, 96), (C, 24)]


def test_the_metre_is_the_last_before_the_first_note() -> None:
    tune = melody("M:6/8\nABc def|", header="M:4/4\nK:C")
    assert tune.metre == Metre(6, 8)
    assert tune.departures == ()


def test_the_key_is_the_last_before_the_first_note() -> None:
    tune = melody("K:Em\nE F\nK:G\nG", header="M:4/4\nL:1/4\nK:D")
    assert (tune.tonic, tune.mode) == (4, "minor")


@pytest.mark.parametrize("change", ["[M:3/4]", "\nM:3/4\n", "\nM: 3/4 % a waltz now\n"])
def test_a_change_of_metre_is_a_departure(change: str) -> None:
    tune = melody(f"CDEF|{change}CDE|CDE|")
    assert [(departure.note, departure.metre) for departure in tune.departures] == [(4, Metre(3, 4))]


def test_a_change_of_unit_length_is_read() -> None:
    assert durations("C [L:1/8] C\nL:1/16\nC") == [24, 12, 6]


def test_the_default_unit_length_depends_on_the_metre() -> None:
    assert durations("C", header="M:2/4\nK:C") == [6]
    assert durations("C", header="M:6/8\nK:C") == [12]
    assert durations("C [M:2/4] C", header="M:6/8\nK:C") == [12, 12]


def test_the_unit_length_does_not_carry_over_to_the_next_tune() -> None:
    first, second = read_abc("X:1\nM:4/4\nL:1/2\nK:C\nC\nX:2\nM:4/4\nK:C\nC", file_name="t.abc")
    assert isinstance(first, WrittenTune)
    assert isinstance(second, WrittenTune)
    assert [first.melody.durations[0], second.melody.durations[0]] == [48, 12]


@pytest.mark.parametrize(
    "text",
    [
        "X:1\nL:1/4\nV:1\nV:2\nK:C\nV:1\nCD|\nV:2\nGA|\nV:1\nE|",
        "X:1\nL:1/4\nK:C\n[V:1]CD|\n[V:2]GA|\n[V:1]E|",
        "X:1\nL:1/4\nK:C\nV:T name=tune\nCD|\nV:B\nGA|[K:D]\nV:T\nE|",
        "X:1\nL:1/4\nV:1\nV:2\nK:C\nCD|E|\nV:2\nGA|Z4|",
    ],
)
def test_the_first_voice_is_read(text: str) -> None:
    assert written(text).melody.pitches.tolist() == [C, D, E]


def test_the_keel_row_of_nottingham_is_read() -> None:
    tune = melody(
        '(d/2c/2)|:"G"BG/2B/2 "Am"cA/2c/2|[1"G"B/2G/2"D7"A/2F/2 "G"G/2e/2d/2c/2:|\n'
        '[2 "G"B/2G/2"D7"A/2F/2 "G"Gd/2c/2||\n"G"B4|',
        header="M:4/4\nL:1/4\nK:G",
    )
    assert len(tune) == 2 + 6 + 8 + 7 + 1
    assert tune.start == 72
    assert 65 not in tune.pitches


def test_the_free_metre_of_essen_is_read() -> None:
    assert melody("C2 D E|F", header="M:FREI4/4\nL:1/4\nK:C").metre == Metre(0, 4)
    assert melody("C2 D E|F", header="M:none\nL:1/4\nK:C").metre == Metre(0, 4)
    assert melody("C2 D E|F", header="L:1/4\nK:C").metre == Metre(0, 4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tune", "reason"),
    [
        ("X:2\nT:Empty\nK:C\n", "there are no notes"),
        ("X:2\nT:No key\nC D E\n", "it has no K: field, after which the music begins"),
        ("X:2\nK:Q\nC\n", "the key 'Q' is not understood"),
        ("X:2\nK:C\nz4|z4|\n", "it holds no pitched notes"),
        ("X:2\nL:1/0\nK:C\nC\n", "the unit length '1/0' is not understood"),
        ("X:2\nK:C\nC0D0E\n", "2 of its 3 notes have no pitch or duration that can be read"),
        ("X:2\nL:1/1\nK:C\nC65\n", "a note is longer than 64 whole notes"),
        (f"X:2\nK:C\nC{'9' * 5000}\n", "it has a number of more than 999 digits"),
        ("X:2\nK:C\nC99999999999999\n", "a note is longer than 64 whole notes"),
        (f"X:2\nM:{'9' * 40}/8\nK:C\nCZ2\n", "a note is longer than 64 whole notes"),
        ("X:2\nK:C\nC/1001\n", "there are no notes"),
        ("X:2\nK:C\n" + "C" * 100_001, "it has more than 100000 notes and bar lines"),
        ("X:2\nK:C\n" + " " * 1_000_001, "it is longer than 1000000 characters"),
    ],
)
def test_a_malformed_tune_is_dropped_with_its_reason_and_the_others_are_read(tune: str, reason: str) -> None:
    good = "X:{}\nK:C\nCDE|\n"
    before, dropped, after = read_abc(f"{good.format(1)}\n{tune}\n{good.format(3)}", file_name="t.abc")
    assert isinstance(before, WrittenTune)
    assert dropped == DroppedTune("t.abc:2", reason)
    assert isinstance(after, WrittenTune)
    assert after.melody.source == "t.abc:3"


SYMBOLS = [
    *"ABCDEFGabcdefgzxXZHTuvy^_=|:[]()0123456789/<>-{}\"!+&%\\~.,' \n",
    "[M:",
    "[K:",
    "\nM:3/4\n",
    "|1",
    "(3",
    "::",
]


@given(st.lists(st.sampled_from(SYMBOLS), max_size=60).map("".join), st.sampled_from(["written", "played"]))
@example("C|[1 D:|2(3", "played")
@example("^", "written")
@example("(", "written")
@example("[V:]C", "written")
def test_arbitrary_music_does_not_stop_the_reader(music: str, repeats: str) -> None:
    text = f"X:1\nM:4/4\nL:1/8\nK:G\n{music}\nX:2\nK:C\nC|"
    order = "written" if repeats == "written" else "played"
    *before, last = read_abc(text, file_name="t.abc", repeats=order)  # type: ignore[arg-type]
    assert len(before) == 1
    assert isinstance(last, WrittenTune)
    assert last.melody.pitches.tolist() == [C]


@given(st.text("[]|C1: ", max_size=30))
def test_brackets_that_are_not_closed_within_their_bar_are_removed(line: str) -> None:
    # This looks ahead to the end of the line for each bracket.
    assert without_open_chords(line) == re.sub(r"\[(?=[^\]|]*(?:\||$))(?!\d)", "", line)


@pytest.mark.parametrize("marks", [">", "<", ">>>", "<<<"])
def test_endless_broken_rhythm_drops_the_tune(marks: str) -> None:
    [tune] = read_abc("X:1\nK:C\nC" + f"{marks} " * 50 + "D|", file_name="t.abc")
    assert isinstance(tune, DroppedTune)
    assert "broken rhythm" in tune.reason


@given(st.text(max_size=200))
def test_arbitrary_text_does_not_stop_the_reader(text: str) -> None:
    for tune in read_abc(text, file_name="t.abc"):
        assert isinstance(tune, WrittenTune | DroppedTune)


def test_text_without_tunes_yields_no_tunes() -> None:
    assert list(read_abc("Dear reader,\nno music here.\n", file_name="t.abc")) == []


def test_text_before_the_first_number_is_ignored() -> None:
    assert written("% a collection\nM:3/4\nABC\n\nX:1\nK:C\nCDE").melody.pitches.tolist() == [C, D, E]


def test_a_tune_without_a_number_is_number_one() -> None:
    assert written("T:Alone\nL:1/4\nK:C\nCDE").melody.source == "t.abc:1"


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_of_all_systems_are_read(line_end: str) -> None:
    text = "\ufeffX:1\nT:Name\nL:1/4\nK:C\nCD|\nE|\n".replace("\n", line_end)
    assert written(text).melody.pitches.tolist() == [C, D, E]
    assert written(text).melody.title == "Name"


def test_files_are_utf_8_or_latin_1() -> None:
    assert decode_abc("Mädchen".encode()) == decode_abc("Mädchen".encode("latin-1")) == "Mädchen"


def test_an_unknown_value_of_repeats_raises_an_error() -> None:
    with pytest.raises(InputError, match="repeats is written or played, not 'twice'"):
        list(read_abc("X:1\nK:C\nC", file_name="t.abc", repeats="twice"))  # type: ignore[arg-type]


def test_fields_of_an_omitted_voice_do_not_affect_the_first_voice() -> None:
    text = "X:1\nM:4/4\nL:1/4\nK:C\nV:1\nCDEF|\nV:2\nK:G\n[M:3/4]GABc|GGGG|\nV:1\nEFGA|\n"
    [tune] = read_abc(text, file_name="voices.abc")
    assert isinstance(tune, WrittenTune)
    assert tune.melody.pitches.tolist() == [60, 62, 64, 65, 64, 65, 67, 69]
    assert tune.melody.departures == ()


def test_a_tune_without_a_number_may_indent_its_key() -> None:
    [tune] = read_abc("T:x\n K:G\nGABc|\n", file_name="indented.abc")
    assert isinstance(tune, WrittenTune)
    assert tune.melody.tonic == 7


def test_signs_of_quoted_printable_mails_are_decoded() -> None:
    [tune] = read_abc(decode_abc(b"X:1\nK:F\nA=3DB =20\nc=\nd|e=\r\nf|\n"), file_name="mail.abc")
    assert isinstance(tune, WrittenTune)
    assert tune.melody.pitches.tolist() == [69, 71, 72, 74, 76, 77]
    assert decode_abc(b"X:1\nK:F\n=20=B") == "X:1\nK:F\n=20=B"


LEFT_OUT = {
    "{ga}A B": {"grace notes": 2},
    "[CEG]A [ce]": {"lower notes of chords": 3},
    '"Am"A "^slow"B "G7"c "Coming"d "Gmixed"e': {"chord symbols": 2},
    'A [Q:"Allegro"]B "Fine"c "^D.C."d !segno!A !fermata!B OA "to Coda"c': {JUMPS: 5},
    "A#B c?d": {"symbols that cannot be read": 2},
    "AB|(10CDEFGABcde|C><D": {"symbols that cannot be read": 2},
    "AB|Z4|cd|": {"symbols that cannot be read": 1},
    "ABc C0 d": {"symbols that cannot be read": 1},
    "AB|\nRepeat A part\ncd|": {"lines of words or other text": 1},
    "A2B2&c4|d4|": {"notes of second voices within a part": 1},
    "A2B2|(&c4|d4|&E4|F4|&)G4|": {"notes of second voices within a part": 2},
    "V:1\nAB|\nV:2\nCDE|\nV:1\ncd|": {"notes of other parts": 3},
    "AB|\nV:2\nCDE|\nV:1\ncd|": {"notes of other parts": 3},
    "AB|\nw:la la\n%%begintext\na bad cafe\n%%endtext\ncd|": {"lines of words or other text": 2},
    "AB|cd|\n\nThis tune was found in a barn.\nBy a dog.": {"lines of words or other text": 2},
}


@pytest.mark.parametrize("music", LEFT_OUT)
def test_symbols_that_are_no_part_of_the_melody_are_counted(music: str) -> None:
    [tune] = read_abc(f"X:1\nK:C\n{music}\n", file_name="a.abc")
    assert isinstance(tune, WrittenTune)
    assert tune.left_out == LEFT_OUT[music]
    assert not [remark for remark in tune.remarks if "voice" not in remark.kind]


def test_notes_that_the_parser_does_not_see_are_reported() -> None:
    [tune] = read_abc("X:1\nK:C\nABc|[z:||2z2|ABc]|", file_name="a.abc")
    assert isinstance(tune, WrittenTune)
    assert [remark.detail for remark in tune.remarks] == ["3 instead of 6"]


def signs(music: str, header: str = "") -> list[str]:
    tune = melody(music, f"M:4/4\nL:1/4\n{header}K:C")
    return [f"{mark.note}{mark.sign.value}{','.join(map(str, mark.passes))}{mark.name}" for mark in tune.form]


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("C4|D4|]", []),
        ("|:C4|D4:|", ["0|:", "2:|"]),
        ("C4|D4::E4|F4:|", ["2:|", "2|:", "4:|"]),
        ("C4|D4:|E4|F4:|", ["2:|", "2|:", "4:|"]),
        ("|:C4|1D4:|2E4||F4|", ["0|:", "1[1", "2:|", "2[2", "3||"]),
        ("P:A\nC4|D4|\nP:B\nE4|", ["0PA", "2PB"]),
        ("C4||D4|E4|F4|G4:|", ["1|:", "5:|"]),
        ("[1,3C4:|[2,4D4:|", ["0[1,3", "1:|", "1[2,4", "2:|"]),
    ],
)
def test_signs_of_form_are_read(music: str, expected: list[str]) -> None:
    assert signs(music) == expected


def test_chords_stand_at_their_notes() -> None:
    tune = melody('"Am"A2 "^slow"B "G7"c-|"C"c2["E"Ge] z"F"z|"Dm"')
    names = [(chord.onset, chord_name(chord, Spelling.for_melody(tune))) for chord in tune.chords]
    assert names == [(0, "Am"), (72, "G7"), (96, "C"), (192, "F")]


def test_the_kind_is_that_of_the_rhythm_field_or_the_title() -> None:
    assert melody("A", "T:The Jig of Slurs\nR:reel\nK:C").kind == "reel"
    assert melody("A", "T:The Jig of Slurs\nK:C").kind == "jig"
    assert melody("A").kind == "unknown"


def test_notes_keep_the_spelling_of_their_source() -> None:
    assert melody("^A_B=e__d^^f", "K:D").spelling.tolist() == [10, -2, 4, -12, 13]

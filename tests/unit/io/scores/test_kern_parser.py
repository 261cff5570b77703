"""Kern files as people and programs write them, and music21 as an independent reader."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import music21
import pytest

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import Chord
from chromasonic.melody_generation.io.melody_line import ParsedScore, tune_from_score
from chromasonic.melody_generation.io.played.played_melody import played
from chromasonic.melody_generation.io.scores.kern_parser import parse_kern_piece
from chromasonic.melody_generation.io.scores.kern_pieces import split_pieces
from chromasonic.melody_generation.io.tunes import (
    CHORD_SYMBOLS,
    CUE_NOTES,
    GRACE_NOTES,
    PERCUSSION,
    TEXT_LINES,
    UNREADABLE_SYMBOLS,
)
from chromasonic.melody_generation.measures.key_estimation import Key
from chromasonic.melody_generation.melody import REST, Departure, Melody, Metre

CORPUS = Path(music21.__file__).parent / "corpus"


def piece(text: str) -> ParsedScore:
    """Parse kern in which a blank stands for a tab and ``|`` for a line break."""
    (only,) = split_pieces(text.replace("|", "\n").replace(" ", "\t").replace("~", " ").encode())
    return parse_kern_piece(only)


def sounds(parsed: ParsedScore, part: int = 0) -> list[tuple[float, ...]]:
    """Return pitch, onset and end in quarter notes of the notes of a part, by rising pitch."""
    notes = parsed.parts[part].notes
    return sorted((note.pitch, float(note.onset / 24), float(note.end / 24)) for note in notes)


def bar_lines(parsed: ParsedScore) -> list[float]:
    return [float(tick) for tick in parsed.bar_lines or ()]


def melody(text: str) -> list[int]:
    return [int(pitch) for pitch in tune_from_score(piece(text), "a.krn").melody.pitches]


# Form and chords -----------------------------------------------------------------------------------------------------


def formed(*lines: str) -> Melody:
    (only,) = split_pieces("\n".join(lines).replace(" ", "\t").replace("~", " ").encode())
    return tune_from_score(parse_kern_piece(only), "a.krn").melody


def signs(read: Melody) -> list[tuple[int, str]]:
    return [(mark.note, mark.sign.value) for mark in read.form]


def test_bar_lines_are_signs_of_form() -> None:
    read = formed("**kern", "*M2/4", "=1!|:", "2c", "=2:|!|:", "2d", "=3:|!", "2e", "=4||", "2f", "==", "*-")
    assert signs(read) == [(0, "|:"), (1, ":|"), (1, "|:"), (2, ":|"), (3, "||")]


def test_labels_are_parts_and_endings() -> None:
    labels = ("*>[A,A1,A,A2]", "*>A", "=1", "2c", "=2", "*>A1", "2d", "=3", "*>A2", "2e", "==", "*-")
    read = formed("**kern", "*M2/4", *labels)
    assert [(mark.note, mark.sign.value, mark.name, mark.passes) for mark in read.form] == [
        (0, "P", "A", ()),
        (1, "[", "", (1,)),
        (2, "[", "", (2,)),
    ]
    assert played(read).pitches.tolist() == [60, 62, 60, 64]


def test_an_expansion_list_is_the_order_of_parts_unless_repeat_signs_say_it() -> None:
    lines = ["**kern", "*M2/4", "*>[A,A,B]", "*>A", "=1", "2c", "=2", "*>B", "2d", "==", "*-"]
    assert (read := formed(*lines)).part_order == "AAB"
    assert played(read).pitches.tolist() == [60, 60, 62]
    lines[6] = "=2:|!"
    assert (read := formed(*lines)).part_order == ""
    assert played(read).pitches.tolist() == [60, 60, 62]


def test_notes_keep_their_spelling() -> None:
    assert formed("**kern", "*M4/4", "4c#", "4d-", "4e##", "4r", "4a", "*-").spelling.tolist() == [7, -5, 18, 0, 3]


def test_chord_symbols_stand_at_their_line() -> None:
    lines = ("4c C~major", "4d .", "8e G~dominant/B", "8f .", "4g B-:min7", "=2 =2", "1a N.C.", "*- *-")
    read = formed("**kern **mxhm", "*M4/4 *", "=1 =1", *lines)
    assert read.chords == (Chord(0, 0, "major", 0), Chord(48, 7, "7", 11), Chord(72, 10, "m7", 10))


def test_a_chord_symbol_without_a_note_on_its_line_is_counted() -> None:
    parsed = piece("**kern **mxhm|*M4/4 *|1c C~major|. F~major|*- *-")
    assert parsed.left_out == {CHORD_SYMBOLS: 1}
    assert len(parsed.parts[0].chords) == 1


def test_the_genre_is_the_kind() -> None:
    assert piece("!!!AGN:~Waltz|!!!OTL:~Jig|**kern|*M2/4|2c|*-").kind == "waltz"
    assert piece("**kern|*M2/4|2c|*-|!!!AGN:~Ballade,~Lied").kind == "song"


# Spines --------------------------------------------------------------------------------------------------------------

SPLITS = {
    "a second split after a join": (
        "**kern|*M2/4|=1|*^|4c 4E|4d 4F|*v *v|=2|*^|*^ *|4g 4e 4c|4a 4f 4d|*v *v *v|=3|4cc|4b|==|*-",
        [60, 62, 67, 69, 72, 71],
    ),
    "three strands": ("**kern|*M2/4|*^|* *^|4e 4d 4c|4f 4d 4c|*v *v *v|2g|*-", [64, 65, 67]),
    "a join of two of three": ("**kern|*M2/4|*^|*^ *|4e 4d 4c|* *v *v|4f 4d|*v *v|2g|*-", [64, 65, 67]),
    "joins of two spines at once": ("**kern **kern|*M2/4 *M2/4|*^ *^|2E 2C 2e 2c|*v *v *v *v|2F 2f|*- *-", [64, 65]),
    "an exchange of strands": ("**kern|*M2/4|*^|2e 2c|*x *x|2c 2f|*v *v|2g|*-", [64, 65, 67]),
    "a spine that is added": ("**kern|*M2/4|2c|*+|* **kern|2d 2f|*- *|2g|*-", [65, 67]),
    "a strand that ends in a bar": (
        "**kern|*M2/4|=1|*^|4e 4c|4f .|=2 =2|4g 4d|4a 4e|*v *v|=3|2b|*-",
        [64, 65, 67, 69, 71],
    ),
}


@pytest.mark.parametrize("name", SPLITS)
def test_spines_that_split_and_join(name: str) -> None:
    text, pitches = SPLITS[name]
    assert melody(text) == pitches


def test_every_strand_counts_its_own_time() -> None:
    parsed = piece("**kern **dynam|*M4/4 *M4/4|*^ *|2e 4c f|. 4d .|4f 2B p|4g . .|*v *v *|=2 =2|1a .|*- *-")
    expected = [(59, 2, 4), (60, 0, 1), (62, 1, 2), (64, 0, 2), (65, 2, 3), (67, 3, 4), (69, 4, 8)]
    assert sounds(parsed) == expected


def test_the_part_at_the_right_is_the_first() -> None:
    parsed = piece('**kern **kern **text|*I"Bass *I"Solo~Voice *|*M1/4 *M1/4 *|4C 4c la|4D 4d -|4D 4d .|*- *- *-')
    assert [(part.name, part.n_lyrics) for part in parsed.parts] == [("Solo Voice", 1), ("Bass", 0)]


def test_codes_of_instruments_are_names() -> None:
    assert piece("**kern|*Ivox|4c|*-").parts[0].name == "voice"
    assert piece("**kern|*Iflt|4c|*-").parts[0].name == "flt"


# Lines that are no music ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Specific~Region:~Dakotas,~Montana|**kern|*M4/4|4d|4e|4f#|4g|*-",
        "a|4e|**kern|*M4/4|4d|4e|4f#|4g|*-|4a|The~end",
        "**kern|*M4/4|4d|4e|a~stray~line|4f#|4g|*-",
        "**kern|*M4/4|!~4a|!!!4a|4d|4e|||4f#|two fields|4g|*-",
    ],
)
def test_text_is_not_read_as_notes(text: str) -> None:
    assert melody(text) == [62, 64, 66, 67]


def test_text_is_counted() -> None:
    parsed = piece("Words|**kern|4d|two fields|a~line|*-")
    assert parsed.left_out[TEXT_LINES] + parsed.parts[0].left_out[TEXT_LINES] == 3


def test_a_line_with_a_wrong_number_of_fields_is_counted_or_refused() -> None:
    notes = "4d 4D|" * 20
    assert piece(f"**kern **kern|{notes}4e|*- *-").left_out == {UNREADABLE_SYMBOLS: 1}
    with pytest.raises(InputError, match="2 of its 6 notes"):
        piece("**kern **kern|4d 4d|4d 4d|4e|4f|*- *-")
    with pytest.raises(InputError, match="line 3 has 1 fields instead of 2"):
        piece("**kern **kern|4d 4d|*^|4e 4f 4g|*- *-")


def test_notes_that_cannot_be_read_raise_an_error() -> None:
    with pytest.raises(InputError, match="1 of its 3 notes"):
        piece("**kern|4d|4e|4fg|*-")


def test_a_piece_without_kern_raises_an_error() -> None:
    with pytest.raises(InputError, match="no \\*\\*kern spine"):
        piece("**text|la|*-")


def test_what_is_no_melody_is_counted_by_kind() -> None:
    parsed = piece("**kern|*M2/4|qd|4e~4c|*cue|4f|*Xcue|4g|*-")
    assert parsed.parts[0].left_out == {GRACE_NOTES: 1, CUE_NOTES: 1}
    assert sounds(parsed) == [(60, 0, 1), (64, 0, 1), (67, 2, 3)]
    assert piece('**kern|*I"Ossia|4c|*-').left_out == {CUE_NOTES: 1}
    assert piece("**kern|*clefX|4c|*-").left_out == {PERCUSSION: 1}


# Metre, bar lines, keys ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metre", ["|*MX", "|*M?", ""])
def test_music_without_a_metre_is_free(metre: str) -> None:
    tune = tune_from_score(piece(f"**kern{metre}|=1|4d|4e|4f#|=2|4a|4b|4cc#|4dd|==|*-"), "a.krn")
    assert (tune.melody.metre, tune.melody.start, tune.melody.departures) == (Metre(0, 4), 0, (Departure(3),))


def test_a_tie_across_a_bar_line_of_free_metre_is_one_note() -> None:
    tune = tune_from_score(piece("**kern|*MX|4c|[4d|=2|4d]|4e|=3|4f|*-"), "a.krn")
    assert tune.melody.pitches.tolist() == [60, 62, 64, 65]
    assert tune.melody.durations.tolist() == [24, 48, 24, 24]
    assert tune.melody.departures == (Departure(3),)


def test_a_whole_rest_is_a_whole_note_long() -> None:
    tune = tune_from_score(piece("**kern|*MX|4c|1r|4d|0r|4e|*-"), "a.krn")
    assert tune.melody.pitches.tolist() == [60, REST, 62, REST, 64]
    assert tune.melody.durations.tolist() == [24, 96, 24, 192, 24]


def test_an_invisible_bar_line_is_none() -> None:
    assert bar_lines(piece("**kern|*M2/4|=1-|4c|4d|=2|4c|=3-|4d|=4|4c|*-")) == [0, 48, 96]


def test_the_key_is_the_one_at_the_beginning() -> None:
    (part,) = piece("**kern|*k[f#]|*e:|4e|*k[]|*C:|4c|*-").parts
    assert (part.key, part.sharps) == (Key(4, "minor"), None)
    (part,) = piece("**kern|*k[f#]|*G:ahava|4e|*-").parts
    assert (part.key, part.sharps) == (None, 1)


def test_a_transposing_instrument_is_reported() -> None:
    (part,) = piece("**kern|*ITrd-1c-2|4d|*-").parts
    assert [remark.detail for remark in part.remarks] == ["*ITrd-1c-2"]


# music21 as an independent reader ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["palestrina/Kyrie_71.krn", "palestrina/Benedictus_86.krn"])
def test_music21_reads_the_same_notes(name: str) -> None:
    """Onset and pitch of every note, tied notes joined, in each part."""
    content = (CORPUS / name).read_bytes()
    theirs = music21.converter.parseData(content.decode("latin-1"), format="humdrum")
    (only,) = split_pieces(content)
    parsed = parse_kern_piece(only)
    assert len(parsed.parts) == len(theirs.parts)
    for ours, part in zip(parsed.parts, theirs.parts, strict=True):
        expected = sorted(
            (Fraction(element.offset), pitch.midi)
            for element in part.stripTies().flatten().notes
            for pitch in element.pitches
        )
        assert sorted((sound.onset / 24, sound.pitch) for sound in ours.notes) == expected

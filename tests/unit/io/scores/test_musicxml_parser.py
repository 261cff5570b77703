"""MusicXML as programs write it, and music21 as an independent reader."""

from __future__ import annotations

import io
import zipfile
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import music21
import pytest

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.melody_line import ParsedScore
from chromasonic.melody_generation.io.scores.musicxml_parser import parse_musicxml
from chromasonic.melody_generation.io.tunes import (
    CHORD_SYMBOLS,
    CUE_NOTES,
    GRACE_NOTES,
    JUMPS,
    PERCUSSION,
    REPEATED_BARS,
    RHYTHM_SLASHES,
    UNREADABLE_SYMBOLS,
)
from chromasonic.melody_generation.measures.key_estimation import Key
from chromasonic.melody_generation.melody import Metre

CORPUS = Path(music21.__file__).parent / "corpus"
D_MAJOR = "<key><fifths>2</fifths><mode>major</mode></key>"
IN_4 = "<time><beats>4</beats><beat-type>4</beat-type></time>"


def note(step: str = "G", divisions: int = 1, extra: str = "", *, alter: str = "", before: str = "") -> str:
    sign = f"<alter>{alter}</alter>" if alter else ""
    pitch = f"<pitch><step>{step}</step>{sign}<octave>4</octave></pitch>" if step else "<rest/>"
    return f"<note>{before}{pitch}<duration>{divisions}</duration>{extra}</note>"


def score(*measures: str, attributes: str = D_MAJOR + IN_4, name: str = "", other_parts: str = "") -> bytes:
    """Return a score of one part with a quarter note as division."""
    bars = "".join(f"<measure>{measure}</measure>" for measure in measures)
    bars = bars.replace("<measure>", f"<measure><attributes><divisions>1</divisions>{attributes}</attributes>", 1)
    names = f'<part-list><score-part id="P1"><part-name>{name}</part-name></score-part></part-list>'
    return f'<score-partwise>{names}<part id="P1">{bars}</part>{other_parts}</score-partwise>'.encode()


def sounds(parsed: ParsedScore, part: int = 0) -> list[tuple[float, ...]]:
    """Return pitch, onset and end in quarter notes of the notes of a part, by rising pitch."""
    notes = parsed.parts[part].notes
    return sorted((note.pitch, float(note.onset / 24), float(note.end / 24)) for note in notes)


def bar_lines(parsed: ParsedScore) -> list[float]:
    return [float(tick) for tick in parsed.bar_lines or ()]


# One element that is not understood loses nothing --------------------------------------------------------------------

UNUSUAL = (
    "<accidental>slash-flat</accidental>",
    '<accidental smufl="accSagittal5CommaUp">other</accidental>',
    "<type>2048th</type>",
    "<stem>sideways</stem><notehead>fa up</notehead><beam number='99'>hook</beam>",
    "<notations><ornaments><shake-of-the-future/></ornaments><technical><fingering>x</fingering></technical></notations>",
    "<notations><tuplet type='stop' number='7'/><slur number='x'/></notations>",
    "<lyric><syllabic>nowhere</syllabic><text>la</text></lyric>",
    "<instrument id='none'/><play><mute>sock</mute></play>",
)
UNUSUAL_MEASURES = (
    "<direction><direction-type><metronome><beat-unit>blanca</beat-unit><per-minute>?</per-minute></metronome>"
    "</direction-type></direction>",
    "<harmony><root><root-step>H</root-step></root><kind>unheard-of</kind></harmony>",
    "<attributes><clef><sign>jianpu</sign></clef></attributes>",
    "<attributes><transpose><chromatic>few</chromatic></transpose></attributes>",
    "<barline location='left'><bar-style>zigzag</bar-style><ending number='a,b' type='maybe'/></barline>",
    "<print><system-layout><x/></system-layout></print><sound tempo='fast'/><figured-bass/><grouping/><listening/>",
)


@pytest.mark.parametrize("extra", UNUSUAL)
def test_an_unusual_sign_at_a_note_loses_nothing(extra: str) -> None:
    parsed = parse_musicxml(score(note("D") + note("E", 1, extra) + note("F", 2, alter="1")))
    assert sounds(parsed) == [(62, 0, 1), (64, 1, 2), (66, 2, 4)]


@pytest.mark.parametrize("element", UNUSUAL_MEASURES)
def test_an_unusual_element_between_notes_loses_nothing(element: str) -> None:
    parsed = parse_musicxml(score(note("D", 2) + element + note("E", 2)))
    assert sounds(parsed) == [(62, 0, 2), (64, 2, 4)]


@pytest.mark.parametrize(
    ("attributes", "key"),
    [
        (D_MAJOR, (Key(2, "major"), None)),
        ("<key><fifths>-2</fifths><mode>Dorian</mode></key>", (Key(0, "dorian"), None)),
        ("<key><fifths>-2</fifths></key>", (None, -2)),
        ("<key><fifths>3</fifths><mode>hijaz</mode></key>", (None, 3)),
        (
            "<key><key-step>B</key-step><key-alter>-1</key-alter><key-accidental>slash-flat</key-accidental></key>",
            (None, None),
        ),
        ("<key><fifths>two</fifths></key>", (None, None)),
        ("<key><fifths>99</fifths></key>", (None, None)),
    ],
)
def test_a_key_that_is_not_understood_becomes_no_other(attributes: str, key: tuple[Key | None, int | None]) -> None:
    (part,) = parse_musicxml(score(note(divisions=4), attributes=attributes + IN_4)).parts
    assert (part.key, part.sharps) == key


def test_the_key_is_the_one_at_the_beginning() -> None:
    later = f"<attributes>{D_MAJOR}</attributes>"
    (part,) = parse_musicxml(
        score(note(divisions=4) + later + note(divisions=4), attributes="<key><fifths>0</fifths></key>")
    ).parts
    assert (part.key, part.sharps) == (None, 0)


@pytest.mark.parametrize(
    ("time", "metre"),
    [
        ("<time><beats>3+2</beats><beat-type>8</beat-type></time>", Metre(5, 8)),
        ("<time><beats>2</beats><beat-type>4</beat-type><beats>3</beats><beat-type>8</beat-type></time>", Metre(7, 8)),
        ("<time><senza-misura/></time>", Metre(0, 4)),
        ("<time symbol='unknown'><beats>2</beats><beat-type>2</beat-type></time>", Metre(2, 2)),
        ("<time><beats>x</beats><beat-type>4</beat-type></time>", Metre(0, 4)),
        ("", Metre(0, 4)),
    ],
)
def test_metres(time: str, metre: Metre) -> None:
    assert [change.metre for change in parse_musicxml(score(note(divisions=4), attributes=time)).metres] == [metre]


# Notes that are no melody --------------------------------------------------------------------------------------------


def test_what_is_no_melody_is_counted_by_kind() -> None:
    unpitched = "<note><unpitched/><duration>1</duration></note>"
    (part,) = (
        parsed := parse_musicxml(
            score(
                "<note><grace/><pitch><step>A</step><octave>4</octave></pitch></note>"
                + note("D", 1, before="<cue/>")
                + note("E")
                + unpitched
                + "<harmony/>"
                + note("H")
                + note("F", 16) * 20
            )
        )
    ).parts
    assert part.left_out == {GRACE_NOTES: 1, CUE_NOTES: 1, PERCUSSION: 1, UNREADABLE_SYMBOLS: 1}
    assert parsed.left_out == {CHORD_SYMBOLS: 1}
    assert sounds(parsed)[0] == (64, 1, 2)


def test_jumps_and_signs_that_repeat_bars_are_counted() -> None:
    jump = "<direction><direction-type><words>D.C.</words></direction-type><sound dacapo='yes'/></direction>"
    repeat = "<attributes><measure-style><measure-repeat type='start'>1</measure-repeat></measure-style></attributes>"
    parsed = parse_musicxml(score(note(), repeat + note(), note() + jump))
    assert parsed.left_out == {JUMPS: 1, REPEATED_BARS: 1}


def test_an_ossia_is_no_melody() -> None:
    details = "<staves>2</staves><staff-details number='1'><staff-type>ossia</staff-type></staff-details>"
    upper, lower = note("B", 4, "<staff>1</staff>"), note("D", 4, "<staff>2</staff>")
    back = "<backup><duration>4</duration></backup>"
    parsed = parse_musicxml(score(upper + back + lower, attributes=IN_4 + details))
    assert [len(part.notes) for part in parsed.parts] == [0, 1]
    assert parsed.left_out == {CUE_NOTES: 1}
    assert parse_musicxml(score(note(), name="Ossia")).left_out == {CUE_NOTES: 1}


def test_percussion_and_rhythm_slashes_are_no_melody() -> None:
    percussion = "<clef><sign>percussion</sign></clef>"
    assert parse_musicxml(score(note() * 3, attributes=percussion)).left_out == {PERCUSSION: 3}
    (part,) = parse_musicxml(score(note(extra="<notehead>slash</notehead>") * 3 + note())).parts
    assert (part.left_out, len(part.notes)) == ({RHYTHM_SLASHES: 3}, 1)


def test_a_namespace_costs_nothing() -> None:
    content = score(note()).replace(
        b"<score-partwise>", b'<score-partwise xmlns="http://www.musicxml.org/xsd/MusicXML">'
    )
    assert sounds(parse_musicxml(content)) == [(67, 0, 1)]


def test_names_and_syllables_belong_to_parts() -> None:
    lyric = "<lyric><text>la</text></lyric>"
    (part,) = parse_musicxml(score(note(extra=lyric) * 3 + note(), name="Solo\n Voice")).parts
    assert (part.name, part.n_lyrics) == ("Solo Voice", 3)


def test_figures_of_a_bass_are_no_syllables() -> None:
    figures = [f"<lyric><text>{figure}</text></lyric>" for figure in ("6", "n", "7/3")]
    (part,) = parse_musicxml(score("".join(note(extra=figure) for figure in figures))).parts
    assert part.n_lyrics == 0


def test_a_transposing_instrument_is_reported() -> None:
    transpose = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    (part,) = (parsed := parse_musicxml(score(note("D", 4), attributes=D_MAJOR + IN_4 + transpose))).parts
    assert sounds(parsed) == [(62, 0, 4)]
    assert [remark.detail for remark in part.remarks] == ["it sounds 2 semitones lower"]


def test_microtones_are_rounded_and_reported() -> None:
    (part,) = (parsed := parse_musicxml(score(note("D", alter="0.5") + note("E", alter="-1")))).parts
    assert [pitch for pitch, *_ in sounds(parsed)] == [63, 63]
    assert [remark.detail for remark in part.remarks] == ["1 notes"]


@pytest.mark.parametrize("fault", [note("H"), note("C", alter="sharp"), note("C", -1), note("C", 0)])
def test_a_melody_of_notes_that_cannot_be_read_raises_an_error(fault: str) -> None:
    with pytest.raises(InputError, match="1 of its 9 notes"):
        parse_musicxml(score(note() * 8 + fault))


def test_notes_where_the_standard_has_none_are_missed() -> None:
    """The second count, of all notes with a pitch, finds them."""
    with pytest.raises(InputError, match="4 of its 8 notes"):
        parse_musicxml(score(note() * 4, f"<unknown>{note() * 4}</unknown>"))


# Time ----------------------------------------------------------------------------------------------------------------


def test_a_whole_rest_lasts_as_long_as_it_says() -> None:
    """Only its duration counts, whether or not it fills the bar."""
    in_3 = "<time><beats>3</beats><beat-type>4</beat-type></time>"
    whole = note("", 3, "<type>whole</type>")
    assert sounds(parse_musicxml(score(whole, note(divisions=3), attributes=in_3))) == [(67, 3, 6)]
    free = "<time><senza-misura/></time>"
    rests = note("", 4, "<type>whole</type>") + note("", 8, "<type>breve</type>")
    assert sounds(parse_musicxml(score(rests + note(), attributes=free))) == [(67, 12, 13)]


def test_a_missing_duration_is_that_of_the_written_note() -> None:
    half = note("D", 1, "<type>half</type><dot/>").replace("<duration>1</duration>", "")
    assert sounds(parse_musicxml(score(half + note()))) == [(62, 0, 3), (67, 3, 4)]


def test_tuplets_are_exact_where_the_divisions_are_too_coarse() -> None:
    ratio = "<actual-notes>3</actual-notes><normal-notes>2</normal-notes>"
    tuplet = f"<type>eighth</type><time-modification>{ratio}</time-modification>"
    triplet = note("C", 33, tuplet) + note("D", 33, tuplet) + note("E", 33, tuplet)
    back = "<backup><duration>99</duration></backup>"
    below = note("F", 100, "<type>quarter</type>")
    content = score(triplet + back + below + note("G", 300)).replace(b"<divisions>1<", b"<divisions>100<")
    third = 1 / 3
    assert sounds(parse_musicxml(content)) == [
        (60, 0, third),
        (62, third, 2 * third),
        (64, 2 * third, 1),
        (65, 0, 1),
        (67, 1, 4),
    ]


def test_parts_stay_together_where_one_has_a_short_measure() -> None:
    other = f'<part id="P2"><measure>{note("C", 2)}</measure><measure>{note("C", 4)}</measure></part>'
    parsed = parse_musicxml(score(note("D", 4), note("E", 4), other_parts=other))
    assert sounds(parsed, 0)[1] == (64, 4, 8)
    assert sounds(parsed, 1)[1] == (60, 4, 8)


def test_an_empty_measure_is_as_long_as_a_bar() -> None:
    parsed = parse_musicxml(score(note(divisions=4), "", note(divisions=4)))
    assert bar_lines(parsed) == [0, 96, 192]


def test_a_measure_that_is_cut_for_a_line_break_is_one() -> None:
    cut = note(divisions=2) + '<barline location="right"><bar-style>none</bar-style></barline>'
    assert bar_lines(parse_musicxml(score(cut, note(divisions=2), note(divisions=4)))) == [0, 96]


def test_a_timewise_score_is_read() -> None:
    parts = (f'<part id="P1"><attributes>{IN_4}</attributes>{note(step, 4)}</part>' for step in "DE")
    measures = "".join(f"<measure>{part}</measure>" for part in parts)
    parsed = parse_musicxml(f"<score-timewise>{measures}</score-timewise>".encode())
    assert sounds(parsed) == [(62, 0, 4), (64, 4, 8)]


@pytest.mark.parametrize("root", ["opus", "html", "container"])
def test_other_documents_raise_an_error(root: str) -> None:
    with pytest.raises(InputError):
        parse_musicxml(f"<{root}/>".encode())


def test_titles() -> None:
    content = score(note()).replace(b"<part-list>", b"<movement-title>The\n Song</movement-title><part-list>")
    assert parse_musicxml(content).title == "The Song"
    work = b"<work><work-title>Songs</work-title></work><movement-title>"
    assert parse_musicxml(content.replace(b"<movement-title>", work)).title == "Songs"
    assert parse_musicxml(score(note())).title == ""


# music21 as an independent reader ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bach/bwv66.6.mxl", "leadSheet/fosterBrownHair.mxl", "demos/two-parts.xml"])
def test_music21_reads_the_same_notes(name: str) -> None:
    """Onset, duration and pitch of every note, tied notes apart, in each staff."""
    content = (CORPUS / name).read_bytes()
    if name.endswith("mxl"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            content = archive.read(next(entry for entry in archive.namelist() if not entry.startswith("META-INF")))
    theirs = music21.converter.parseData(content.decode(), format="musicxml")
    parsed = parse_musicxml(content)
    assert len(parsed.parts) == len(theirs.parts)
    for ours, part in zip(parsed.parts, theirs.parts, strict=True):
        notes = [element for element in part.stripTies().flatten().notes if not element.duration.isGrace]
        expected = sorted(
            (Fraction(element.offset), pitch.midi)
            for element in notes
            if "Harmony" not in element.classes
            for pitch in element.pitches
        )
        assert sorted((sound.onset / 24, sound.pitch) for sound in ours.notes) == expected
    n_written = sum(element.find("pitch") is not None for element in ElementTree.fromstring(content).iter("note"))
    assert n_written >= sum(len(part.notes) for part in parsed.parts)

"""Signs of form, chord symbols and headings of MusicXML."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from chromasonic.melody_generation.form import KINDS, QUALITIES, Chord, kind_of
from chromasonic.melody_generation.io.scores.musicxml_signs import (
    chord_in,
    is_jump,
    marks_at,
    parse_passes,
    part_name_in,
    subtitles_in,
)
from chromasonic.melody_generation.io.write_musicxml import to_musicxml
from chromasonic.melody_generation.melody import Melody


@pytest.mark.parametrize("quality", QUALITIES)
def test_every_chord_that_we_write_is_read(quality: str) -> None:
    for root in range(12):
        chord = Chord(0, root, quality, (root + 4) % 12)
        score = ElementTree.fromstring(to_musicxml(Melody([60], [96], chords=(chord,)), 120))
        harmony = score.find("part/measure/harmony")
        assert harmony is not None
        assert chord_in(harmony) == chord


def harmony(
    kind: str, *, text: str = "", degree: tuple[str, str] | None = None, root: str = "G"
) -> ElementTree.Element:
    degrees = ""
    if degree:
        degrees = f"<degree><degree-value>{degree[0]}</degree-value><degree-alter>{degree[1]}</degree-alter></degree>"
    return ElementTree.fromstring(
        f"<harmony><root><root-step>{root}</root-step></root><kind text='{text}'>{kind}</kind>{degrees}</harmony>"
    )


@pytest.mark.parametrize(
    ("element", "quality"),
    [
        (harmony("dominant-ninth"), "7"),
        (harmony("minor-11th"), "m7"),
        (harmony("major-13th"), "maj7"),
        (harmony("other", text="m7b5"), "m7b5"),
        (harmony("minor-seventh", degree=("5", "-1")), "m7b5"),
        (harmony("suspended-fourth", degree=("7", "-1")), "7sus4"),
        (harmony("major", degree=("9", "0")), "major"),
        (harmony("none", text="N.C."), None),
        (harmony("other", text="?"), None),
        (harmony("Tristan"), None),
        (harmony("major", root="H"), None),
        (ElementTree.fromstring("<harmony><numeral><numeral-root>5</numeral-root></numeral></harmony>"), None),
    ],
)
def test_chords_of_other_programs(element: ElementTree.Element, quality: str | None) -> None:
    chord = chord_in(element)
    assert (chord.quality if chord else None) == quality
    assert chord is None or chord.root == 7


@pytest.mark.parametrize(
    ("content", "signs"),
    [
        ("<repeat direction='forward'/>", ["|:"]),
        ("<bar-style>light-heavy</bar-style><ending number='1' type='stop'/><repeat direction='backward'/>", [":|"]),
        ("<ending number='2' type='discontinue'/>", ["||"]),
        ("<bar-style>light-light</bar-style>", ["||"]),
        ("<bar-style>regular</bar-style>", []),
        ("<ending number='1, 2' type='start'/><repeat direction='forward'/>", ["|:", "["]),
        ("<ending number='x' type='start'/>", []),
        ("<repeat direction='sideways'/>", []),
    ],
)
def test_signs_of_bar_lines(content: str, signs: list[str]) -> None:
    assert [mark.sign.value for mark in marks_at(ElementTree.fromstring(f"<barline>{content}</barline>"))] == signs


@pytest.mark.parametrize(
    ("numbers", "passes"),
    [
        ("1", (1,)),
        ("1,2", (1, 2)),
        (" 1., 3 ", (1, 3)),
        ("2-4", (2, 3, 4)),
        ("0", ()),
        ("17", ()),
        ("", ()),
        ("1,1", (1,)),
    ],
)
def test_passes_of_endings(numbers: str, passes: tuple[int, ...]) -> None:
    assert parse_passes(numbers) == passes


@pytest.mark.parametrize(("text", "name"), [("A", "A"), (" b ", "b"), ("12", ""), ("Trio", ""), ("A1", ""), ("", "")])
def test_only_single_letters_are_parts(text: str, name: str) -> None:
    direction = f"<direction><direction-type><rehearsal>{text}</rehearsal></direction-type></direction>"
    assert part_name_in(ElementTree.fromstring(direction)) == name


def test_kinds_are_read_from_fields_and_headings() -> None:
    credits_ = "".join(
        f"<credit><credit-type>{kind}</credit-type><credit-words>{words}</credit-words></credit>"
        for kind, words in (("composer", "J. Reel"), ("subtitle", "Slip Jig"))
    )
    root = ElementTree.fromstring(f"<score-partwise><movement-title>March</movement-title>{credits_}</score-partwise>")
    assert subtitles_in(root) == ("Slip Jig", "March")


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_that_we_write_is_read(kind: str) -> None:
    root = ElementTree.fromstring(to_musicxml(Melody([60], [96], kind=kind), 120))
    assert kind_of(*subtitles_in(root)) == kind


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("<direction><sound dacapo='yes'/></direction>", True),
        ("<direction><direction-type><words>D.S. al Coda</words></direction-type></direction>", True),
        ("<direction><direction-type><words>To Coda</words></direction-type></direction>", True),
        ("<direction><direction-type><segno/></direction-type></direction>", True),
        ("<sound fine='yes'/>", True),
        ("<direction><direction-type><words>Finely</words></direction-type><sound tempo='90'/></direction>", False),
        ("<direction><direction-type><rehearsal>D</rehearsal></direction-type></direction>", False),
    ],
)
def test_jumps_are_recognised(content: str, expected: bool) -> None:
    assert is_jump(ElementTree.fromstring(content)) is expected

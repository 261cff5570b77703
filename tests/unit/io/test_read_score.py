"""MusicXML and kern files; MIDI has its own tests."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io import music_files
from chromasonic.melody_generation.io import read_score as scores
from chromasonic.melody_generation.io.read_score import parse_scores, read_score
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune
from chromasonic.melody_generation.melody import REST, Departure, Metre

SCORE = (
    '<?xml version="1.0"?><score-partwise version="4.0">{head}<part-list>{names}</part-list>{parts}</score-partwise>'
)


def note(step: str, octave: int, quarters: float, extra: str = "", *, chord: bool = False) -> str:
    """Return a note of a MusicXML measure with 24 divisions to the quarter."""
    pitch = f"<pitch><step>{step}</step><octave>{octave}</octave></pitch>" if step else "<rest/>"
    return f"<note>{'<chord/>' * chord}{pitch}<duration>{round(24 * quarters)}</duration>{extra}</note>"


def attributes(beats: int = 3, unit: int = 4, sharps: int = 1, mode: str = "<mode>major</mode>") -> str:
    return (
        f"<attributes><divisions>24</divisions><key><fifths>{sharps}</fifths>{mode}</key>"
        f"<time><beats>{beats}</beats><beat-type>{unit}</beat-type></time></attributes>"
    )


def musicxml(*parts: list[str], head: str = "") -> str:
    """Return a score; each part is a list of the contents of its measures."""
    names = "".join(f'<score-part id="P{i}"><part-name>P{i}</part-name></score-part>' for i in range(len(parts)))
    content = "".join(
        f'<part id="P{i}">'
        + "".join(f'<measure number="{n + 1}">{measure}</measure>' for n, measure in enumerate(part))
        + "</part>"
        for i, part in enumerate(parts)
    )
    return SCORE.format(head=head, names=names, parts=content)


WALTZ = [
    attributes() + note("D", 5, 1),
    note("G", 5, 2) + note("B", 5, 1),
    note("A", 5, 1.5) + note("G", 5, 0.5) + note("", 0, 1),
    note("G", 5, 3),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tune.musicxml"


def test_a_musicxml_waltz_with_an_upbeat_is_read(file: Path) -> None:
    file.write_text(musicxml(WALTZ, head="<work><work-title>The Waltz</work-title></work>"))
    tune = read_score(file)
    melody = tune.melody
    assert melody.pitches.tolist() == [74, 79, 83, 81, 79, REST, 79]
    assert melody.durations.tolist() == [24, 48, 24, 36, 12, 24, 72]
    assert (melody.metre, melody.start, melody.departures) == (Metre(3, 4), 48, ())
    assert (melody.tonic, melody.mode) == (7, "major")
    assert (melody.title, melody.source, melody.corpus) == ("The Waltz", "tune.musicxml", "unknown")
    assert (tune.n_overruns, tune.n_ticks_rounded) == (0, 0)


def test_a_compressed_musicxml_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tune.mxl"
    container = '<?xml version="1.0"?><container><rootfiles><rootfile full-path="t.xml"/></rootfiles></container>'
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("t.xml", musicxml(WALTZ))
    assert read_score(path).melody.pitches.tolist() == [74, 79, 83, 81, 79, REST, 79]


def test_the_file_name_replaces_a_missing_title(file: Path) -> None:
    file.write_text(musicxml(WALTZ))
    assert read_score(file).melody.title == "tune"


@pytest.mark.parametrize("title", ["bwv1.mxl", "Untitled.XML", "No_26.krn"])
def test_a_file_name_is_no_title(title: str, file: Path) -> None:
    file.write_text(musicxml(WALTZ, head=f"<work><work-title>{title}</work-title></work>"))
    assert read_score(file).melody.title == "tune"


def test_ties_are_joined_and_grace_notes_and_chord_symbols_are_omitted(file: Path) -> None:
    start, stop = '<tie type="start"/>', '<tie type="stop"/>'
    grace = "<note><grace/><pitch><step>C</step><octave>6</octave></pitch></note>"
    symbol = "<harmony><root><root-step>C</root-step></root><kind>major</kind></harmony>"
    file.write_text(
        musicxml(
            [
                attributes() + symbol + note("G", 4, 1) + note("B", 4, 2, start),
                note("B", 4, 3, stop + start),
                note("B", 4, 1, stop) + grace + note("G", 4, 2),
            ]
        )
    )
    melody = read_score(file).melody
    assert melody.pitches.tolist() == [67, 71, 67]
    assert melody.durations.tolist() == [24, 48 + 72 + 24, 48]


def test_the_highest_line_of_chords_and_voices_is_the_melody(file: Path) -> None:
    back = "<backup><duration>72</duration></backup>"
    upper = note("C", 5, 1) + note("E", 5, 1, chord=True) + note("G", 5, 2)
    lower = "".join(note(step, 4, 1, "<voice>2</voice>") for step in "CDE")
    file.write_text(musicxml([attributes() + upper + back + lower, note("C", 5, 3)]))
    assert read_score(file).melody.pitches.tolist() == [76, 79, 72]


def test_the_upper_part_is_the_melody(file: Path) -> None:
    bass = [attributes() + note("G", 2, 1), note("G", 2, 3), note("D", 3, 3), note("G", 2, 3)]
    file.write_text(musicxml(bass, WALTZ))
    assert read_score(file).melody.pitches.tolist() == [74, 79, 83, 81, 79, REST, 79]


def test_a_change_of_metre_and_a_short_bar_are_departures(file: Path) -> None:
    change = "<attributes><time><beats>2</beats><beat-type>4</beat-type></time></attributes>"
    file.write_text(
        musicxml([attributes() + note("G", 4, 3), change + note("A", 4, 2), note("B", 4, 1), note("G", 4, 2)])
    )
    melody = read_score(file).melody
    assert melody.departures[:2] == (Departure(1, Metre(2, 4)), Departure(3))


def test_a_key_signature_without_a_mode_is_resolved_by_the_notes(file: Path) -> None:
    tune = note("E", 5, 1) + note("F", 5, 0.5, "") + note("G", 5, 0.5) + note("E", 5, 1)
    file.write_text(musicxml([attributes(mode="") + tune, note("B", 4, 1) + note("E", 5, 2)]))
    melody = read_score(file).melody
    assert (melody.tonic, melody.mode) == (4, "minor")


def test_triplets_are_exact(file: Path) -> None:
    triplet = "<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes></time-modification>"
    notes = "".join(note(step, 5, 1 / 3, triplet) for step in "CDE")
    file.write_text(musicxml([attributes(2) + notes + note("C", 5, 1), note("C", 5, 2)]))
    tune = read_score(file)
    assert tune.melody.durations.tolist() == [8, 8, 8, 24, 48]
    assert tune.n_ticks_rounded == 0


def test_repeats_are_read_as_written(file: Path) -> None:
    end = '<barline location="right"><repeat direction="backward"/></barline>'
    file.write_text(musicxml([attributes() + note("G", 4, 3), note("A", 4, 3) + end, note("B", 4, 3)]))
    assert read_score(file).melody.pitches.tolist() == [67, 69, 71]


def test_a_kern_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tune.krn"
    spine = "**kern *M3/4 *k[f#] *G: 4d =1 2g 4b =2 [2.a =3 4a] 4r 8g 8f# =4 2.g == *-"
    path.write_text("!!!OTL: The Song\n" + spine.replace(" ", "\n") + "\n")
    melody = read_score(path).melody
    assert melody.pitches.tolist() == [62, 67, 71, 69, REST, 67, 66, 67]
    assert melody.durations.tolist() == [24, 48, 24, 96, 24, 12, 12, 72]
    assert (melody.metre, melody.start, melody.tonic, melody.mode) == (Metre(3, 4), 48, 7, "major")
    assert melody.title == "The Song"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.mid", b""),
        ("b.mid", b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x01\xe0MTrk\x00\x00\xff\xff\x00"),
        ("c.midi", b"this is no music"),
        ("d.xml", b""),
        ("e.musicxml", b"<score-partwise><part-list>"),
        ("f.xml", b"<html><body>nothing</body></html>"),
        ("g.mxl", b"PK\x03\x04 half an archive"),
        ("h.krn", b""),
        ("i.krn", b"no spine at all\n"),
        ("j.musicxml", musicxml([attributes() + note("", 0, 3)]).encode()),
        ("k.txt", b"abc"),
    ],
)
def test_an_unreadable_file_raises_a_one_line_error_with_its_name(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_score(path)
    message = str(error.value)
    assert message.startswith(f"{name} cannot be ")
    assert "\n" not in message


@pytest.mark.parametrize("beats", ["2147483647", "&#50;147483647", "3+2147483647", "2_147_483_647"])
def test_absurdly_many_beats_raise_an_error(beats: str, file: Path) -> None:
    """A sum of a metre and a note would pass 64 bits."""
    text = musicxml([attributes() + note("C", 4, 1)]).replace("<beats>3<", f"<beats>{beats}<")
    assert beats in text
    file.write_text(text)
    archive = file.with_suffix(".mxl")
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("score.musicxml", text)
    kern = file.with_suffix(".krn")
    kern.write_text(f"**kern\n*M{beats.replace('&#50;', '2')}/4\n4c\n*-\n")
    for path in (file, archive, kern):
        with pytest.raises(InputError, match=rf"{path.name} cannot be used: it has a metre of .* beats"):
            read_score(path)


def test_a_missing_file_raises_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.mid cannot be read"):
        read_score(tmp_path / "none.mid")


def test_files_that_are_too_large_raise_an_error(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setattr(music_files, "MAX_BYTES", 2000)
    file.write_text(musicxml(WALTZ * 10))
    with pytest.raises(InputError, match="larger than 2000 bytes"):
        read_score(file)


def test_an_archive_that_unpacks_to_too_much_raises_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "MAX_BYTES", 2000)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.xml", "<a>" * 10_000)
    with pytest.raises(InputError, match="unpacks to more than 2000 bytes"):
        list(parse_scores(content.getvalue(), ".mxl", "bomb.mxl"))


def test_xml_entities_do_not_read_other_files(tmp_path: Path, file: Path) -> None:
    (tmp_path / "secret.txt").write_text("SECRET")
    entity = f'<!DOCTYPE score-partwise [<!ENTITY other SYSTEM "{(tmp_path / "secret.txt").as_uri()}">]>'
    content = musicxml(WALTZ, head="<work><work-title>&other;</work-title></work>")
    file.write_text(content.replace('<?xml version="1.0"?>', f'<?xml version="1.0"?>{entity}'))
    try:
        title = read_score(file).melody.title
    except InputError as problem:
        title = str(problem)
    assert "SECRET" not in title


@pytest.mark.parametrize("name", ["two.krn", "two.mxl"])
def test_two_pieces_in_one_file_are_two(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name.endswith("krn"):
        path.write_text("!!!OTL: One\n**kern\n*M2/4\n4c\n4d\n*-\n!!!OTL: Two\n**kern\n*M2/4\n4e\n4f\n*-\n")
    else:  # an archive without a container names no score as the first
        with zipfile.ZipFile(path, "w") as archive:
            for title, step in (("One", "C"), ("Two", "E")):
                head = f"<work><work-title>{title}</work-title></work>"
                archive.writestr(f"{title}.xml", musicxml([attributes() + note(step, 4, 3)], head=head))
    first, second = parse_scores(path.read_bytes(), path.suffix, name)
    assert isinstance(first, WrittenTune)
    assert isinstance(second, WrittenTune)
    assert (first.melody.title, first.melody.source, int(first.melody.pitches[0])) == ("One", f"{name}:1", 60)
    assert (second.melody.title, second.melody.source, int(second.melody.pitches[0])) == ("Two", f"{name}:2", 64)
    assert read_score(path).melody == first.melody


def test_a_piece_of_several_without_notes_is_dropped_alone() -> None:
    content = b"**kern\n4c\n*-\n**kern\n4r\n*-\n**kern\n4d\n*-\n"
    tunes = list(parse_scores(content, ".krn", "a.krn"))
    assert [isinstance(tune, DroppedTune) for tune in tunes] == [False, True, False]
    assert tunes[1] == DroppedTune("a.krn:2", "cannot be used: it has no pitched notes")


def test_the_key_is_that_of_the_part_that_is_read() -> None:
    """A clarinet in B flat has two sharps more."""
    clarinet = [attributes(sharps=2) + note("D", 4, 3)]
    flute = [attributes(sharps=0) + note("C", 5, 3)]
    (tune,) = parse_scores(musicxml(clarinet, flute).encode(), ".xml", "a.xml")
    assert isinstance(tune, WrittenTune)
    assert (tune.melody.tonic, tune.melody.pitches.tolist()) == (0, [72])

"""Archives of MusicXML, and encodings of XML."""

from __future__ import annotations

import io
import zipfile

import pytest

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.scores.musicxml_archive import parse_xml, unpack_musicxml

PDF = '<rootfile media-type="application/pdf" full-path="a.pdf"/>'
PDF_FIRST = f'<container>{PDF}<rootfile full-path="/b.musicxml"/></container>'


def archive(container: str | None, *names: str) -> bytes:
    """Return an archive whose files hold their own names."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        if container is not None:
            packed.writestr("META-INF/container.xml", container)
        for name in names:
            packed.writestr(name, name)
    return content.getvalue()


def container(*paths: str, namespace: str = "") -> str:
    files = "".join(f'<rootfile full-path="{path}"/>' for path in paths)
    return f"<container{namespace}><rootfiles>{files}</rootfiles></container>"


@pytest.mark.parametrize(
    ("description", "scores"),
    [
        (container("b.musicxml", "a.pdf"), [b"b.musicxml"]),
        (container("music/c.dat", "a.musicxml"), [b"music/c.dat"]),
        (
            container("b.musicxml", namespace=' xmlns="urn:oasis:names:tc:opendocument:xmlns:container"'),
            [b"b.musicxml"],
        ),
        (PDF_FIRST, [b"b.musicxml"]),
        (container("missing.xml"), [b"a.musicxml", b"b.musicxml"]),
        ("<container", [b"a.musicxml", b"b.musicxml"]),
        (None, [b"a.musicxml", b"b.musicxml"]),
    ],
)
def test_the_first_rootfile_is_the_score(description: str | None, scores: list[bytes]) -> None:
    content = archive(description, "a.musicxml", "music/c.dat", "a.pdf", "b.musicxml")
    assert unpack_musicxml(content, 1000) == scores


def test_content_that_is_no_archive_is_returned() -> None:
    assert unpack_musicxml(b"<score-partwise/>", 1000) == [b"<score-partwise/>"]


@pytest.mark.parametrize("content", [archive(None, "a.pdf"), b"PK half", archive(None, "a.xml" * 300)])
def test_an_archive_without_a_score_raises_an_error(content: bytes) -> None:
    with pytest.raises(InputError):
        unpack_musicxml(content, 1000)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_a_wrong_declaration_of_the_encoding_costs_nothing(encoding: str) -> None:
    text = '<?xml version="1.0" encoding="UTF-8"?><title>Für Élise</title>'
    assert parse_xml(text.encode(encoding)).text == "Für Élise"


def test_space_before_the_declaration_costs_nothing() -> None:
    assert parse_xml(b'\n <?xml version="1.0"?><a/>').tag == "a"


def test_xml_that_is_not_well_formed_raises_an_error_with_the_place() -> None:
    with pytest.raises(InputError, match="line 2, column 3"):
        parse_xml(b"<a>\n</b>")


def test_files_of_a_system_beside_the_score_are_none() -> None:
    assert unpack_musicxml(archive(None, "__MACOSX/._a.xml", "._b.xml", "c.xml"), 10_000) == [b"c.xml"]

"""Find the score of a compressed MusicXML file, and parse XML in the encodings that programs write.

Source: MusicXML 4.0, "Compressed .MXL files" (W3C Community Group Report, 2021). The first rootfile of
``META-INF/container.xml`` is the score; the others are renditions of it.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from xml.etree import ElementTree

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.untrusted_files import unpack_zip

_CONTAINER = "META-INF/container.xml"
_FOLDERS_OF_OTHER_FILES = {"META-INF", "__MACOSX"}
_SCORE_SUFFIXES = {".musicxml", ".xml"}


def unpack_musicxml(content: bytes, max_bytes: int) -> list[bytes]:
    """Return the scores of an archive; content that is no archive is returned as it is.

    Args:
        content: The content of the file.
        max_bytes: The most bytes that an entry may have.

    Returns:
        The score that the container names; without a container that names one, all scores in the order of the archive.

    Raises:
        InputError: If there is no score, or the archive is damaged or too large.
    """
    if not content.startswith(b"PK"):
        return [content]
    try:
        scores = _named_score(content, max_bytes) or [entry for _, entry in unpack_zip(content, max_bytes, _is_score)]
    except ValueError as problem:
        raise InputError(str(problem)) from problem
    if not scores:
        raise InputError("the archive has no score")
    return scores


def _named_score(content: bytes, max_bytes: int) -> list[bytes]:
    """Return the score that the container names, or nothing."""
    containers = [entry for _, entry in unpack_zip(content, max_bytes, lambda name: name == _CONTAINER)]
    try:
        elements = [element for container in containers for element in parse_xml(container).iter()]
    except InputError:
        return []
    files = [element for element in elements if element.tag == "rootfile"]
    scores = [file for file in files if "xml" in file.get("media-type", "xml")]
    if not scores:
        return []
    path = PurePosixPath(scores[0].get("full-path", "").lstrip("/"))
    return [entry for _, entry in unpack_zip(content, max_bytes, lambda name: PurePosixPath(name) == path)]


def _is_score(name: str) -> bool:
    path = PurePosixPath(name)
    if not _FOLDERS_OF_OTHER_FILES.isdisjoint(path.parts) or path.name.startswith("._"):
        return False
    return path.suffix.lower() in _SCORE_SUFFIXES or path.name in _SCORE_SUFFIXES


def parse_xml(document: bytes) -> ElementTree.Element:
    """Parse XML whose encoding may differ from the one that it declares; names lose their namespaces.

    Raises:
        InputError: If it is no well-formed XML; the message names the place.
    """
    root = _parsed(document.lstrip(b" \t\r\n"))
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _parsed(document: bytes) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(document)
    except (ElementTree.ParseError, LookupError, ValueError) as problem:
        for encoding in ("utf-16", "utf-16-le", "cp1252"):
            try:
                return ElementTree.fromstring(document.decode(encoding))
            except (ElementTree.ParseError, LookupError, ValueError):
                continue
        line, column = getattr(problem, "position", (1, 0))
        raise InputError(f"it is no well-formed XML at line {line}, column {column + 1}") from problem

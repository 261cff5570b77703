"""Split a Humdrum file into pieces: each begins with a line of ``**`` interpretations and ends with one of ``*-``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.tunes import JUMP_WORDS

_BEGIN = re.compile(r"\*\*\w[^\s]*(?:\t+\*\*\w[^\s]*)*")
_END = re.compile(r"\*-(?:\t+\*-)*")
_RECORD = re.compile(r"!!!(OTL|OMD|OPR|AGN)[^:]*:\s*(\S.*)")
# An interpretation such as *Fine, or the text of a layout comment such as !LO:TX:a:t=D.C. al Fine, in any column.
_JUMP = re.compile(rf"(?:^|\t)(?:\*|!!?LO:[^\t]*\bt=){JUMP_WORDS}", re.IGNORECASE)
_MAX_PIECES = 100_000  # each one that is left out takes a line of the report
_TITLE_RECORDS = ("OTL", "OMD", "OPR")  # of the work, the movement, the collection


@dataclass
class KernPiece:
    """The lines of a piece.

    Attributes:
        interpretations: The exclusive interpretations of its columns, such as ``**kern``.
        lines: Number and content of the lines that follow, without blank ones.
        title: Its title; one without a title of its own has the title of the file.
        genre: Its genre.
        n_text_lines: Number of lines before it that are neither music nor a comment.
        n_jumps: Number of lines with signs of jumps.
    """

    interpretations: list[str]
    lines: list[tuple[int, str]] = field(default_factory=list)
    title: str = ""
    genre: str = ""
    n_text_lines: int = 0
    n_jumps: int = 0


def split_pieces(content: bytes) -> list[KernPiece]:
    r"""Split a file into its pieces.

    Raises:
        InputError: If no line begins a piece, or there are too many pieces.

    Example:
        >>> [piece.n_text_lines for piece in split_pieces(b"Some words\n**kern\n4c\n*-\n**kern\n4d\n*-\n")]
        [1, 0]
    """
    pieces: list[KernPiece] = []
    records: list[dict[str, str]] = [{}]  # before each piece and in it; the last after the last piece
    n_text_lines, is_inside = 0, False
    for number, raw in enumerate(_decoded(content).splitlines(), 1):
        line = raw.strip(" \t\r\n\ufeff")
        if record := _RECORD.match(line):
            records[-1].setdefault(record[1], " ".join(record[2].split()))
        elif _BEGIN.fullmatch(line):
            if is_inside:
                records.append({})
            pieces.append(KernPiece(re.split(r"\t+", line), n_text_lines=n_text_lines))
            n_text_lines, is_inside = 0, True
        elif is_inside and _END.fullmatch(line):
            records.append({})
            is_inside = False
        elif is_inside and line:
            pieces[-1].n_jumps += bool(_JUMP.search(line))
            if not line.startswith("!"):
                pieces[-1].lines.append((number, line))
        elif line and not line.startswith(("!", "*")):
            n_text_lines += 1
    if not pieces:
        raise InputError("it has no line that begins the music, such as **kern")
    if len(pieces) > _MAX_PIECES:
        raise InputError(
            f"it has {len(pieces)} pieces, more than the limit of {_MAX_PIECES}: cut it into several files"
        )
    # Records below the music are those of the piece, if there is one.
    titled = records if len(pieces) == 1 else records[:1]
    file_title = next((title for piece_records in titled if (title := _best_title(piece_records))), "")
    for piece, piece_records in zip(pieces, records, strict=False):
        piece.title = _best_title(piece_records) or file_title
        piece.genre = piece_records.get("AGN", "")
    if len(pieces) == 1:  # some files end with it
        pieces[0].genre = pieces[0].genre or records[-1].get("AGN", "")
    return pieces


def _best_title(records: dict[str, str]) -> str:
    return next((records[code] for code in _TITLE_RECORDS if code in records), "")


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")

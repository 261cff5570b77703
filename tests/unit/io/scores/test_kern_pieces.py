"""Pieces of a Humdrum file."""

from __future__ import annotations

import pytest

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.scores import kern_pieces
from chromasonic.melody_generation.io.scores.kern_pieces import split_pieces


def test_every_line_of_interpretations_begins_a_piece() -> None:
    content = b"!!!OTL: One\n**kern\t**text\n4c\tla\n*-\t*-\nbetween\n!!!OTL@DE: Zwei\n**kern\n4d\n**kern\n4e\n*-\n"
    first, second, third = split_pieces(content)
    assert first.interpretations == ["**kern", "**text"]
    assert first.lines == [(3, "4c\tla")]
    assert second.lines == [(8, "4d")]
    assert (first.n_text_lines, second.n_text_lines) == (0, 1)
    assert [piece.title for piece in (first, second, third)] == ["One", "Zwei", "One"]


def test_a_title_after_the_music_is_found() -> None:
    (piece,) = split_pieces(b"!!!OMD: Allegro\n**kern\n4c\n*-\n!!!OTL: Late\n")
    assert piece.title == "Allegro"
    (piece,) = split_pieces(b"**kern\n4c\n*-\n!!!OTL: Late\n")
    assert piece.title == "Late"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-8-sig"])
def test_encodings_and_line_ends(encoding: str) -> None:
    (piece,) = split_pieces("!!!OTL: Für Élise\r\n**kern\r\n\r\n4c \r\n*-\r\n".encode(encoding))
    assert (piece.title, piece.lines) == ("Für Élise", [(4, "4c")])


def test_a_line_of_stars_begins_no_piece() -> None:
    (piece,) = split_pieces(b"** My songs **\n***\n**kern\n4c\n*-\n")
    assert piece.lines == [(4, "4c")]


def test_too_many_pieces_raise_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kern_pieces, "_MAX_PIECES", 3)
    assert len(split_pieces(b"**kern\n" * 3)) == 3
    with pytest.raises(InputError, match="4 pieces, more than the limit of 3"):
        split_pieces(b"**kern\n" * 4)


@pytest.mark.parametrize("content", [b"", b"4c\n4d\n", b"!!**kern\n"])
def test_a_file_without_a_beginning_raises_an_error(content: bytes) -> None:
    with pytest.raises(InputError, match="no line that begins the music"):
        split_pieces(content)


def test_signs_of_jumps_are_counted() -> None:
    text = b"**kern\t**kern\n4c\t4e\n*\t*Fine\n!LO:TX:a:t=D.C. al Fine\t!\n4d\t4f\n*D.S.\t*\n!! Fine weather\n*-\t*-\n"
    [piece] = split_pieces(text)
    assert piece.n_jumps == 3
    assert [line for _, line in piece.lines] == ["4c\t4e", "*\t*Fine", "4d\t4f", "*D.S.\t*"]


def test_a_title_above_the_second_piece_is_not_that_of_the_first() -> None:
    first, second = split_pieces(b"**kern\n4c\n*-\n!!!OTL: Second\n**kern\n4d\n*-\n")
    assert (first.title, second.title) == ("", "Second")

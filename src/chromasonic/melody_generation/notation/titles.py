"""A melody's title as a line of text, as a file name, and without what variants of a tune differ in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from chromasonic.melody_generation.printing.printable_text import without_unprintable

_MAX_STEM_LENGTH = 60
# Names that Windows reserves for devices.
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
_APOSTROPHES = re.compile("['`\N{RIGHT SINGLE QUOTATION MARK}]")
_BRACKETS = "()[]"
_NUMBER = re.compile(r"\d+[a-z]{0,2}")
_NUMERALS = {"ii", "iii", "iv"}
_NUMBER_WORDS = {"no", "nr", "number", "v"}
_VERSION_WORDS = {"version", "setting", "variation"}
# Words that name a kind of tune, not a tune: a title of these words alone does not identify a tune.
_KINDS = """
    jig slip reel hornpipe polka waltz march slide strathspey schottische mazurka galop quadrille
    cotillon cotillion quickstep quick step dance barn set country clog fling minuet
    ballad ballade lied kinderlied volkslied air aire tune tunes melody song theme piece
    part track example exercise untitled unknown unnamed anonymous anon missing title name named
    traditional trad ditto do
    irish scottish scotch english welsh french german spanish american favorite favourite old new
    a an the in of and for no not major minor flute violin fiddle
"""
_GENERIC = frozenset(_KINDS.split())
# Words that end many titles of dance tunes, and are left out in others of the same tune.
_DANCES = """
    clog fling galop hornpipe jig jigs march mazurka minuet polka quadrille quickstep reel reels schottische slide
    slipjig strathspey waltz
"""
_TITLE_ENDINGS = frozenset(_DANCES.split()) | {"the"}
# Kinds of Nordic tunes, and words after them that name a player, a place or a book: "Polska efter Byss-Calle".
_NORDIC = """
    anglaise brudmarsch brudpolska engelska ganglat gangmarsch hambo kadrilj kontradans langdans lat marsch menuet
    menuett menuette polkett pollones pollonesse pollonoise polonas polones polonesse polonoise polsk polska polskor
    schottis sextur slangpolska springdans springlek svingedans vals visa
"""
_NORDIC_KINDS = frozenset(_NORDIC.split())
_ORIGINS = {"a", "af", "av", "efter", "fran", "i", "no", "nr", "pa", "svl", "ur"}


def plain_title(title: str) -> str:
    r"""Return the title on one line, without control characters and others that no text needs or XML forbids.

    Example:
        >>> plain_title("  The\tKesh\n Jig\x00 ")
        'The Kesh Jig'
    """
    return " ".join(without_unprintable(" ".join(title.split())).split())


def file_stem(title: str) -> str:
    """Convert a title to a file name without suffix that is valid on every system.

    It consists of ASCII letters, digits, hyphens and underscores, and is empty if nothing of the title is left.

    Example:
        >>> file_stem("The Kesh Jig"), file_stem("../../etc/passwd"), file_stem("Là-bas, «été»")
        ('the_kesh_jig', 'etc_passwd', 'la-bas_ete')
    """
    ascii_only = _decomposed(title).encode("ascii", "ignore").decode("ascii")
    stem = re.sub(r"[^a-z0-9-]+", "_", ascii_only.lower())[:_MAX_STEM_LENGTH].strip("_-")
    return f"{stem}_" if stem in _RESERVED else stem


def _decomposed(title: str) -> str:
    """Return a title with accents as characters of their own, not in canonical order.

    To order the accents of one letter takes the square of their number.
    """
    return title if title.isascii() else "".join(unicodedata.normalize("NFKD", character) for character in title)


def normalised_title(title: str) -> str:
    """Return a title without the parts in which variants of a tune differ; empty if it identifies no tune.

    Case, accents, punctuation, an outer "the", and a number, version or parenthesis at the end are removed.

    Example:
        >>> normalised_title("The Keel Row (2)"), normalised_title("Keel Row, The - version 2")
        ('keel row', 'keel row')
        >>> normalised_title("Irish Jig No. 3")
        ''
    """
    text = "".join(character for character in _decomposed(title) if not unicodedata.combining(character)).casefold()
    text = _without_trailing_parentheses(_APOSTROPHES.sub("", text))
    words = re.sub(r"[\W_]+", " ", text).split()
    while n_numbering := _n_numbering_words(words):
        del words[-n_numbering:]
    begin, end = 0, len(words)
    while end - begin > 1 and words[begin] == "the":
        begin += 1
    while end - begin > 1 and words[end - 1] == "the":
        end -= 1
    words = words[begin:end]
    if all(word in _GENERIC or word.isdigit() or len(word) == 1 for word in words):
        return ""
    return " ".join(words)


def tune_name(title: str) -> str:
    """Return a normalised title without the kind of tune; empty if it identifies no tune.

    Example:
        >>> tune_name("PARNELL'S -- REEL"), tune_name("Night of Fun -- Jig., The")
        ('parnells', 'night of fun')
        >>> tune_name("English Dance"), tune_name("Polska efter Byss-Calle")
        ('', '')
    """
    words = normalised_title(title).split()
    while len(words) > 1 and words[-1] in _TITLE_ENDINGS:
        words.pop()
    n_kinds = next((index for index, word in enumerate(words) if word not in _NORDIC_KINDS), len(words))
    if n_kinds and (n_kinds == len(words) or words[n_kinds] in _ORIGINS or words[n_kinds].isdigit()):
        return ""
    if all(word in _GENERIC | _NORDIC_KINDS or word.isdigit() or len(word) == 1 for word in words):
        return ""
    return " ".join(words)


def _without_trailing_parentheses(text: str) -> str:
    """Remove parentheses and brackets from the end of a title, in one pass from its end."""
    end = len(text)
    while True:
        closing = end - 1
        while closing >= 0 and (text[closing].isspace() or text[closing] == "."):
            closing -= 1
        if closing < 0 or text[closing] not in ")]":
            return text[:end]
        opening = closing - 1
        while opening >= 0 and text[opening] not in _BRACKETS:
            opening -= 1
        if opening < 0 or text[opening] not in "([":
            return text[:end]
        end = opening
        while end and text[end - 1].isspace():
            end -= 1


def _n_numbering_words(words: Sequence[str]) -> int:
    """Return the number of words at the end of a title, after its first word, that number a version: 0 to 2."""
    is_number = bool(words) and _NUMBER.fullmatch(words[-1]) is not None
    if len(words) > 2:
        before, last = words[-2:]
        if before in _VERSION_WORDS or last in _VERSION_WORDS or (before in _NUMBER_WORDS and is_number):
            return 2
    return 1 if len(words) > 1 and (is_number or words[-1] in _NUMERALS) else 0

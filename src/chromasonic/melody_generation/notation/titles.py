"""A melody's title as text for a page, and as the name of files."""

from __future__ import annotations

import re
import unicodedata

_LONGEST_STEM = 60
# Names that one operating system or another keeps for its devices.
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}


def plain_title(title: str) -> str:
    r"""The title in one line, without characters that a page cannot show and XML forbids.

    Example:
        >>> plain_title("  The\tKesh\n Jig\x00 ")
        'The Kesh Jig'
    """
    shown = "".join(" " if character.isspace() else character for character in title if _is_text(character))
    return " ".join(shown.split())


def _is_text(character: str) -> bool:
    code = ord(character)
    is_noncharacter = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return character.isspace() or (unicodedata.category(character) not in {"Cc", "Cs"} and not is_noncharacter)


def file_stem(title: str) -> str:
    """A file name without an ending that every system takes: letters, digits, hyphens and underscores of ASCII.

    Empty if nothing of the title is left.

    Example:
        >>> file_stem("The Kesh Jig"), file_stem("../../etc/passwd"), file_stem("Là-bas, «été»")
        ('the_kesh_jig', 'etc_passwd', 'la-bas_ete')
    """
    ascii_only = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode("ascii")
    stem = re.sub(r"[^a-z0-9-]+", "_", ascii_only.lower())[:_LONGEST_STEM].strip("_-")
    return f"{stem}_" if stem in _RESERVED else stem

"""A melody's title as a line of text, and as a file name."""

from __future__ import annotations

import re
import unicodedata

_MAX_STEM_LENGTH = 60
# Names that Windows reserves for devices.
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}


def plain_title(title: str) -> str:
    r"""Return the title on one line, without control characters and others that XML forbids.

    Example:
        >>> plain_title("  The\tKesh\n Jig\x00 ")
        'The Kesh Jig'
    """
    printable = "".join(" " if character.isspace() else character for character in title if _is_text(character))
    return " ".join(printable.split())


def _is_text(character: str) -> bool:
    code = ord(character)
    is_noncharacter = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return character.isspace() or (unicodedata.category(character) not in {"Cc", "Cs"} and not is_noncharacter)


def file_stem(title: str) -> str:
    """Convert a title to a file name without suffix that is valid on every system.

    It consists of ASCII letters, digits, hyphens and underscores, and is empty if nothing of the title is left.

    Example:
        >>> file_stem("The Kesh Jig"), file_stem("../../etc/passwd"), file_stem("Là-bas, «été»")
        ('the_kesh_jig', 'etc_passwd', 'la-bas_ete')
    """
    ascii_only = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode("ascii")
    stem = re.sub(r"[^a-z0-9-]+", "_", ascii_only.lower())[:_MAX_STEM_LENGTH].strip("_-")
    return f"{stem}_" if stem in _RESERVED else stem

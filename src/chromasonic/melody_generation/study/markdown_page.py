"""Markdown pages: the text is in a template, tables and pictures are filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.pages import templates


def markdown_page(template: str, values: Mapping[str, object]) -> str:
    """Fill in a template of Markdown.

    Args:
        template: Name of the template in the folder of assets, without its suffix.
        values: All values of the template, by name.
    """
    text = templates.template(f"{template}.md.jinja").render(values)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def with_section(text: str, name: str, content: str, origin: str) -> str:
    r"""Replace the part of a Markdown text that lies between two marks.

    Args:
        text: A text with the lines ``<!-- name -->`` and ``<!-- /name -->``.
        name: Name of the marks.
        content: The new part.
        origin: Name of the file for the error message.

    Raises:
        InputError: If the text does not have each mark once, and in order.

    Example:
        >>> with_section("a <!-- x -->old<!-- /x --> b", "x", "new", "README.md")
        'a <!-- x -->\nnew\n<!-- /x --> b'
    """
    opening, closing = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = text.partition(opening)
    _, _, after = rest.partition(closing)
    if text.count(opening) != 1 or text.count(closing) != 1 or closing not in rest:
        raise InputError(f"{origin} has no marks for the table: add the lines {opening} and {closing}, once each")
    return f"{before}{opening}\n{content.strip()}\n{closing}{after}"

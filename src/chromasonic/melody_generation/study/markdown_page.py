"""Pages in Markdown: text that does not hang on numbers is in a template, tables and pictures are put in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.pages import templates


def markdown_page(template: str, values: Mapping[str, Any]) -> str:
    """Fill in a template of Markdown.

    Args:
        template: Its name in the folder of assets, without its ending.
        values: By name, all that it asks for.
    """
    text = templates.template(f"{template}.md.jinja").render(values)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def with_section(text: str, name: str, content: str, origin: str) -> str:
    r"""A text of Markdown with what stands between two marks replaced.

    Args:
        text: It has the lines ``<!-- name -->`` and ``<!-- /name -->``.
        name: Of the marks.
        content: What is put between them.
        origin: The text's file, for the error.

    Raises:
        InputError: If the marks are not there, once each and in order.

    Example:
        >>> with_section("a <!-- x -->old<!-- /x --> b", "x", "new", "README.md")
        'a <!-- x -->\nnew\n<!-- /x --> b'
    """
    opening, closing = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = text.partition(opening)
    _, _, after = rest.partition(closing)
    if text.count(opening) != 1 or text.count(closing) != 1 or closing not in rest:
        raise InputError(f"{origin} has no place for the table: it needs the lines {opening} and {closing}, once each")
    return f"{before}{opening}\n{content.strip()}\n{closing}{after}"

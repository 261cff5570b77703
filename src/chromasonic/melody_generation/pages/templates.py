"""Templates and other assets of pages; text is escaped in all but those of Markdown."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

_PACKAGE = "chromasonic.melody_generation.pages"


def template(name: str) -> Template:
    """A template by its name in the folder of assets."""
    return _environment().get_template(name)


@cache
def asset(name: str) -> str:
    """The text of an asset."""
    return (files(_PACKAGE) / "assets" / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(_PACKAGE, "assets"),
        # A table's bars and a code block's brackets are Markdown's own.
        autoescape=select_autoescape(enabled_extensions=(), disabled_extensions=("md.jinja",), default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
    )

"""Templates and other assets of pages. Text is escaped in all templates except those of Markdown."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape
from markupsafe import Markup

from chromasonic.melody_generation.printing.printable_text import printable_lines

_PACKAGE = "chromasonic.melody_generation.pages"


def template(name: str) -> Template:
    """Return a template by its name in the folder of assets."""
    return _environment().get_template(name)


@cache
def asset(name: str) -> str:
    """Return the text of an asset."""
    return (files(_PACKAGE) / "assets" / name).read_text(encoding="utf-8")


def _printable(value: object) -> object:
    """Return a value of a template; text that is no markup of ours is made printable."""
    return printable_lines(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(_PACKAGE, "assets"),
        # Markdown needs the bars of tables and the brackets of code as they are.
        autoescape=select_autoescape(enabled_extensions=(), disabled_extensions=("md.jinja",), default=True),
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
    )

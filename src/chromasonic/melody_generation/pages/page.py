"""Self-contained HTML pages with melodies to hear, tables, figures and texts.

The content security policy of a page allows its own style and scripts, by their digests, and its own images. Nothing
else is loaded or run, whatever a title or the name of a file contains. The template engine, jinja2, escapes all text by
default.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from markupsafe import Markup

from chromasonic.melody_generation.io.write_audio import SYNTHESIZER
from chromasonic.melody_generation.melody import TICKS_PER_QUARTER
from chromasonic.melody_generation.notation.instruments import DEFAULT_INSTRUMENT, INSTRUMENTS
from chromasonic.melody_generation.pages.inline_svg import InlineSvg
from chromasonic.melody_generation.pages.tables import Table
from chromasonic.melody_generation.pages.templates import asset, template
from chromasonic.melody_generation.pages.tracks import Track

_TEMPLATE, _STYLES, _SCRIPTS = "page.html.jinja", ("page.css",), ("synthesizer.js", "player.js")


@dataclass(frozen=True)
class TrackGroup:
    """A group of melodies under a title.

    Attributes:
        title: The title; may be empty.
        note: A note below the title; may be empty.
        tracks: The melodies.
        is_detail: Whether it follows the figures and tables, instead of preceding them.
    """

    title: str
    note: str
    tracks: tuple[Track, ...]
    is_detail: bool = False


@dataclass(frozen=True)
class PageFigure:
    """A figure under a title, folded or not."""

    title: str
    drawing: InlineSvg
    is_folded: bool = False


@dataclass(frozen=True)
class PageText:
    """The text of a file, such as a configuration, under a title."""

    title: str
    text: str


@dataclass(frozen=True)
class Page:
    """The content of a page, from top to bottom.

    Attributes:
        title: The title.
        lead: A sentence below the title; may be empty.
        facts: Names and values.
        command: The command that makes the content again.
        tables: Tables of numbers.
        figures: Figures.
        groups: Melodies to hear.
        texts: Texts, folded, at the end.
        instrument: The instrument that plays first.
    """

    title: str
    lead: str
    facts: tuple[tuple[str, str], ...]
    command: str
    tables: tuple[Table, ...] = ()
    figures: tuple[PageFigure, ...] = ()
    groups: tuple[TrackGroup, ...] = ()
    texts: tuple[PageText, ...] = ()
    instrument: str = DEFAULT_INSTRUMENT

    @property
    def tracks(self) -> tuple[Track, ...]:
        """All melodies, in order."""
        return tuple(track for group in self.groups_in_order for track in group.tracks)

    @property
    def groups_in_order(self) -> list[TrackGroup]:
        """The groups in the order of the page: details come last."""
        return sorted(self.groups, key=lambda group: group.is_detail)

    @property
    def has_chords(self) -> bool:
        """True if a melody has chord symbols."""
        return any(track.melody.chords for track in self.tracks)


def page_html(page: Page) -> str:
    """Return a page as one HTML document."""
    return render_page(page, _TEMPLATE, _STYLES, _SCRIPTS if page.tracks else ())


def render_page(
    page: Page, name: str, styles: Sequence[str] = _STYLES, scripts: Sequence[str] = _SCRIPTS, **values: object
) -> str:
    """Return a page as one HTML document, by another template.

    Args:
        page: The content.
        name: The template, which extends that of :func:`page_html`.
        styles: The assets of its style, joined in this order.
        scripts: The assets of its scripts.
        **values: Further values of the template.
    """
    tracks = page.tracks
    style = Markup("".join(map(asset, styles)))
    script_texts = [Markup(asset(script)) for script in scripts]
    groups = page.groups_in_order
    sizes = [len(group.tracks) for group in groups]
    return template(name).render(
        page=page,
        tracks=tracks,
        groups=list(zip(groups, accumulate([0, *sizes]), strict=False)),
        glyphs=Markup("".join(_definitions(page).values())),
        data={
            "ticksPerQuarter": TICKS_PER_QUARTER,
            "synthesizer": SYNTHESIZER,
            "instrument": page.instrument,
            "melodies": [track.player_data() for track in tracks],
        },
        instruments=list(INSTRUMENTS),
        style=style,
        scripts=script_texts,
        policy=_policy(style, script_texts),
        **values,
    )


def _policy(style: str, scripts: list[Markup]) -> str:
    allowed = " ".join(map(_digest, scripts)) or "'none'"
    return (
        f"default-src 'none'; style-src {_digest(style)}; script-src {allowed}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _definitions(page: Page) -> dict[str, str]:
    drawings = [drawing for track in page.tracks for drawing in track.engravings]
    drawings += [figure.drawing for figure in page.figures]
    return {name: markup for drawing in drawings for name, markup in drawing.definitions.items()}

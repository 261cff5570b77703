"""A page is self-contained, and no text changes its structure."""

from __future__ import annotations

import base64
import gzip
import json
import math
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import melodies

from chromasonic.melody_generation.form import Chord
from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER, Melody
from chromasonic.melody_generation.notation.chord_names import chord_pitches
from chromasonic.melody_generation.pages.page import Page, PageText, TrackGroup, page_html
from chromasonic.melody_generation.pages.tables import Table
from chromasonic.melody_generation.pages.tracks import ScoreBar, SharedRun, Track, TrackFile
from chromasonic.melody_generation.printing.printable_text import printable, printable_lines, without_unprintable

# Characters with a meaning in HTML, JSON or JavaScript, and others.
WORDS = st.text(st.sampled_from("<>/&'\"\\!-={}%[]()`$ \u2028\u00e9\U0001f3b5scriptonload"), max_size=30)
HOSTILE = "</script></style></title><img src=x onerror=alert(1)>\u2028${1}{{ 7 * 7 }}"


class Elements(HTMLParser):
    """Names and attributes of all elements, and the content of scripts and styles, as a browser reads them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.contents: dict[str, list[str]] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements:
            self.contents.setdefault(self.elements[-1][0], []).append(data)

    def names(self) -> list[str]:
        return [name for name, _ in self.elements]


def track(melody: Melody, title: str = "A jig") -> Track:
    shared = SharedRun(0, 1, 0.5, title, title, 0.25, 9.0, 0.8)
    files = (TrackFile("ABC", "a.abc", "text/vnd.abc", title.encode()), TrackFile("WAV", "a.wav", "audio/wav", None))
    scores = (ScoreBar("coherence", 0.5, 0.8), ScoreBar("overall", math.nan, math.nan))
    return Track(title, (title,), melody, 120.0, (), scores, shared, files)


def page(text: str, *tracks: Track) -> Page:
    table = Table(text, ("", text), ((text, text),), text)
    groups = (TrackGroup(text, text, tracks),)
    return Page(text, text, ((text, text),), text, (table,), (), groups, (PageText(text, text),))


def player_data(html: str) -> Any:
    match = re.search(r'<script type="application/json" id="melodies">(.*?)</script>', html, re.DOTALL)
    assert match
    return json.loads(match[1])


MELODY = Melody([67, REST, 71], [24, 12, 36], tonic=7)


@given(WORDS)
def test_no_text_changes_the_elements_of_a_page(text: str) -> None:
    plain, hostile = (Elements(page_html(page(title, track(MELODY, title)))) for title in ("x", text or "x"))
    assert hostile.names() == plain.names()
    assert [sorted(attributes) for _, attributes in hostile.elements] == [
        sorted(attributes) for _, attributes in plain.elements
    ]


@given(WORDS)
def test_every_text_is_shown_as_it_is(text: str) -> None:
    html = page_html(page(text or "x", track(MELODY, text or "x")))
    assert player_data(html)["melodies"][0]["title"] == printable(text or "x")
    heading = re.search(r"<h1>(.*?)</h1>", html, re.DOTALL)
    assert heading
    assert unescape(heading[1]) == printable_lines(text or "x")
    assert without_unprintable(html.replace("\n", "")) == html.replace("\n", "")


def test_a_page_loads_nothing() -> None:
    html = page_html(page(HOSTILE, track(MELODY, HOSTILE)))
    elements = Elements(html)
    allowed = {"icon": "data:,"}
    for name, attributes in elements.elements:
        assert name not in {"img", "iframe", "object", "embed", "audio", "video", "source", "base", "form"}
        assert "src" not in attributes
        assert "style" not in attributes
        assert not any(key.startswith("on") for key in attributes)
        if name == "a":
            assert str(attributes["href"]).startswith("#")  # a place on the page
        elif "href" in attributes:
            assert allowed.get(str(attributes.get("rel"))) == attributes["href"]
    assert not re.search(r"@import|@font-face|url\(", " ".join(elements.contents["style"]))
    # Not even an XML namespace.
    assert not re.search(r"https?://", html)


def test_the_policy_allows_only_the_style_and_scripts_of_the_page() -> None:
    html = page_html(page("x", track(MELODY)))
    policy = next(str(attributes["content"]) for _, attributes in Elements(html).elements if "http-equiv" in attributes)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert policy.count("sha256-") == 3  # the style and two scripts


def test_a_page_without_melodies_has_no_script() -> None:
    html = page_html(page("x"))
    assert "<script" not in html
    assert "script-src 'none'" in unescape(html)


@given(melodies(min_notes=1))
def test_the_player_gets_every_note(melody: Melody) -> None:
    data = player_data(page_html(page("x", track(melody))))
    (shown,) = data["melodies"]
    assert data["ticksPerQuarter"] == TICKS_PER_QUARTER
    sounding = [index for index in range(len(melody)) if melody.pitches[index] != REST]
    assert shown["notes"] == [
        [int(values[index]) for values in (melody.onsets, melody.durations, melody.pitches)] for index in sounding
    ]
    assert shown["chords"] == []
    assert 'id="chords"' not in page_html(page("x", track(melody)))
    assert shown["ticks"] == melody.ticks
    assert shown["bars"] == melody.bar_lines.tolist()


def test_the_player_gets_the_notes_of_chords_and_a_switch() -> None:
    melody = replace(MELODY, chords=(Chord(0, 0, "major", 4),))
    html = page_html(page("x", track(melody), track(MELODY)))
    assert player_data(html)["melodies"][0]["chords"] == [
        [0, melody.ticks, pitch] for pitch in chord_pitches(melody.chords[0])
    ]
    assert html.count('id="chords"') == 1


@given(melodies(min_notes=1))
def test_the_roll_has_every_note_within_it(melody: Melody) -> None:
    roll = track(melody).roll()
    assert len(roll.notes) == int((melody.pitches != REST).sum())
    for note in roll.notes:
        assert 0 <= note.x <= note.x + note.width <= 100.01
        assert 0 <= note.y <= note.y + roll.row <= roll.height
    assert [note.is_shared for note in roll.notes] == [index == 0 for index in range(len(roll.notes))]


def test_the_end_of_a_primer_is_marked_in_the_roll() -> None:
    continued = replace(track(MELODY), seam=36)
    assert continued.roll().seam == 50
    assert 'class="seam" x1="50.0%"' in page_html(page("x", continued))
    assert 'class="seam"' not in page_html(page("x", track(MELODY)))


def test_packed_files_are_restored() -> None:
    files = player_data(page_html(page("x", track(MELODY, HOSTILE))))["melodies"][0]["files"]
    assert files["wav"] == {"name": "a.wav", "type": "audio/wav"}
    assert gzip.decompress(base64.b64decode(files["abc"]["data"])).decode() == HOSTILE


def test_writing_a_page_is_deterministic() -> None:
    assert page_html(page("x", track(MELODY))) == page_html(page("x", track(MELODY)))


def test_undefined_values_are_shown_as_not_defined() -> None:
    html = page_html(page("x", track(MELODY)))
    assert "not defined" in html
    nothing = SharedRun(-1, 0, 0.0, "", "", math.nan, math.nan, math.nan)
    bare = Track("x", (), MELODY, 120.0, shared=nothing)
    html = page_html(page("x", bare))
    assert "It shares no note with a training tune." in html
    assert "nan" not in html.lower()

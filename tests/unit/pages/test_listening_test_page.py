"""The page of a listening test names no source, and no text changes its structure."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from tests.made_tunes import walking_tune

from chromasonic.melody_generation.evaluation.listening_test.answer_key import TuneSource
from chromasonic.melody_generation.evaluation.listening_test.listening_set import ListeningTest
from chromasonic.melody_generation.evaluation.listening_test.matched_tunes import MatchedSet
from chromasonic.melody_generation.pages.listening_test_page import listening_test_page
from chromasonic.melody_generation.pages.tracks import PlayerData

HOSTILE = '</script></title><img src=x onerror="window.hacked = 1"> & \'"> {{ 7 * 7 }}'


class Tags(HTMLParser):
    """The names of all elements, and the names of their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, list[str]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, sorted(name for name, _ in attrs)))


def make_test(title: str, run: str = "lstm") -> ListeningTest:
    """Return a test of four tunes, real ones with a title and a source."""
    real = [replace(walking_tune(seed, n_bars=8, title=title), source=title, corpus="nottingham") for seed in (1, 2)]
    sets = [MatchedSet(tune, (walking_tune(seed + 10, n_bars=8),), 0.0) for seed, tune in enumerate(real)]
    sources = [TuneSource("real", is_real=True), TuneSource(run, False, "feedc0ffee")]
    return ListeningTest.of(sets, sources, seed=12345)


@pytest.fixture(scope="module")
def page() -> str:
    return listening_test_page(make_test("Soldiers Joy", "my_secret_run"), "Friday's test")


def test_the_page_does_not_hold_the_key(page: str) -> None:
    key = make_test("Soldiers Joy", "my_secret_run").key
    for secret in ("Soldiers", "my_secret_run", "feedc0ffee", "nottingham", "12345", key.salt):
        assert secret not in page, secret
    assert key.test_id in page
    assert all(page.count(f'data-tune="{tune.id}"') == 1 for tune in key.tunes)


def test_tunes_differ_in_nothing_but_their_notes(page: str) -> None:
    """Every card has the same elements and attributes, once the notes and bar lines are left out."""
    cards = re.findall(r'<article class="card test".*?</article>', page, re.DOTALL)
    assert len(cards) == 4
    plain = [re.sub(r"<svg.*?</svg>", "", card, flags=re.DOTALL) for card in cards]
    assert len({json.dumps(Tags(card).found) for card in plain}) == 1
    match = re.search(r'<script type="application/json" id="melodies">(.*?)</script>', page, re.DOTALL)
    assert match
    melodies = json.loads(match[1])["melodies"]
    assert {frozenset(melody) for melody in melodies} == {PlayerData.__required_keys__}
    assert [melody["title"] for melody in melodies] == [f"Tune {number}" for number in range(1, 5)]
    assert all(melody["files"] == {} for melody in melodies)


def test_no_title_changes_the_elements() -> None:
    plain = Tags(listening_test_page(make_test("x"), "x")).found
    assert Tags(listening_test_page(make_test(HOSTILE, HOSTILE), HOSTILE)).found == plain


def test_the_same_test_gives_the_same_page(page: str) -> None:
    assert listening_test_page(make_test("Soldiers Joy", "my_secret_run"), "Friday's test") == page

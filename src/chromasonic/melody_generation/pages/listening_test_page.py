"""The page of a listening test: tunes to hear and to rate, in a random order, with nothing that tells their source."""

from __future__ import annotations

from chromasonic.melody_generation.evaluation.listening_test.answers import FORMAT
from chromasonic.melody_generation.evaluation.listening_test.listening_set import ListeningTest
from chromasonic.melody_generation.evaluation.listening_test.questions import HIGHEST, LOWEST, QUESTIONS
from chromasonic.melody_generation.notation.tempo import usual_tempo
from chromasonic.melody_generation.pages.melody_tracks import count_noun, melody_facts, page_engravings
from chromasonic.melody_generation.pages.page import Page, TrackGroup, render_page
from chromasonic.melody_generation.pages.tracks import Track


def listening_test_page(test: ListeningTest, title: str = "Listening test") -> str:
    """Return the page of a test as an HTML document.

    It holds notes, ids of tunes and the id of the test: no source, title, score or seed, and no command, with which the
    made tunes could be made again.

    Args:
        test: The test.
        title: The title of the page.
    """
    tracks = tuple(
        Track(
            title=tune.title,
            facts=melody_facts(tune)[:2],  # key and metre
            melody=tune,
            tempo=usual_tempo(tune),
            engravings=page_engravings(tune),
        )
        for tune in test.tunes
    )
    page = Page(
        title=title,
        lead=f"{count_noun(len(tracks), 'tune')}. Which are real, which are made, and how good are they?",
        facts=(),
        command="",
        groups=(TrackGroup("", "", tracks),),
    )
    return render_page(
        page,
        "listening_test.html.jinja",
        styles=("page.css", "listening_test.css"),
        scripts=("synthesizer.js", "player.js", "listening_test.js"),
        test_id=test.key.test_id,
        ids=test.ids,
        format=FORMAT,
        questions=QUESTIONS,
        scale=range(LOWEST, HIGHEST + 1),
    )

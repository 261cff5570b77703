"""The page of a listening test in a browser: a judge plays, answers, comes back and saves, and the answers are read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect
from tests.browser.conftest import HOSTILE
from tests.browsing import PHONE, WIDE, Visit, faint_texts, overflow, visiting
from tests.made_tunes import JIG, walking_tune

from chromasonic.melody_generation.evaluation.listening_test.answer_key import TuneSource
from chromasonic.melody_generation.evaluation.listening_test.listening_set import ListeningTest
from chromasonic.melody_generation.evaluation.listening_test.matched_tunes import MatchedSet
from chromasonic.melody_generation.evaluation.listening_test.questions import NAMES
from chromasonic.melody_generation.reporting.listening_test_report import report_judgements, write_listening_test
from chromasonic.melody_generation.runs.layout import ListeningTestLayout

pytestmark = pytest.mark.slow

SETS = [MatchedSet(walking_tune(s, n_bars=8, title=HOSTILE), (walking_tune(s + 9, JIG, 8),), 0.0) for s in (1, 2)]
TEST = ListeningTest.of(SETS, [TuneSource("real", is_real=True), TuneSource("lstm", is_real=False)], seed=0)
IS_REAL = {tune.id: tune.source == 0 for tune in TEST.key.tunes}


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> ListeningTestLayout:
    """Write a test of four tunes into a directory."""
    layout = ListeningTestLayout(tmp_path_factory.mktemp("a test & more"))
    write_listening_test(TEST, layout, f"A test {HOSTILE}")
    return layout


@pytest.fixture
def visit(browser: Browser, layout: ListeningTestLayout) -> Iterator[Visit]:
    """Open the page, and check after the test that it has sent no request and logged no error."""
    with visiting(browser, layout.page) as opened:
        yield opened
        assert opened.is_quiet()


def shown(visit: Visit) -> Locator:
    card = visit.page.locator("article:visible")
    expect(card).to_have_count(1)
    return card


def answer(card: Locator, rating: int, *, is_real: bool) -> None:
    for name in NAMES:
        card.locator(f"[data-question={name}] input[value='{rating}']").check()
    card.locator(f"[data-question=real] input[value={str(is_real).lower()}]").check()


def save(visit: Visit, folder: Path) -> Path:
    with visit.page.expect_download() as saved:
        visit.page.locator("#save").click()
    path = folder / saved.value.suggested_filename
    saved.value.save_as(path)
    return path


def test_a_judge_plays_and_answers_all_and_the_command_reads_the_file(
    visit: Visit, layout: ListeningTestLayout, tmp_path: Path
) -> None:
    assert visit.page.title() == f"A test {HOSTILE}"
    visit.page.locator("#judge").fill(HOSTILE)
    for number in range(4):
        card = shown(visit)
        card.locator("[data-do=play]").click()
        visit.page.wait_for_function(
            "() => Player.tracks.some((track) => Player.isPlaying(track) && track.position > 5)"
        )
        real = IS_REAL[card.get_attribute("data-tune") or ""]
        answer(card, 5 if real else 2, is_real=real)
        expect(visit.page.locator("#progress")).to_have_text(f"{number + 1} of 4 answered")
        if number < 3:
            visit.page.get_by_role("button", name="Next").click()
            assert visit.run("Player.tracks.filter(Player.isPlaying).length") == 0  # the next tune waits to be played
    saved = save(visit, tmp_path)
    assert saved.name.startswith("answers_script-title-img-src-x-onerror")
    assert "all 4 tunes" in visit.page.locator("#saved").inner_text()
    content = json.loads(saved.read_text(encoding="utf-8"))
    assert sorted(content["order"]) == sorted(IS_REAL)
    assert content["judge"] == HOSTILE[:100]

    judgements = report_judgements(tmp_path, layout.key, tmp_path / "results")
    [told] = judgements.told_apart
    assert (told.share.value, told.n_answers) == (1, 4)
    assert judgements.ratings["real"]["melody"].value == 5
    assert judgements.ratings["lstm"]["melody"].value == 2
    assert judgements.wins[0].share.value == 1
    assert judgements.judges[0].n_tunes == 4
    assert "<img" not in (tmp_path / "results/judgements.md").read_text(encoding="utf-8").replace("\\<img", "")
    assert visit.run("typeof window.hacked") == "undefined"


def test_answers_and_order_are_kept_when_the_page_is_opened_again(visit: Visit) -> None:
    order = visit.run("ListeningTest.state.order")
    answer(shown(visit), 4, is_real=True)
    visit.page.locator("#judge").fill("Ann")
    visit.page.get_by_role("button", name="Next").click()
    visit.page.reload()
    visit.requests.pop()
    assert visit.run("ListeningTest.state.order") == order
    assert shown(visit).get_attribute("data-tune") == order[1]
    assert visit.page.locator("#judge").input_value() == "Ann"
    visit.page.get_by_role("button", name="Previous").click()
    checked = shown(visit).locator("input:checked").evaluate_all("(all) => all.map((each) => each.value)")
    assert checked == ["4"] * 5 + ["true"]


def test_judges_get_their_own_order(browser: Browser, layout: ListeningTestLayout) -> None:
    orders = set()
    for _ in range(6):
        with visiting(browser, layout.page) as opened:
            orders.add(tuple(opened.run("ListeningTest.state.order")))
    assert len(orders) > 1


def test_the_keyboard_is_enough(visit: Visit) -> None:
    keyboard = visit.page.keyboard
    for number in range(4):
        track = f"Player.tracks[{int(shown(visit).locator('[data-track]').get_attribute('data-track') or 0)}]"
        keyboard.press("Space")
        assert visit.run(f"Player.isPlaying({track})")
        keyboard.press("Space")
        assert not visit.run(f"Player.isPlaying({track})")
        for key in "12345m":
            keyboard.press(key)
        if number < 3:
            keyboard.press("n")
    assert visit.page.locator("#progress").inner_text() == "4 of 4 answered"
    keyboard.press("p")
    answers = visit.run("ListeningTest.contents().answers")
    assert all(list(each["ratings"].values()) == [1, 2, 3, 4, 5] for each in answers.values())
    assert all(each["is_real"] is False for each in answers.values())
    # Within a question the arrow keys choose, and digits rate this question.
    radio = shown(visit).locator("[data-question=structure] input[value='3']")
    radio.focus()
    keyboard.press("ArrowRight")
    at = "ListeningTest.contents().answers[ListeningTest.state.order[2]].ratings.structure"
    assert visit.run(at) == 4
    keyboard.press("2")
    assert visit.run(at) == 2
    visit.page.locator("#judge").focus()
    keyboard.type("Nina 5 m")  # letters of a name are no commands
    assert visit.page.locator("#judge").input_value() == "Nina 5 m"
    assert visit.run(at) == 2


def test_the_list_shows_all_tunes_in_the_order_of_the_judge(visit: Visit) -> None:
    visit.page.get_by_role("button", name="List").click()
    cards = visit.page.locator("article:visible")
    expect(cards).to_have_count(4)
    ids = cards.evaluate_all("(all) => all.map((each) => each.dataset.tune)")
    assert ids == visit.run("ListeningTest.state.order")
    cards.nth(2).locator("[data-known]").check()
    expect(cards.nth(2).locator(".state")).to_be_visible()
    assert visit.page.locator("#progress").inner_text() == "1 of 4 answered"
    assert visit.page.get_by_role("button", name="Next").count() == 0


def test_incomplete_answers_are_saved_with_a_warning(visit: Visit, tmp_path: Path) -> None:
    answer(shown(visit), 3, is_real=False)
    content = json.loads(save(visit, tmp_path).read_text(encoding="utf-8"))
    assert len(content["answers"]) == 1
    assert "3 of 4 tunes still lack an answer" in visit.page.locator("#saved").inner_text()


def test_another_judge_begins_with_nothing(visit: Visit) -> None:
    answer(shown(visit), 3, is_real=False)
    judge = visit.run("ListeningTest.state.judgeId")
    visit.page.locator("#restart").click()  # the dialog is dismissed
    assert visit.run("ListeningTest.state.judgeId") == judge
    assert len(visit.complaints) == 1
    visit.complaints.clear()
    visit.run("window.confirm = () => true")
    visit.page.locator("#restart").click()
    assert visit.run("ListeningTest.state.judgeId") != judge
    assert visit.page.locator("input:checked").count() == 0
    assert visit.page.locator("#progress").inner_text() == "0 of 4 answered"


@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "dark"), (WIDE, "light")])
def test_the_page_is_readable_and_large_enough_for_a_finger(
    browser: Browser, layout: ListeningTestLayout, width: int, scheme: str
) -> None:
    with visiting(browser, layout.page, width=width, scheme="dark" if scheme == "dark" else "light") as opened:
        answer(shown(opened), 3, is_real=False)
        opened.page.locator("article:visible details summary").click()
        assert overflow(opened) <= 0
        n_texts, faint = faint_texts(opened)
        assert n_texts > 40
        assert faint == []
        boxes = "[...document.querySelectorAll('button, .choice, .known')].map((each) => each.getBoundingClientRect())"
        sizes = opened.run(f"{boxes}.filter((box) => box.width).map((box) => Math.min(box.width, box.height))")
        assert min(sizes) >= 34
        unnamed = opened.run(
            """() => [...document.querySelectorAll("button, input, [role=slider]")]
                .filter((each) => !(each.getAttribute("aria-label") ?? each.labels?.[0]?.textContent
                    ?? each.textContent ?? "").trim())
                .length"""
        )
        assert unnamed == 0
        assert opened.is_quiet()

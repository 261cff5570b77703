"""Reports of experiments in a browser: scores, figures and melodies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser
from tests.browser.conftest import HOSTILE
from tests.browsing import PHONE, TABLET, WIDE, faint_texts, overflow, visiting
from tests.running import drawn_figures
from tests.small_networks import batch_of, small_lstm, walks

from chromasonic.melody_generation.evaluation.evaluate import evaluate
from chromasonic.melody_generation.evaluation.record_parts import SampleSettings
from chromasonic.melody_generation.evaluation.reference_set import ReferenceSet
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.reporting.experiment_report import write_evaluation_report
from chromasonic.melody_generation.runs.model_metadata import ModelMetadata
from chromasonic.melody_generation.runs.training_record import TrainingRecord
from chromasonic.melody_generation.testing import ModelComparison
from chromasonic.melody_generation.training.history import TrainingHistory

pytestmark = pytest.mark.slow

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
REPORTS = ("evaluation", "comparison")


def markov() -> MarkovNetwork:
    network = MarkovNetwork()
    network.count(batch_of(walks(20)))
    return network


def named(melody: Melody) -> Melody:
    return Melody(melody.pitches, melody.durations, melody.metre, title=HOSTILE, source=HOSTILE)


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write the report of a complete run and the report of two models, with hostile names everywhere."""
    folder = tmp_path_factory.mktemp("reports")
    run = folder / "run"
    history = TrainingHistory()
    for loss in (2.0, 1.5, 1.6):
        history.append(train_loss=loss, val_loss=loss, train_accuracy=0.5, val_accuracy=0.4, learning_rate=0.001)
    history.save(run / "lstm_checkpoints/melody_lstm_history.json")
    (run / "lstm_checkpoints/melody_lstm_last.pt").touch()
    (run / "config.yaml").write_text(f"title: {HOSTILE}\n", encoding="utf-8")
    tunes = [named(melody) for melody in walks(40)]
    reference = ReferenceSet.of(tunes[:12], tunes[12:])
    evaluation = evaluate(markov(), HOSTILE, reference, SampleSettings(6, max_notes=60))
    metadata = ModelMetadata(dataset=HOSTILE, configuration={"title": HOSTILE})
    record = replace(evaluation.record(), training=TrainingRecord(metadata))
    with drawn_figures():
        write_evaluation_report(folder / "evaluation.html", evaluation, record, run)
        models = {HOSTILE: markov(), "LSTM": small_lstm()}
        ModelComparison().compare_models(models, tunes[:12], folder, training_data=tunes[12:], n_samples=6)
    return {"evaluation": folder / "evaluation.html", "comparison": folder / "report.html"}


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_plays_and_sends_no_request(browser: Browser, reports: dict[str, Path], name: str) -> None:
    with visiting(browser, reports[name]) as opened:
        page = opened.page
        cards = page.locator("article")
        assert cards.count() == {"evaluation": 2 + 2 + 3, "comparison": 4 + 4 + 2}[name]
        for card in (cards.first, cards.last):
            card.locator("[data-do=play]").click()
            page.wait_for_function("() => Player.tracks.some((track) => track.position > 5)")
        for summary in page.locator("summary").all():
            summary.click()
        assert opened.run("typeof window.hacked") == "undefined"
        assert page.locator("img, iframe, object, embed, a:not([href^='#'])").count() == 0
        assert opened.requests == [opened.url]
        assert opened.complaints == []


def test_an_evaluation_shows_scores_curves_melodies_and_configuration(
    browser: Browser, reports: dict[str, Path]
) -> None:
    with visiting(browser, reports["evaluation"]) as opened:
        page = opened.page
        assert page.locator("h1").inner_text() == f"{HOSTILE} on {HOSTILE}"
        titles = page.locator("h2").all_inner_texts()
        figures = ["Learning curves", "Where its bits go"]
        groups = ["Melodies to hear", "Real tunes", "Surprisal"]
        scores = f"Scores of {HOSTILE}"
        order = [groups[0], *figures, scores, *groups[1:], "Configuration", "About this page"]
        assert [title for title in dict.fromkeys(titles) if title in order] == order
        links = page.locator(".contents a").all_inner_texts()
        assert links[:4] == [groups[0], *figures, scores]
        assert "bits each" in page.locator(".lead").inner_text()
        rows = page.locator("tbody th").all_inner_texts()
        assert {"bits per note", "coherence", "typicality"} <= set(rows)
        for drawing in page.locator(".figure svg").all():
            figure = drawing.bounding_box()
            assert figure
            assert figure["height"] > 500
        assert page.locator(".figure path, .figure use").count() > 100
        page.locator("summary", has_text="Configuration").click()
        assert page.locator("pre").first.inner_text().strip() == f"title: {HOSTILE}"
        page.locator("summary", has_text="How to make this again").click()
        assert page.locator(".recipe pre").inner_text().startswith("chromasonic train")
        assert page.locator("article h3").last.inner_text() == HOSTILE
        assert "6" in page.locator(".group .note").first.inner_text()


def test_a_comparison_shows_all_models(browser: Browser, reports: dict[str, Path]) -> None:
    with visiting(browser, reports["comparison"]) as opened:
        titles = opened.page.locator("h2").all_inner_texts()
        assert {HOSTILE, "LSTM", "Real tunes", "The models beside each other"} <= set(titles)
        assert opened.page.locator("tbody th", has_text="LSTM").count() >= 2
        assert "compare_models" in (opened.page.locator(".recipe pre").text_content() or "")


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_fits_every_screen_and_has_enough_contrast(
    browser: Browser, reports: dict[str, Path], name: str
) -> None:
    with visiting(browser, reports[name]) as opened:
        opened.run("() => document.querySelectorAll('details').forEach((each) => (each.open = true))")
        for width in (PHONE, TABLET, WIDE):
            opened.page.set_viewport_size({"width": width, "height": 800})
            assert overflow(opened) <= 0
        for scheme in SCHEMES:
            opened.page.emulate_media(color_scheme=scheme)
            n_texts, faint = faint_texts(opened)
            assert n_texts > 100
            assert faint == []
            # The letters of a figure are shapes in the text colour of the page.
            ink, text = opened.run(
                "[getComputedStyle(document.querySelector('.figure svg')).fill, getComputedStyle(document.body).color]"
            )
            assert ink == text

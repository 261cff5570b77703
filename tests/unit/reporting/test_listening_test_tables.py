"""Tables of judgements show every number with its interval, and names as plain text."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.listening_tests import make_key, simulated_answers

from chromasonic.melody_generation.evaluation.listening_test.judgements import ToldApart, judgements_of
from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.pages.tables import markdown
from chromasonic.melody_generation.reporting.listening_test_tables import listening_test_tables, verdict

KEY = make_key(6, ("lstm", "ppm"))


def test_tables_of_a_whole_test() -> None:
    answers = simulated_answers(np.random.default_rng(0), KEY, np.array([1.0, 1.0]), lambda source: np.full(6, 0.5))
    answers = replace(answers, judges=("Ann", "<b>|Bob|"))
    ratings, told, wins, agreement, judges = listening_test_tables(judgements_of(answers, KEY))
    assert ratings.columns == ("Ratings", "real", "lstm", "ppm")
    assert ratings.rows[-1][0] == "taken for real"
    assert ratings.rows[-1][1].startswith("1.00 [")
    assert [row[0] for row in told.rows] == ["real and made by any run", "real and lstm", "real and ppm"]
    assert {row[3] for row in told.rows} == {"0.50"}
    assert [row[0] for row in wins.rows] == ["real above lstm", "real above ppm", "lstm above ppm"]
    assert agreement.rows[-1][0] == "real or made"
    assert judges.rows[1][:3] == ("<b>|Bob|", "18", "0")
    assert "\\<b>\\|Bob\\|" in markdown(judges)


def test_without_real_tunes_nothing_is_told_apart() -> None:
    key = make_key(6, ("lstm",), has_real=False)
    answers = simulated_answers(np.random.default_rng(0), key, np.array([0.5]), lambda source: np.full(6, 0.5))
    ratings, agreement, judges = listening_test_tables(judgements_of(answers, key))
    assert "about this judge" in ratings.note
    assert agreement.rows[0][1] == "not defined"
    assert judges.rows[0][-1] == "not defined"


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ((0.6, 0.8, 0.65, 0.75), "more often than by guessing."),
        ((0.4, 0.9, 0.6, 0.7), "by these judges"),
        ((0.2, 0.4, 0.25, 0.35), "taken for real more"),
        ((0.4, 0.6, 0.45, 0.55), "not told"),
    ],
)
def test_the_verdict_says_where_chance_is(ends: tuple[float, float, float, float], words: str) -> None:
    undefined = Estimate(math.nan, math.nan, math.nan)
    share, of_these = Estimate(sum(ends[:2]) / 2, *ends[:2]), Estimate(sum(ends[2:]) / 2, *ends[2:])
    assert words in verdict(ToldApart("lstm", share, of_these, undefined, undefined, 10))

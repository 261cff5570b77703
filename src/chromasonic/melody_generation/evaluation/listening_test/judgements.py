"""Results of a listening test: ratings, wins, real tunes told from made ones, agreement of the judges."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.evaluation.listening_test.agreement import krippendorff_alpha
from chromasonic.melody_generation.evaluation.listening_test.answer_key import AnswerKey
from chromasonic.melody_generation.evaluation.listening_test.answers import Answers
from chromasonic.melody_generation.evaluation.listening_test.crossed_bootstrap import (
    CrossedDraws,
    mean_of_shares,
    wider,
    wilson,
)
from chromasonic.melody_generation.evaluation.listening_test.questions import NAMES
from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.melody import FloatArray
from chromasonic.melody_generation.runs.json_records import null_for_nan

CHANCE = 0.5
MEAN, REAL_OR_MADE = "mean", "real or made"


@dataclass(frozen=True)
class ToldApart:
    """Success of the judges in telling real tunes from made ones.

    Attributes:
        source: The source of the made tunes; empty for all runs together.
        share: The mean of two shares: of real tunes that were taken for real, and of made tunes that were taken for
            made. A judge who guesses, or always says the same, gets 0.5, however many tunes are real.
        share_of_these_judges: The same with an interval over tunes alone: about these judges, not about others.
        real_taken_for_real: The share of real tunes that were taken for real.
        made_taken_for_real: The share of made tunes that were taken for real.
        n_answers: The number of answers.
    """

    source: str
    share: Estimate
    share_of_these_judges: Estimate
    real_taken_for_real: Estimate
    made_taken_for_real: Estimate
    n_answers: int


@dataclass(frozen=True)
class Wins:
    """Comparison of the ratings that the judges gave to two sources.

    Attributes:
        first: The one source.
        second: The other source.
        share: The share of pairs in which the tune of the first source had the higher mean rating; equal ones count
            one half.
        n_pairs: The number of pairs: of two tunes that the same judge has rated.
    """

    first: str
    second: str
    share: Estimate
    n_pairs: int


@dataclass(frozen=True)
class JudgeSummary:
    """One judge.

    Attributes:
        name: The name.
        n_tunes: The number of tunes with answers that count.
        n_known: The number of tunes that the judge knew, which do not count.
        mean_rating: The mean of all ratings; NaN without one.
        told_apart: As in :class:`ToldApart`, for all runs together; NaN without real or made tunes.
    """

    name: str
    n_tunes: int
    n_known: int
    mean_rating: float
    told_apart: Estimate


@dataclass(frozen=True)
class Judgements:
    """The results of a listening test.

    Attributes:
        test: The id of the test.
        n_sets: The number of matched sets of tunes.
        ratings: For each source, the mean of each question and of all (``"mean"``).
        taken_for_real: For each source, the share of its tunes that were taken for real.
        told_apart: Real tunes against those of all runs, then against those of each; empty without real tunes.
        wins: For each pair of sources.
        judges: Each judge.
        agreement: Krippendorff's alpha of each question, and of ``"real or made"``.
        refused: Why files were not counted, by name.
    """

    test: str
    n_sets: int
    ratings: Mapping[str, Mapping[str, Estimate]]
    taken_for_real: Mapping[str, Estimate]
    told_apart: tuple[ToldApart, ...]
    wins: tuple[Wins, ...]
    judges: tuple[JudgeSummary, ...]
    agreement: Mapping[str, Estimate]
    refused: Mapping[str, str]

    def to_json(self) -> JsonObject:
        """Return plain values for a JSON file, with null for what is not defined."""
        values = asdict(self)
        lists = {name: list(values[name]) for name in ("told_apart", "wins", "judges")}
        plain: JsonObject = null_for_nan({**values, **lists, "chance": CHANCE})
        return plain


def judgements_of(answers: Answers, key: AnswerKey, *, seed: int = 0, n_resamples: int = 2000) -> Judgements:
    """Return the results of a test, with 95 % intervals over judges and matched sets of tunes.

    Args:
        answers: The answers.
        key: The key of the test.
        seed: Seed of the resampling.
        n_resamples: Number of resampled tests.
    """
    draws = CrossedDraws.of(len(answers.judges), key.n_sets, seed, n_resamples)
    means = _mean_ratings(answers)  # (J, S, P)
    names = [source.name for source in key.sources]
    ratings = {
        name: {
            **{question: _mean(answers.ratings[:, index, source], draws) for index, question in enumerate(NAMES)},
            MEAN: _mean(means[:, source], draws),
        }
        for source, name in enumerate(names)
    }
    flat = answers.calls.reshape(len(answers.judges), -1)
    agreement = {
        question: krippendorff_alpha(answers.ratings[:, index].reshape(flat.shape), seed=seed, n_resamples=n_resamples)
        for index, question in enumerate(NAMES)
    }
    agreement[REAL_OR_MADE] = krippendorff_alpha(flat, is_nominal=True, seed=seed, n_resamples=n_resamples)
    return Judgements(
        test=key.test_id,
        n_sets=key.n_sets,
        ratings=ratings,
        taken_for_real={name: _share(answers.calls[:, [source]], draws) for source, name in enumerate(names)},
        told_apart=_told_apart(answers.calls, key, draws),
        wins=tuple(
            _wins(names[first], names[second], means[:, first], means[:, second], draws)
            for first, second in itertools.combinations(range(len(names)), 2)
        ),
        judges=_judges(answers, key, seed, n_resamples),
        agreement=agreement,
        refused=dict(answers.refused),
    )


def _mean_ratings(answers: Answers) -> FloatArray:
    """Return the mean rating of each judge on each tune that has all ratings, else NaN, shape (J, S, P)."""
    means: FloatArray = answers.ratings.mean(axis=1)
    return means


def _mean(values: FloatArray, draws: CrossedDraws) -> Estimate:
    """Return the mean of answers (J, P), NaN where there is none, with its interval."""
    if np.isnan(values).all():
        return Estimate(math.nan, math.nan, math.nan)
    sums, counts = np.nan_to_num(values), (~np.isnan(values)).astype(np.float64)
    return draws.interval(float(np.nanmean(values)), draws.means(sums, counts))


def _share(calls: FloatArray, draws: CrossedDraws) -> Estimate:
    """Return the share of tunes (J, S, P) that were taken for real, with its interval."""
    sums, counts = np.nansum(calls, axis=1), (~np.isnan(calls)).sum(axis=1).astype(np.float64)
    if not counts.sum():
        return Estimate(math.nan, math.nan, math.nan)
    share = float(sums.sum() / counts.sum())
    return wider(draws.interval(share, draws.means(sums, counts)), wilson(share, float(counts.sum())))


def _told_apart(calls: FloatArray, key: AnswerKey, draws: CrossedDraws) -> tuple[ToldApart, ...]:
    """Return how well real tunes are told from those of all runs and of each run; empty without real or made ones."""
    made = [index for index, source in enumerate(key.sources) if not source.is_real]
    if key.real_source is None or not made:
        return ()
    groups = {"": made} if len(made) > 1 else {}
    groups |= {key.sources[index].name: [index] for index in made}
    real = calls[:, [key.real_source]]
    return tuple(
        ToldApart(
            source=name,
            share=_balanced_share(real, calls[:, group], draws),
            share_of_these_judges=_balanced_share(real, calls[:, group], draws.with_these_judges()),
            real_taken_for_real=_share(real, draws),
            made_taken_for_real=_share(calls[:, group], draws),
            n_answers=int((~np.isnan(real)).sum() + (~np.isnan(calls[:, group])).sum()),
        )
        for name, group in groups.items()
    )


def _balanced_share(real: FloatArray, made: FloatArray, draws: CrossedDraws) -> Estimate:
    """Return the mean of the shares of right answers on real and on made tunes, each (J, S, P), with its interval."""
    right = (real, 1 - made)
    sums = [np.nansum(values, axis=1) for values in right]
    counts = [(~np.isnan(values)).sum(axis=1).astype(np.float64) for values in right]
    if not all(n.sum() for n in counts):
        return Estimate(math.nan, math.nan, math.nan)
    shares = [float(above.sum() / below.sum()) for above, below in zip(sums, counts, strict=True)]
    drawn = [draws.means(above, below) for above, below in zip(sums, counts, strict=True)]
    floor = mean_of_shares(*(wilson(share, float(n.sum())) for share, n in zip(shares, counts, strict=True)))
    return wider(draws.interval(sum(shares) / 2, (drawn[0] + drawn[1]) / 2), floor)


def _wins(first: str, second: str, of_first: FloatArray, of_second: FloatArray, draws: CrossedDraws) -> Wins:
    """Compare the mean ratings of two sources, each (J, P), by all pairs of tunes of one judge."""
    pairs = (1 + np.sign(of_first[:, :, None] - of_second[:, None, :])) / 2  # (J, P, P)
    is_pair = ~np.isnan(pairs)
    n_pairs = int(is_pair.sum())
    if not n_pairs:
        return Wins(first, second, Estimate(math.nan, math.nan, math.nan), 0)
    share = float(np.nanmean(pairs))
    estimate = draws.interval(share, draws.wins(np.nan_to_num(pairs), is_pair.astype(np.float64)))
    n_rated = float((~np.isnan(of_first)).sum() + (~np.isnan(of_second)).sum()) / 2
    return Wins(first, second, wider(estimate, wilson(share, n_rated)), n_pairs)


def _judges(answers: Answers, key: AnswerKey, seed: int, n_resamples: int) -> tuple[JudgeSummary, ...]:
    """Summarise each judge, with intervals over matched sets alone."""
    draws = CrossedDraws.of(1, key.n_sets, seed, n_resamples)
    summaries = []
    for index, name in enumerate(answers.judges):
        calls, ratings = answers.calls[[index]], answers.ratings[index]
        told = _told_apart(calls, key, draws)
        is_answered = ~np.isnan(calls[0]) | ~np.isnan(ratings).all(axis=0)
        summaries.append(
            JudgeSummary(
                name=name,
                n_tunes=int(is_answered.sum()),
                n_known=answers.n_known[index],
                mean_rating=math.nan if np.isnan(ratings).all() else float(np.nanmean(ratings)),
                told_apart=told[0].share if told else Estimate(math.nan, math.nan, math.nan),
            )
        )
    return tuple(summaries)

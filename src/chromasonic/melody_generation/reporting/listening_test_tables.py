"""Tables of what the answers to a listening test show."""

from __future__ import annotations

import math

from chromasonic.melody_generation.evaluation.listening_test.judgements import (
    CHANCE,
    MEAN,
    REAL_OR_MADE,
    Judgements,
    ToldApart,
)
from chromasonic.melody_generation.evaluation.listening_test.questions import HIGHEST, LOWEST, NAMES
from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.pages.melody_tracks import count_noun
from chromasonic.melody_generation.pages.tables import Table, interval


def listening_test_tables(judgements: Judgements) -> tuple[Table, ...]:
    """Return the tables of ratings, of real and made, of wins, of agreement, and of the judges."""
    tables = [_ratings_table(judgements)]
    if judgements.told_apart:
        tables.append(_told_apart_table(judgements))
    if judgements.wins:
        tables.append(_wins_table(judgements))
    return (*tables, _agreement_table(judgements), _judges_table(judgements))


def _ratings_table(judgements: Judgements) -> Table:
    names = tuple(judgements.ratings)
    rows = [
        (question, *(interval(judgements.ratings[name][question], 2) for name in names)) for question in (*NAMES, MEAN)
    ]
    rows.append(("taken for real", *(interval(judgements.taken_for_real[name], 2) for name in names)))
    n_judges = len(judgements.judges)
    about = (
        "over judges and tunes" if n_judges > 1 else "over tunes: it is about this judge, and says nothing about others"
    )
    note = (
        f"{count_noun(n_judges, 'judge')}, {count_noun(judgements.n_sets, 'tune')} of each source, rated from {LOWEST} "
        f"to {HIGHEST}. [ ] is the 95 % interval {about}. Test {judgements.test}."
    )
    return Table("", ("Ratings", *names), tuple(rows), note)


def _told_apart_table(judgements: Judgements) -> Table:
    rows = tuple(
        (
            f"real and {told.source or 'made by any run'}",
            interval(told.share, 2),
            interval(told.share_of_these_judges, 2),
            f"{CHANCE:.2f}",
            interval(told.real_taken_for_real, 2),
            interval(told.made_taken_for_real, 2),
        )
        for told in judgements.told_apart
    )
    columns = ("Real or made", "told apart", "by these judges", "chance", "real taken for real", "made taken for real")
    meaning = "By these judges: with an interval over tunes alone."
    return Table("", columns, rows, " ".join([meaning, *map(verdict, judgements.told_apart)]))


def verdict(told: ToldApart) -> str:
    """Return a sentence on whether real tunes were told from made ones.

    Example:
        >>> undefined = Estimate(math.nan, math.nan, math.nan)
        >>> told = Estimate(0.7, 0.6, 0.8)
        >>> verdict(ToldApart("lstm", told, told, undefined, undefined, 80))
        'Tunes of lstm were told from real ones more often than by guessing.'
    """
    whose = f"Tunes of {told.source}" if told.source else "Tunes of the runs"
    if math.isnan(told.share.low):
        return f"{whose} have too few answers."
    if told.share.low > CHANCE:
        return f"{whose} were told from real ones more often than by guessing."
    if told.share_of_these_judges.low > CHANCE:
        return (
            f"{whose} were told from real ones by these judges more often than by guessing, but the judges are too few "
            "or too different to say so of others."
        )
    if told.share.high < CHANCE:
        return f"{whose} were taken for real more often than the real ones."
    return f"{whose} were not told from real ones more often than by guessing would do (chance is in the interval)."


def _wins_table(judgements: Judgements) -> Table:
    rows = tuple(
        (f"{wins.first} above {wins.second}", interval(wins.share, 2), str(wins.n_pairs)) for wins in judgements.wins
    )
    note = "The share of pairs of tunes in which one judge rated the first higher, on the mean of all questions; "
    return Table("", ("Wins", "share", "pairs"), rows, note + "equal ones count one half.")


def _agreement_table(judgements: Judgements) -> Table:
    rows = tuple((name, interval(judgements.agreement[name], 2)) for name in (*NAMES, REAL_OR_MADE))
    note = "1 is agreement in everything, 0 what chance would give; [ ] is the 95 % interval over tunes."
    return Table("", ("Agreement of judges", "Krippendorff's alpha"), rows, note)


def _judges_table(judgements: Judgements) -> Table:
    rows = tuple(
        (
            judge.name,
            str(judge.n_tunes),
            str(judge.n_known),
            interval(Estimate(judge.mean_rating, math.nan, math.nan), 2),
            interval(judge.told_apart, 2),
        )
        for judge in judgements.judges
    )
    columns = ("Judges", "tunes", "known before", "mean rating", "told apart")
    return Table("", columns, rows, "Tunes that a judge knew before do not count. [ ] is the 95 % interval over tunes.")

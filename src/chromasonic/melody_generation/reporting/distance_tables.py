"""The distance of melodies from real tunes, as a table, and as a line that says what tells them apart."""

from __future__ import annotations

from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.measures.real_distance.distance_to_real import RealDistance
from chromasonic.melody_generation.measures.real_distance.reasons import TOLD_BY
from chromasonic.melody_generation.pages.tables import Table, interval

AUC_COLUMN = "told apart"  # of tables of several models
AUC_NOTE = "Told apart: the AUC of a classifier that tells melodies from real tunes; 0.5 is chance, 1 always."


def distance_tables(distance: RealDistance | None, title: str = "its melodies") -> tuple[Table, ...]:
    """Return the table of the distance from real tunes; none if it was not measured.

    Args:
        distance: The distance.
        title: Title of the column of the melodies.
    """
    if distance is None:
        return ()
    sets, floor = distance.sets, distance.sets_floor
    rows = (
        ("told from real tunes (two-sample AUC)", distance.two_sample_auc, distance.two_sample_auc_floor, 2),
        ("Fréchet distance", sets.frechet, floor.frechet, 1),
        ("precision: its melodies among real tunes", sets.precision, floor.precision, 2),
        ("recall: real tunes among its melodies", sets.recall, floor.recall, 2),
    )
    signs = tuple(
        (_label(name), _sign(name, value), _sign(name, distance.real_signs[name]))
        for name, value in distance.signs.items()
        if name in distance.real_signs
    )
    return (
        Table(
            "",
            ("Distance from real tunes", title, "real tunes"),
            (*((name, interval(made, digits), interval(real, digits)) for name, made, real, digits in rows), *signs),
            " ".join(
                filter(
                    None,
                    (
                        "AUC: 0.5 if a classifier cannot tell melodies from real tunes, 1 if it always can.",
                        told_by(distance),
                        _by_aspect(distance),
                    ),
                )
            ),
        ),
    )


def told_by(distance: RealDistance) -> str:
    """Return a sentence on what the classifier goes by."""
    if not distance.reasons:
        return "It cannot tell them apart."
    return f"It goes by this: the melodies {'; '.join(reason.sentence() for reason in distance.reasons)}."


def _by_aspect(distance: RealDistance) -> str:
    """Return a sentence on the AUC of each aspect alone, the largest first; empty if there are none."""
    aspects = sorted(distance.aspects.items(), key=lambda aspect: -aspect[1].value)
    listed = ", ".join(f"{name} {auc.value:.2f}" for name, auc in aspects)
    return f"By one aspect alone the AUC is: {listed}." if listed and distance.reasons else ""


def _label(name: str) -> str:
    feature = TOLD_BY[name]
    return f"{feature.label}, {feature.unit}" if feature.unit else feature.label


def _sign(name: str, value: Estimate) -> str:
    return interval(value, 1 if TOLD_BY[name].unit else 2)

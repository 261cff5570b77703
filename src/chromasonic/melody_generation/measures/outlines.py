"""Outlines: the kind, the number of bars and the last note of a tune, from which new melodies are planned.

A model that is told nothing writes melodies of any length, and half of them do not end on the tonic. A musician decides
first what the tune is to be. Outlines of real tunes in the same metre and mode make that decision in their proportions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import KINDS
from chromasonic.melody_generation.melody import MODES, REST, Melody, Metre
from chromasonic.melody_generation.vocabulary import METRES, UNKNOWN_KIND

MAX_OUTLINES = 2000  # of more tunes every n-th is taken
_FEWEST = 10  # tunes that agree, before a condition is taken into account
_MOST_BARS = 1_000


@dataclass(frozen=True)
class Outline:
    """A decision on a melody before its notes; the default decides nothing.

    Attributes:
        kind: The kind of tune; ``unknown`` leaves it to the model.
        n_bars: The number of bars; None if the model ends the melody.
        final_degree: Semitones from the tonic up to the last note, 0 to 11; None for any.
        final_position: Ticks of the last bar up to the end of the melody; None if the last bar is complete, together
            with an upbeat.
    """

    kind: str = UNKNOWN_KIND
    n_bars: int | None = None
    final_degree: int | None = None
    final_position: int | None = None


@dataclass(frozen=True)
class _TuneOutline:
    metre: Metre
    mode: str
    has_upbeat: bool
    kind: str
    n_bars: int
    final_degree: int
    final_position: int | None = None


@dataclass(frozen=True)
class TuneOutlines:
    """The outlines of real tunes; those that change metre, or have no metre or no sounding note, are left out.

    Example:
        >>> tunes = TuneOutlines.of([Melody([67, 60], [48, 48], Metre(4, 4))])
        >>> tunes.draw(Melody([], [], Metre(4, 4)), np.random.default_rng(0))
        Outline(kind='unknown', n_bars=1, final_degree=0, final_position=None)
    """

    tunes: tuple[_TuneOutline, ...] = ()

    @classmethod
    def of(cls, melodies: Sequence[Melody]) -> TuneOutlines:
        """Return the outlines of melodies, of 2000 at most."""
        return cls(tuple(_outlines(melodies[:: -(-len(melodies) // MAX_OUTLINES) or 1])))

    def draw(
        self,
        beginning: Melody,
        rng: np.random.Generator,
        n_bars: int | None = None,
    ) -> Outline:
        """Draw the outline of one of the tunes that are most like a beginning.

        Conditions are taken into account in this order, each as long as ten tunes satisfy it and those before: the
        metre, the kind if it is known, the number of bars if it is given, an upbeat, the mode.

        Args:
            beginning: The conditions and first notes of a melody; an outline has more bars than it.
            rng: Random numbers; one is drawn.
            n_bars: The number of bars, if it is given.

        Returns:
            The outline. It decides nothing if no tune has enough bars, or the metre is free.
        """
        uniform = rng.random()
        tunes = [tune for tune in self.tunes if n_bars is not None or tune.n_bars > beginning.n_bars]
        if not tunes or not beginning.metre.beats:
            return Outline()
        conditions: list[Callable[[_TuneOutline], bool]] = [
            lambda tune: tune.metre == beginning.metre,
            lambda tune: beginning.kind in (UNKNOWN_KIND, tune.kind),
            lambda tune: n_bars in (None, tune.n_bars),
            lambda tune: tune.has_upbeat == bool(beginning.start),
            lambda tune: tune.mode == beginning.mode,
        ]
        for condition in conditions:
            agreeing = [tune for tune in tunes if condition(tune)]
            if len(agreeing) >= min(_FEWEST, len(self.tunes)):
                tunes = agreeing
        tune = tunes[int(uniform * len(tunes))]
        kind = tune.kind if tune.metre == beginning.metre else UNKNOWN_KIND
        return Outline(
            kind=kind if beginning.kind == UNKNOWN_KIND else beginning.kind,
            n_bars=tune.n_bars if n_bars is None else n_bars,
            final_degree=tune.final_degree,
            final_position=tune.final_position if tune.metre == beginning.metre else None,
        )

    def to_values(self) -> list[list[object]]:
        """Return plain values for a checkpoint; the position is left out where the last bar is complete."""
        rows: list[list[object]] = []
        for tune in self.tunes:
            row: list[object] = [str(tune.metre), tune.mode, tune.has_upbeat, tune.kind, tune.n_bars, tune.final_degree]
            rows.append(row if tune.final_position is None else [*row, tune.final_position])
        return rows

    @classmethod
    def from_values(cls, values: Sequence[object]) -> TuneOutlines:
        """Read the values of ``to_values``.

        Raises:
            InputError: If a value has the wrong type or is out of range.
        """
        if len(values) > MAX_OUTLINES:
            raise InputError(f"outlines should be up to {MAX_OUTLINES}, got {len(values)}")
        metres = {str(metre): metre for metre in METRES}
        return cls(tuple(_read(value, metres) for value in values))


def _outlines(melodies: Iterable[Melody]) -> Iterable[_TuneOutline]:
    for melody in melodies:
        sounding = melody.pitches[melody.pitches != REST]
        if melody.metre not in METRES or not melody.metre.beats or melody.departures or not len(sounding):
            continue
        if 1 <= melody.n_bars <= _MOST_BARS:
            yield _TuneOutline(
                metre=melody.metre,
                mode=melody.mode,
                has_upbeat=bool(melody.start),
                kind=melody.kind,
                n_bars=melody.n_bars,
                final_degree=int(sounding[-1] - melody.tonic) % 12,
                final_position=_final_position(melody),
            )


def _final_position(melody: Melody) -> int | None:
    position = (melody.start + melody.ticks) % melody.metre.bar_ticks
    return None if position == melody.start else position or melody.metre.bar_ticks


def _read(value: object, metres: Mapping[str, Metre]) -> _TuneOutline:
    if isinstance(value, list) and len(value) in (6, 7):
        metre, mode, has_upbeat, kind, n_bars, degree, *final = value
        is_valid = (
            isinstance(metre, str) and metre in metres and mode in MODES and kind in KINDS
            and isinstance(has_upbeat, bool) and type(n_bars) is int and type(degree) is int
            and 1 <= n_bars <= _MOST_BARS and 0 <= degree < 12
            and all(type(ticks) is int and 0 < ticks <= metres[metre].bar_ticks for ticks in final)
        )  # fmt: skip
        if is_valid:
            return _TuneOutline(metres[metre], mode, has_upbeat, kind, n_bars, degree, *final)
    raise InputError(
        f"an outline should be metre, mode, upbeat, kind, bars, final degree and position, got {value!r:.80}"
    )

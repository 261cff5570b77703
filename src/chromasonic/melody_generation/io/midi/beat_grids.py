"""Move played onsets to the grid of note values: for each quarter note, a binary or a ternary one.

Each grid has a cost: the squared distances of the onsets from it, the onsets that it cannot keep apart, and how seldom
it is. So a fine or a ternary grid needs onsets that a coarse binary one does not explain. This is the maximum a
posteriori choice of Cemgil, Desain & Kappen (2000), Rhythm quantization for transcription, with the beat given by the
file. What is frequent in a part is likely in all of it: the first choices set the costs of the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import exp, log

from chromasonic.melody_generation.melody import TICKS_PER_QUARTER

_SIXTEENTH = TICKS_PER_QUARTER // 4
# Grids by their positions in a quarter note, and the negative logarithm of how frequent each is, up to a constant.
_TERNARY, _FINE_TERNARY = (0, 8, 16), (0, 4, 8, 12, 16, 20)
_GRID_COSTS: dict[tuple[int, ...], float] = {
    (0, 12): 0.0,
    (0, 6, 12, 18): 0.7,
    _TERNARY: 2.5,
    (0, 3, 6, 9, 12, 15, 18, 21): 5.0,
    _FINE_TERNARY: 6.0,
    (0, 4, 8, 12, 18): 4.0,  # a triplet of sixteenths in half of it
    (0, 6, 12, 16, 20): 4.0,
}
_DEVIATION = 1.0  # ticks, of played onsets: 20 ms at 120 quarters a minute
_COLLISION_COST = 6.0
_SYNCOPATION_COST = 1.5  # of a sixteenth on the second quarter of a beat without a note in its middle
_PRIOR_BEATS = 10
_N_PASSES = 4


@dataclass(frozen=True, slots=True)
class GridOnset:
    """An onset on the grid.

    Attributes:
        position: The onset in ticks.
        is_ternary: Whether its quarter note is divided into three.
    """

    position: int
    is_ternary: bool = False


@dataclass(frozen=True, slots=True)
class _PlacedBeat:
    """The onsets in a quarter note on a grid, and the cost of their movement."""

    grid: tuple[int, ...]
    onsets: tuple[int, ...]
    cost: float


def snap_to_grid(ticks: float) -> int:
    """Round to the nearest thirty-second note or triplet sixteenth, in ticks; ties go to the thirty-second.

    Example:
        >>> [snap_to_grid(ticks) for ticks in (7, 8, 11)]
        [6, 8, 12]
    """
    return min(3 * round(ticks / 3), 4 * round(ticks / 4), key=lambda position: abs(position - ticks))


def choose_grids(onsets: Sequence[float]) -> list[GridOnset]:
    """Move onsets to the grids that are chosen for their quarter notes.

    Args:
        onsets: Rising onsets of notes that do not begin together, in ticks.

    Returns:
        The onsets on the grid, in the same order.
    """
    beats = [_options(list(beat)) for _, beat in groupby(onsets, key=lambda onset: int(onset // TICKS_PER_QUARTER))]
    costs = _GRID_COSTS
    chosen = list[_PlacedBeat]()
    for _ in range(_N_PASSES):
        chosen = []
        for options in beats:
            previous = chosen[-1].onsets[-1] if chosen else -1
            chosen.append(min(options, key=lambda beat: beat.cost + costs[beat.grid] + _collision(beat, previous)))
        costs = _adapted_costs(Counter(beat.grid for beat in chosen))
    ternary = {_TERNARY, _FINE_TERNARY}
    return [GridOnset(onset, beat.grid in ternary) for beat in chosen for onset in beat.onsets]


def _collision(beat: _PlacedBeat, previous: int) -> float:
    return _COLLISION_COST if beat.onsets[0] == previous else 0.0


def _adapted_costs(counts: Mapping[tuple[int, ...], int]) -> dict[tuple[int, ...], float]:
    """Return the costs of grids after they were chosen so often; the costs before count for some quarter notes."""
    prior = {grid: exp(-cost) for grid, cost in _GRID_COSTS.items()}
    total = sum(prior.values())
    weights = {grid: counts.get(grid, 0) + _PRIOR_BEATS * share / total for grid, share in prior.items()}
    largest = max(weights.values())
    return {grid: -log(weight / largest) for grid, weight in weights.items()}


def _options(onsets: Sequence[float]) -> list[_PlacedBeat]:
    """Return the onsets in a quarter note on each grid."""
    begin = int(onsets[0] // TICKS_PER_QUARTER) * TICKS_PER_QUARTER
    options: list[_PlacedBeat] = []
    for grid in _GRID_COSTS:
        positions = [begin + position for position in (*grid, TICKS_PER_QUARTER)]
        moved = [min(positions, key=lambda position: abs(position - onset)) for onset in onsets]
        squares = sum((position - onset) ** 2 for position, onset in zip(moved, onsets, strict=True))
        n_collisions = sum(first == second for first, second in pairwise(moved))
        is_syncopated = begin + _SIXTEENTH in moved and begin + 2 * _SIXTEENTH not in moved
        cost = squares / (2 * _DEVIATION**2) + _COLLISION_COST * n_collisions + _SYNCOPATION_COST * is_syncopated
        options.append(_PlacedBeat(grid, tuple(moved), cost))
    return options

"""Seeded random walks whose true entropy is known: the corpus that shows whether a model learns at all.

A tune is made of phrases of eight bars in 4/4, 3/4 or 6/8, in major or minor, on a tonic drawn freely. Each
event draws two things, independently of each other:

* its pitch, a step of a walk on the degrees of the scale, from a table that knows the degree before it alone.
  Now and then a rest stands in its place; after a rest the walk begins afresh, as it does at the beginning;
* its duration, from a table that knows the place in the bar alone and never leads across a bar line.

After each phrase the tune ends with a fixed probability. So the next token depends on the token before it and
on the place in the phrase, and on nothing else: a model that sees corpus, metre, mode and the tokens so far
can reach the process's own uncertainty, and none can do better. A bar has two notes or more, hence a tune 16.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

import numpy as np

from chromasonic.melody_generation.corpora.corpus import CorpusReading, collect_tunes
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.tunes import WrittenTune
from chromasonic.melody_generation.melody import REST, FloatArray, Melody, Metre
from chromasonic.melody_generation.vocabulary import MIDDLE_C

MIN_NOTES = 16
PHRASE_BARS = 8
END_PROBABILITY = 0.75  # at the end of each phrase
REST_PROBABILITY = 0.05  # after each note; a rest follows no rest and begins no tune

METRES = (Metre(4, 4), Metre(3, 4), Metre(6, 8))
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}  # semitones above the tonic
DEGREES = range(-3, 10)  # scale degrees, 0 is the tonic: from the fifth below it to the third above its octave
STEP_WEIGHTS = {0: 2.0, 1: 6.0, 2: 3.0, 3: 1.0, 4: 0.5}  # by distance in scale degrees; none is wider
TRIAD_WEIGHT = 2.0  # how much likelier the tonic's triad is than other degrees at the same distance

GRID = 12  # ticks: everything stands on eighths
DURATION_WEIGHTS = {12: 5.0, 24: 4.0, 36: 1.0, 48: 0.5}  # ticks; the longest is shorter than any bar
ON_BEAT_WEIGHT = 3.0  # how much likelier a duration is that ends on a beat
_DURATIONS = tuple(DURATION_WEIGHTS)

# Row and column 0 of the pitch table are a rest, which is also where a tune begins; then come DEGREES.
_AFRESH = 0


def _normalised(weights: FloatArray) -> FloatArray:
    """Rows of weights as rows of probabilities."""
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True), dtype=np.float64)


@cache
def pitch_table() -> FloatArray:
    """Give the probability of a pitch (column) after another (row): a rest, then ``DEGREES``."""
    stability = np.array([TRIAD_WEIGHT if degree % 7 in (0, 2, 4) else 1.0 for degree in DEGREES])
    steps = [[STEP_WEIGHTS.get(abs(after - before), 0.0) for after in DEGREES] for before in DEGREES]
    begin = [1.0 if degree in (0, 2, 4) else 0.0 for degree in DEGREES]

    table = np.zeros((len(DEGREES) + 1, len(DEGREES) + 1))
    table[0, 1:] = _normalised(np.array(begin))
    table[1:, 0] = REST_PROBABILITY
    table[1:, 1:] = (1 - REST_PROBABILITY) * _normalised(np.array(steps) * stability)
    table.setflags(write=False)
    return table


@cache
def duration_table(metre: Metre) -> FloatArray:
    """Give the probability of each of ``DURATION_WEIGHTS`` (column) at each eighth of a bar (row)."""
    beat = 3 * GRID if metre.unit == 8 else 2 * GRID
    ends = np.arange(0, metre.bar_ticks, GRID)[:, None] + np.array(_DURATIONS)
    weights = np.array(list(DURATION_WEIGHTS.values())) * np.where(ends % beat == 0, ON_BEAT_WEIGHT, 1.0)
    table = _normalised(np.where(ends <= metre.bar_ticks, weights, 0.0))
    table.setflags(write=False)
    return table


def _entropy(probabilities: FloatArray) -> FloatArray:
    """Bits of each row."""
    logs = np.log2(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    return np.asarray(-(probabilities * logs).sum(axis=-1), dtype=np.float64)


def _expected_visits(metre: Metre) -> FloatArray:
    """How often an event of a tune falls at each place of a phrase, after each pitch, on average.

    The events of a tune are an absorbing Markov chain over places and pitches; its expected visits solve
    v = v0 + v Q, where Q moves on without an end (Kemeny and Snell, Finite Markov Chains, 1960, chapter 3).

    Returns:
        Shape (places of a phrase, pitches before).
    """
    durations = duration_table(metre)
    n_places = PHRASE_BARS * len(durations)
    moves = np.zeros((n_places, n_places))
    for place in range(n_places):
        for column, ticks in enumerate(_DURATIONS):
            after = place + ticks // GRID
            goes_on = 1 - END_PROBABILITY if after == n_places else 1.0
            # What no bar holds has probability 0: the remainder only keeps its index within the table.
            moves[place, after % n_places] += goes_on * durations[place % len(durations), column]
    chain = np.kron(moves, pitch_table())
    begin = np.zeros(len(chain))
    begin[_AFRESH] = 1.0
    visits = np.linalg.solve(np.eye(len(chain)) - chain.T, begin)
    return np.asarray(visits.reshape(n_places, -1), dtype=np.float64)


@cache
def entropy_per_note() -> float:
    """Bits per note of the process itself: expected surprisal of a tune over its expected number of notes.

    All tokens after the control prefix count, ``<end>`` and its absence included; rests count as notes. It is
    computed from the process, not sampled, and is the least that any model's bits per note can be on average.
    """
    bits = notes = 0.0
    ends = np.array([END_PROBABILITY, 1 - END_PROBABILITY])
    for metre in METRES:  # all are equally likely, and so are the modes, which only name the degrees
        visits = _expected_visits(metre)
        notes += visits.sum()
        bits += visits.sum(axis=0) @ _entropy(pitch_table())
        bits += visits.sum(axis=1) @ np.tile(_entropy(duration_table(metre)), PHRASE_BARS)
        bits += float(_entropy(ends)) / END_PROBABILITY  # so many phrases has a tune on average
    return float(bits / notes)


def _semitones(degree: int, mode: str) -> int:
    """Semitones above the tonic of a scale degree, of any octave."""
    octave, step = divmod(degree, 7)
    return 12 * octave + SCALES[mode][step]


@dataclass(frozen=True)
class SyntheticCorpus:
    """``num_sequences`` random walks; walk i of a seed is the same however many there are.

    Raises:
        InputError: If there is to be no tune, or the seed is negative.

    Example:
        >>> [first, second] = SyntheticCorpus(num_sequences=2).load()
        >>> first.corpus, len(first) >= MIN_NOTES, first == second
        ('synthetic', True, False)
    """

    num_sequences: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.num_sequences < 1:
            raise InputError(f"a synthetic corpus has at least 1 tune: num_sequences is {self.num_sequences}")
        if self.seed < 0:
            raise InputError(f"the seed of a synthetic corpus is a number of 0 or more, got {self.seed}")

    @property
    def entropy_per_note(self) -> float:
        """Bits per note of the process itself: see :func:`entropy_per_note`."""
        return entropy_per_note()

    def read(self) -> CorpusReading:
        """Make the walks, and a report in which nothing is changed or dropped."""
        return collect_tunes(WrittenTune(melody, n_overruns=0, n_ticks_rounded=0) for melody in self._walks())

    def load(self) -> list[Melody]:
        """Make the walks alone."""
        return list(self.read().melodies)

    def _walks(self) -> Iterator[Melody]:
        for index in range(self.num_sequences):
            yield _walk(np.random.default_rng([self.seed, index]), source=f"synthetic-{self.seed}:{index}")

    def nll(self, melody: Melody) -> float:
        """Give the bits of one whole tune, after its control prefix, under the process that makes such tunes.

        Summed over held-out tunes and divided by their notes, this is what a model's bits per note on the
        same tunes is to be compared with: chance in the choice of tunes then plays no part. It is infinite
        for a melody that the process cannot make, such as one of another corpus or a window of a tune.
        """
        if melody.metre not in METRES or melody.mode not in SCALES or melody.start or melody.departures:
            return math.inf
        phrase_ticks = PHRASE_BARS * melody.metre.bar_ticks
        n_phrases, unfinished = divmod(melody.ticks, phrase_ticks)
        if not len(melody) or unfinished:
            return math.inf
        likelihoods = [*_pitch_likelihoods(melody), *_duration_likelihoods(melody), END_PROBABILITY]
        likelihoods += [1 - END_PROBABILITY] * (n_phrases - 1)
        return -sum(math.log2(each) if each else -math.inf for each in likelihoods)


def _pitch_likelihoods(melody: Melody) -> Iterator[float]:
    tonic = MIDDLE_C + melody.tonic
    column = {tonic + _semitones(degree, melody.mode): 1 + i for i, degree in enumerate(DEGREES)}
    before, table = _AFRESH, pitch_table()
    for pitch in melody.pitches.tolist():
        after = _AFRESH if pitch == REST else column.get(pitch)
        if after is None:
            yield 0.0
            return
        yield float(table[before, after])
        before = after


def _duration_likelihoods(melody: Melody) -> Iterator[float]:
    table = duration_table(melody.metre)
    for position, ticks in zip(melody.positions.tolist(), melody.durations.tolist(), strict=True):
        known = ticks in DURATION_WEIGHTS and position % GRID == 0
        yield float(table[position // GRID, _DURATIONS.index(ticks)]) if known else 0.0


def _walk(random: np.random.Generator, source: str) -> Melody:
    """One tune."""
    metre = METRES[random.integers(len(METRES))]
    mode = tuple(SCALES)[random.integers(len(SCALES))]
    tonic = int(random.integers(12))
    n_phrases = int(random.geometric(END_PROBABILITY))
    n_bars = PHRASE_BARS * n_phrases

    pitch_bounds, duration_bounds = _pitch_bounds(), _duration_bounds(metre)
    heights = [REST, *(MIDDLE_C + tonic + _semitones(degree, mode) for degree in DEGREES)]
    # An event lasts one step of the grid at least, so these numbers suffice.
    chances = random.random((n_bars * metre.bar_ticks // GRID, 2)).tolist()
    pitches: list[int] = []
    durations: list[int] = []
    row = _AFRESH
    elapsed = 0
    for pitch_chance, duration_chance in chances:
        if elapsed == n_bars * metre.bar_ticks:
            break
        row = bisect_right(pitch_bounds[row], pitch_chance)
        place = elapsed % metre.bar_ticks // GRID
        ticks = _DURATIONS[bisect_right(duration_bounds[place], duration_chance)]
        pitches.append(heights[row])
        durations.append(ticks)
        elapsed += ticks
    return Melody(pitches, durations, metre, tonic=tonic, mode=mode, source=source, corpus="synthetic")


@cache
def _pitch_bounds() -> list[list[float]]:
    return [_bounds(row) for row in pitch_table().tolist()]


@cache
def _duration_bounds(metre: Metre) -> list[list[float]]:
    return [_bounds(row) for row in duration_table(metre).tolist()]


def _bounds(probabilities: list[float]) -> list[float]:
    """Give the numbers in [0, 1) at which one choice ends and the next begins."""
    # The sum may miss 1 by rounding, and no chance may fall behind it.
    return [bound if bound < 1 - 1e-9 else math.inf for bound in accumulate(probabilities)]

"""Random walks of known entropy: a corpus to check whether a model learns.

A tune consists of phrases of eight bars in 4/4, 3/4 or 6/8, in major or minor, on a random tonic. Each event draws two
values independently:

* its pitch: a step of a random walk on the degrees of the scale, which depends on the previous degree only. A rest may
  replace the pitch; after a rest the walk restarts as at the beginning;
* its duration, which depends on the position in the bar only and never crosses a bar line.

After each phrase the tune ends with a fixed probability. So the next token depends only on the previous token and the
position in the phrase: a model that sees corpus, metre, mode and the previous tokens can reach the entropy of the
process, and no model can do better. A bar has two notes or more, hence a tune at least 16.
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
from chromasonic.melody_generation.corpora.source_collection import SourceCollection
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.tunes import WrittenTune
from chromasonic.melody_generation.melody import REST, FloatArray, Melody, Metre
from chromasonic.melody_generation.vocabulary import MIDDLE_C

MIN_NOTES = 16
MAX_SEQUENCES = 10_000_000  # hours of work
PHRASE_BARS = 8
END_PROBABILITY = 0.75  # at the end of each phrase
REST_PROBABILITY = 0.05  # after each note; a rest follows no rest and begins no tune

WALK_METRES = (Metre(4, 4), Metre(3, 4), Metre(6, 8))
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}  # semitones above the tonic
DEGREES = range(-3, 10)  # scale degrees from the fifth below the tonic (0) to the third above its octave
STEP_WEIGHTS = {0: 2.0, 1: 6.0, 2: 3.0, 3: 1.0, 4: 0.5}  # by distance in scale degrees, 4 at most
TRIAD_WEIGHT = 2.0  # of the degrees of the tonic triad, relative to others at the same distance

GRID = 12  # ticks: all onsets are on eighths
DURATION_WEIGHTS = {12: 5.0, 24: 4.0, 36: 1.0, 48: 0.5}  # ticks; the longest is shorter than any bar
ON_BEAT_WEIGHT = 3.0  # of durations that end on a beat, relative to others
_DURATIONS = tuple(DURATION_WEIGHTS)

# Index 0 of the pitch table is a rest, which is also the state at the beginning; DEGREES follow.
_RESTART = 0


def _normalised(weights: FloatArray) -> FloatArray:
    """Return weights as probabilities that sum to 1 along the last axis."""
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True), dtype=np.float64)


@cache
def pitch_table() -> FloatArray:
    """Return the probability of each pitch (axis 1) after another (axis 0): a rest, then ``DEGREES``."""
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
    """Return the probability of each of ``DURATION_WEIGHTS`` (axis 1) at each eighth of a bar (axis 0)."""
    beat = 3 * GRID if metre.unit == 8 else 2 * GRID
    ends = np.arange(0, metre.bar_ticks, GRID)[:, None] + np.array(_DURATIONS)
    weights = np.array(list(DURATION_WEIGHTS.values())) * np.where(ends % beat == 0, ON_BEAT_WEIGHT, 1.0)
    table = _normalised(np.where(ends <= metre.bar_ticks, weights, 0.0))
    table.setflags(write=False)
    return table


def _entropy(probabilities: FloatArray) -> FloatArray:
    """Return the entropy of each distribution along the last axis, in bits."""
    logs = np.log2(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    return np.asarray(-(probabilities * logs).sum(axis=-1), dtype=np.float64)


def _expected_visits(metre: Metre) -> FloatArray:
    """Return the expected number of events of a tune at each position of a phrase, after each pitch.

    The events of a tune are an absorbing Markov chain over positions and pitches. Its expected visits solve
    v = v0 + v Q, where Q holds the transitions that do not end the tune (Kemeny and Snell, Finite Markov Chains, 1960,
    chapter 3).

    Returns:
        Shape (positions in a phrase, previous pitches).
    """
    durations = duration_table(metre)
    n_positions = PHRASE_BARS * len(durations)
    moves = np.zeros((n_positions, n_positions))
    for position in range(n_positions):
        for column, ticks in enumerate(_DURATIONS):
            after = position + ticks // GRID
            continuation = 1 - END_PROBABILITY if after == n_positions else 1.0
            # Durations beyond the phrase have probability 0: the remainder only keeps the index within the table.
            moves[position, after % n_positions] += continuation * durations[position % len(durations), column]
    chain = np.kron(moves, pitch_table())
    begin = np.zeros(len(chain))
    begin[_RESTART] = 1.0
    visits = np.linalg.solve(np.eye(len(chain)) - chain.T, begin)
    return np.asarray(visits.reshape(n_positions, -1), dtype=np.float64)


@cache
def entropy_per_note() -> float:
    """Return the bits per note of the process: expected surprisal of a tune over its expected number of notes.

    All tokens after the control prefix count, including ``<end>`` and its absence; rests count as notes. The value is
    computed, not sampled, and is a lower bound of the expected bits per note of any model.
    """
    bits = notes = 0.0
    ends = np.array([END_PROBABILITY, 1 - END_PROBABILITY])
    for metre in WALK_METRES:  # equally likely, as are the modes, which do not affect the entropy
        visits = _expected_visits(metre)
        notes += visits.sum()
        bits += visits.sum(axis=0) @ _entropy(pitch_table())
        bits += visits.sum(axis=1) @ np.tile(_entropy(duration_table(metre)), PHRASE_BARS)
        bits += float(_entropy(ends)) / END_PROBABILITY  # 1 / END_PROBABILITY is the expected number of phrases
    return float(bits / notes)


def _semitones(degree: int, mode: str) -> int:
    """Return the semitones above the tonic of a scale degree in any octave."""
    octave, step = divmod(degree, 7)
    return 12 * octave + SCALES[mode][step]


@dataclass(frozen=True)
class SyntheticCorpus:
    """A corpus of ``num_sequences`` random walks; walk i of a seed does not depend on their number.

    Raises:
        InputError: If ``num_sequences`` is not 1 to ``MAX_SEQUENCES``, or the seed is negative.

    Example:
        >>> [first, second] = SyntheticCorpus(num_sequences=2).load()
        >>> first.corpus, len(first) >= MIN_NOTES, first == second
        ('synthetic', True, False)
    """

    num_sequences: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.num_sequences <= MAX_SEQUENCES:
            raise InputError(f"num_sequences of a synthetic corpus is 1 to {MAX_SEQUENCES:_}, got {self.num_sequences}")
        if self.seed < 0:
            raise InputError(f"the seed of a synthetic corpus is 0 or more, got {self.seed}")

    @property
    def entropy_per_note(self) -> float:
        """Bits per note of the process: see :func:`entropy_per_note`."""
        return entropy_per_note()

    def read(self) -> CorpusReading:
        """Generate the walks, and a report without changes."""
        return collect_tunes(map(WrittenTune, self._walks()), SourceCollection("random walks", "none needed"))

    def load(self) -> list[Melody]:
        """Generate the walks."""
        return list(self.read().melodies)

    def _walks(self) -> Iterator[Melody]:
        for index in range(self.num_sequences):
            yield _walk(np.random.default_rng([self.seed, index]), source=f"synthetic-{self.seed}:{index}")

    def nll(self, melody: Melody) -> float:
        """Return the negative log-likelihood in bits of a whole tune, after its control prefix, under the process.

        Summed over held-out tunes and divided by their notes, it is the value to compare a model's bits per note on the
        same tunes with, free of sampling error. It is infinite for a melody that the process cannot generate, such as
        one of another corpus or a window of a tune.
        """
        if melody.metre not in WALK_METRES or melody.mode not in SCALES or melody.start or melody.departures:
            return math.inf
        phrase_ticks = PHRASE_BARS * melody.metre.bar_ticks
        n_phrases, unfinished = divmod(melody.ticks, phrase_ticks)
        if not len(melody) or unfinished:
            return math.inf
        likelihoods = [*_pitch_likelihoods(melody), *_duration_likelihoods(melody), END_PROBABILITY]
        likelihoods += [1 - END_PROBABILITY] * (n_phrases - 1)
        return -sum(math.log2(likelihood) if likelihood else -math.inf for likelihood in likelihoods)


def _pitch_likelihoods(melody: Melody) -> Iterator[float]:
    tonic = MIDDLE_C + melody.tonic
    column = {tonic + _semitones(degree, melody.mode): 1 + index for index, degree in enumerate(DEGREES)}
    before, table = _RESTART, pitch_table()
    for pitch in melody.pitches.tolist():
        after = _RESTART if pitch == REST else column.get(pitch)
        if after is None:
            yield 0.0
            return
        yield float(table[before, after])
        before = after


def _duration_likelihoods(melody: Melody) -> Iterator[float]:
    table = duration_table(melody.metre)
    for position, ticks in zip(melody.positions.tolist(), melody.durations.tolist(), strict=True):
        is_possible = ticks in DURATION_WEIGHTS and position % GRID == 0
        yield float(table[position // GRID, _DURATIONS.index(ticks)]) if is_possible else 0.0


def _walk(random: np.random.Generator, source: str) -> Melody:
    """Generate one tune."""
    metre = WALK_METRES[random.integers(len(WALK_METRES))]
    mode = tuple(SCALES)[random.integers(len(SCALES))]
    tonic = int(random.integers(12))
    n_phrases = int(random.geometric(END_PROBABILITY))
    n_bars = PHRASE_BARS * n_phrases

    pitch_bounds, duration_bounds = _pitch_bounds(), _duration_bounds(metre)
    midi_pitches = [REST, *(MIDDLE_C + tonic + _semitones(degree, mode) for degree in DEGREES)]
    # An event lasts at least one step of the grid, so that these random numbers suffice.
    chances = random.random((n_bars * metre.bar_ticks // GRID, 2)).tolist()
    pitches: list[int] = []
    durations: list[int] = []
    state = _RESTART
    elapsed = 0
    for pitch_chance, duration_chance in chances:
        if elapsed == n_bars * metre.bar_ticks:
            break
        state = bisect_right(pitch_bounds[state], pitch_chance)
        position = elapsed % metre.bar_ticks // GRID
        ticks = _DURATIONS[bisect_right(duration_bounds[position], duration_chance)]
        pitches.append(midi_pitches[state])
        durations.append(ticks)
        elapsed += ticks
    return Melody(pitches, durations, metre, tonic=tonic, mode=mode, source=source, corpus="synthetic")


@cache
def _pitch_bounds() -> list[list[float]]:
    return [_bounds(probabilities) for probabilities in pitch_table().tolist()]


@cache
def _duration_bounds(metre: Metre) -> list[list[float]]:
    return [_bounds(probabilities) for probabilities in duration_table(metre).tolist()]


def _bounds(probabilities: list[float]) -> list[float]:
    """Return the cumulative probabilities: the numbers in [0, 1) at which one choice ends and the next begins."""
    # The sum may be less than 1 by rounding, and no random number may lie above it.
    return [bound if bound < 1 - 1e-9 else math.inf for bound in accumulate(probabilities)]
